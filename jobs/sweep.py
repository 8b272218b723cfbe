"""`diffcxr sweep plan=FILE output=URI`: every point of a plan run once, and their results in one registry."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cluster.session import connect
from cluster.storage import Storage
from jobs.command import load_job, main, write_summary
from jobs.options import required
from jobs.overrides import compose_config
from jobs.summary import Summary
from jobs.sweep_plan import Point, read_plan

REGISTRY = "results.json"
RAY_JOBS = {"generate", "evaluate", "downstream"}


@dataclass(kw_only=True)
class Config:
    """Which points, and where their results go."""

    plan: str = required(help="YAML file: job, base, and points or a grid (docs/sweep.md)")
    output: str = required(help="URI of the registry; points/<fingerprint>/<step> below it")


def run(config: Config) -> Summary:
    """Runs each point that has no result yet; an unfinished one goes on where its own jobs left off.

    A point that ends incomplete leaves no result; the others are run all the same. Raises InputError, and
    whatever a point's job raises.
    """
    folder, _, name = config.plan.rpartition("/")
    points = read_plan(Storage.at(folder or ".").read(name).decode(), config.plan)
    output = Storage.at(config.output)
    output.check_writable()

    there = {result["fingerprint"] for result in _results(output)}
    states = {point.fingerprint: "done before" for point in points if point.fingerprint in there}
    with contextlib.ExitStack() as session:
        for number, point in enumerate(points, 1):
            if point.fingerprint in there:
                continue
            if _share_ray(point):
                session.enter_context(connect())  # the first opens it, the others join
            sys.stderr.write(f"point {number} of {len(points)}: {point.label}\n")
            states[point.fingerprint] = "done" if _run_point(point, output) else "incomplete"

    results = list(_results(output))
    output.replace(REGISTRY, (json.dumps(results, indent=1, sort_keys=True) + "\n").encode())
    counts = {state: list(states.values()).count(state) for state in ("done", "done before", "incomplete")}
    incomplete = counts["incomplete"]
    return Summary(
        values={"points": len(points), **counts, "results": len(results)},
        table=[["point", "fingerprint", ""]]
        + [[point.label, point.fingerprint, states[point.fingerprint]] for point in points],
        exit_code=3 if incomplete else 0,
        output=config.output,
        note=f"{incomplete} of {len(points)} points are incomplete. Run the same command again."
        if incomplete
        else "",
    )


def _run_point(point: Point, output: Storage) -> bool:
    """Whether all steps were done; then the result is there, created once."""
    outputs: dict[str, str] = {}
    steps: list[dict[str, Any]] = []
    for step in point.steps:
        outputs[step.name] = output.child(f"points/{point.fingerprint}/{step.name}").uri
        module = load_job(step.job)
        summary = module.run(compose_config(step.job, module.Config, step.resolved(outputs)))
        write_summary(summary)
        if summary.exit_code:
            return False
        place = f"points/{point.fingerprint}/{step.name}"  # relative: a registry may be moved
        steps.append({"name": step.name, "job": step.job, "output": place, "summary": summary.values})
    result = {
        "fingerprint": point.fingerprint,
        "point": point.label,
        "overrides": {step.name: list(step.overrides) for step in point.steps},
        "steps": steps,
    }
    # Another sweep may have finished the same point meanwhile: one result stays, and either is right.
    output.create(_result_path(point.fingerprint), (json.dumps(result, indent=1) + "\n").encode())
    return True


def _share_ray(point: Point) -> bool:
    """Whether its jobs can use one Ray session of the sweep's, instead of starting one each."""
    own_cluster = any(text.startswith("address=") for step in point.steps for text in step.overrides)
    return not own_cluster and any(step.job in RAY_JOBS for step in point.steps)


def _results(output: Storage) -> Iterator[dict[str, Any]]:
    """Every result of the registry, those of other plans too, in the order of their fingerprints."""
    for stored in output.list("points/"):
        parts = stored.path.split("/")
        if len(parts) == 3 and parts[2] == "result.json":
            yield json.loads(output.read(stored.path))


def _result_path(fingerprint: str) -> str:
    return f"points/{fingerprint}/result.json"


if __name__ == "__main__":
    sys.exit(main(["sweep", *sys.argv[1:]]))
