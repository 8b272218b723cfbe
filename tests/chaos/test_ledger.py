"""The account of a run: what was granted, done again, raced for and lost."""

from tests.chaos.faulty_proxy import Seen
from tests.chaos.ledger import read_ledger

HOLMES, WATSON = 11, 12


def head(pid: int, unit: int, at: float, status: int = 404) -> Seen:
    return Seen("HEAD", f"/bucket/out/shards/{unit:05d}.parquet", {}, "", pid, at, at, status)


def put(pid: int, unit: int, at: float, status: int = 200, fault: str = "") -> Seen:
    return Seen("PUT", f"/bucket/out/shards/{unit:05d}.parquet", {}, fault, pid, at, at + 0.5, status)


def test_a_unit_that_was_begun_and_not_sent_is_lost_by_its_process() -> None:
    ledger = read_ledger([head(HOLMES, 0, 1), head(HOLMES, 1, 2), put(HOLMES, 1, 3)], "s3://bucket/out")
    assert ledger.lost == {HOLMES: 1} and ledger.granted == {"shards/00001.parquet": 1}


def test_what_was_begun_before_another_s_commit_was_raced_for_and_what_was_begun_later_redone() -> None:
    seen = [head(HOLMES, 0, 1), head(WATSON, 0, 2), put(HOLMES, 0, 3), put(WATSON, 0, 5, status=412)]
    assert (read_ledger(seen, "s3://bucket/out").raced, read_ledger(seen, "s3://bucket/out").redone) == (1, 0)
    seen[1] = head(WATSON, 0, 4)
    assert (read_ledger(seen, "s3://bucket/out").raced, read_ledger(seen, "s3://bucket/out").redone) == (0, 1)
    del seen[1]
    assert read_ledger(seen, "s3://bucket/out").redone == 1, "it did not even ask"


def test_an_answer_that_was_lost_is_no_work_done_again() -> None:
    seen = [head(HOLMES, 0, 1), put(HOLMES, 0, 2, fault="answer lost"), put(HOLMES, 0, 3, status=412)]
    ledger = read_ledger(seen, "s3://bucket/out")
    assert (ledger.redone, ledger.raced, ledger.lost) == (0, 0, {}) and ledger.faults == {"answer lost": 1}


def test_other_runs_are_not_counted() -> None:
    assert read_ledger([head(HOLMES, 0, 1), put(HOLMES, 0, 2)], "s3://bucket/other").requests == 0
