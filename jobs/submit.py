"""`diffcxr submit job=generate address=http://127.0.0.1:8265 corpus=...`: any job on a Ray cluster."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from diffcxr.errors import IncompleteError
from jobs.command import JOBS, load_job, main
from jobs.options import option, options_of, required
from jobs.overrides import compose_config
from jobs.summary import Summary


@dataclass(kw_only=True)
class Config:
    """Which job, and where; the rest of what is typed is the job's own."""

    job: str = required(help="the job to run there", choices=[job for job in JOBS if job != "submit"])
    address: str = required(help="the cluster's dashboard, e.g. http://127.0.0.1:8265")
    follow: bool = option(True, help="print the job's log and end with its exit code")
    overrides: list[str] = option([], help="the job's own options; typed as key=value, after -- if need be")


def read_arguments(arguments: Sequence[str]) -> Config:
    """The submission's own options, and the job's: all that are not the former, and all behind `--`.

    The job's are checked here, against its own config, before anything is sent. Raises InputError.
    """
    here, behind = list(arguments), []
    if "--" in here:
        at = here.index("--")
        here, behind = here[:at], here[at + 1 :]
    known = {one.key for one in options_of(Config)}
    own = [argument for argument in here if argument.partition("=")[0] in known]
    config = compose_config("submit", Config, own)
    overrides = [*config.overrides, *(argument for argument in here if argument not in own), *behind]
    compose_config(config.job, load_job(config.job).Config, overrides)
    return dataclasses.replace(config, overrides=overrides)


def run(config: Config) -> Summary:
    """Submits the job, or finds it running, and follows it to its exit code.

    Ctrl-C stops following, not the job: the same command follows it again. Raises InputError,
    IncompleteError.
    """
    from cluster.submission import Cluster

    cluster = Cluster(config.address)
    submission = cluster.submit(["diffcxr", config.job, *config.overrides])
    sys.stderr.write(f"{'following' if submission.found else 'submitted'} {submission.id}\n")
    values = {"job": config.job, "submission": submission.id, "address": cluster.address}
    if not config.follow:
        return Summary(values=values, table=list(values.items()))
    try:
        for piece in cluster.follow(submission.id):
            sys.stdout.write(piece)
            sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        fix = f"The same command follows it again; `ray job stop {submission.id}` ends it."
        raise IncompleteError("the job goes on", submission.id, fix) from interrupt
    outcome = cluster.outcome(submission.id)
    ended = {**values, "status": outcome.status, "exit_code": outcome.exit_code}
    note = "" if outcome.exit_code == 0 else f"{submission.id} ended as {outcome.status.lower()}"
    return Summary(values=ended, table=list(ended.items()), exit_code=outcome.exit_code, note=note)


if __name__ == "__main__":
    sys.exit(main(["submit", *sys.argv[1:]]))
