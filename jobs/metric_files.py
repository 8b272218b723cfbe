"""The metrics of a finished evaluation, read back."""

from __future__ import annotations

from cluster.run_record import RUN_PATH, RunRecord, create_or_resume
from cluster.storage import Storage
from diffcxr.errors import InputError, RefusedError
from eval.scores import Score, scores_from_json

METRICS_PATH, TABLE_PATH = "metrics.json", "metrics.parquet"


def scores_there(output: Storage, record: RunRecord) -> list[Score]:
    """The scores of a finished evaluation, which has to be the one of the record."""
    if not output.exists(RUN_PATH):
        raise RefusedError("the output holds metrics of an unknown run", output.uri, "Choose a new output.")
    create_or_resume(output, record)
    try:
        return scores_from_json(output.read(METRICS_PATH))
    except (ValueError, TypeError, KeyError) as error:
        where = output.child(METRICS_PATH).uri
        raise InputError(
            "the metrics cannot be read", where, "Delete the file, then run the same command again."
        ) from error
