"""Which reports of a corpus a run makes: all, those that another corpus does not hold, or a run's rejects."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cluster.corpus import Corpus, read_footers
from cluster.plan import Selection
from cluster.reports import count_reports, read_ahead, report_ids
from cluster.run_record import RunRecord, differing_fields
from diffcxr.errors import InputError
from diffcxr.sources.row import Reject

SELECTIONS = ("exclude", "retry")
"""What a run's `plan` names, with a corpus's digest, where it makes a part of its own corpus."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The reports of a corpus, counted by shard as far as they are needed, and what is made of them."""

    reports: Sequence[int]
    selection: Selection | None = None  # None: every sample
    identity: Mapping[str, str] = field(default_factory=dict)  # part of the run's `plan`

    def samples(self, samples_per_report: int, limit: int | None) -> int:
        """How many samples there are to be made."""
        if self.selection is not None:
            return self.selection.samples
        return min(sum(self.reports), limit or sum(self.reports)) * samples_per_report


def select_all(corpus: Corpus, limit: int | None) -> Selected:
    """Every report, or the first `limit`. Raises InputError where there is none, or the corpus is damaged."""
    counts = count_reports(corpus, limit)
    if not sum(counts):
        raise InputError("the corpus has no reports", corpus.uri, "Give one with rows of sample_index 0.")
    return Selected(counts)


def select_new(corpus: Corpus, excluded: Corpus, samples_per_report: int, limit: int | None) -> Selected:
    """The reports that `excluded` does not hold, as rows or as rejects; of these the first `limit`.

    Texts of large corpora are not read; memory is some hundred bytes a report of `excluded`.
    """
    held = _held(excluded)
    every = range(samples_per_report)
    wanted = ([() if _key(name) in held else every for name in names] for names in report_ids(corpus))
    return _selected(wanted, samples_per_report, limit, {"exclude": excluded.digest})


def select_rejected(corpus: Corpus, parent: Corpus, samples_per_report: int, limit: int | None) -> Selected:
    """The samples that `parent`, made from this corpus, has rejected; of their reports the first `limit`.

    Raises InputError where `parent` was made from another corpus, or has no rejects.
    """
    made_from = parent.manifest.get("parent")
    if not isinstance(made_from, dict) or made_from.get("digest") != corpus.digest:
        fix = "Give the corpus that the parent was made from."
        raise InputError("the parent was made from another corpus", parent.uri, fix)
    rejects: defaultdict[str, list[int]] = defaultdict(list)
    for reject in _rejects(parent):
        rejects[reject.report_id].append(reject.sample_index)
    if not rejects:
        raise InputError("the parent has no rejects", parent.uri, "There is nothing to try again.")
    most = max(max(indices) for indices in rejects.values())
    if most >= samples_per_report:
        fix = f"Give samples_per_report={most + 1} or more, as the parent had."
        raise InputError(f"the parent has rejected samples up to index {most}", parent.uri, fix)
    wanted = ([sorted(rejects.get(name, ())) for name in names] for names in report_ids(corpus))
    return _selected(wanted, samples_per_report, limit, {"retry": parent.digest})


def refuse_other_seed(parent: Corpus, seed: int) -> None:
    """Raises InputError where rejects of `parent` would not be made with the seeds that they had."""
    there = _pixels(parent).get("seed", seed)
    if there != seed:
        what = f"the parent was made with seed={there}, not with seed={seed}"
        raise InputError(what, parent.uri, f"Give seed={there}: each sample keeps the seed that it had.")


def differing_pixels(parent: Corpus, record: RunRecord) -> list[str]:
    """One phrase a setting that `parent` was made with and `record` is not (see differing_fields)."""
    return differing_fields(RunRecord(_pixels(parent), {}), RunRecord(record.pixels, {}))


def _pixels(made: Corpus) -> Mapping[str, object]:
    """`pixels` of the run that made it, as its provenance holds them beside other things."""
    found = made.manifest.get("provenance")
    provenance = found if isinstance(found, dict) else {}
    return {name: provenance[name] for name in provenance if name not in ("synthetic", "maker", *SELECTIONS)}


def _selected(
    wanted: Iterable[Sequence[Sequence[int]]],
    samples_per_report: int,
    limit: int | None,
    identity: Mapping[str, str],
) -> Selected:
    """From the sample indices that are wanted of each report, in order, a list a shard."""
    counts: list[int] = []

    def runs() -> Iterator[tuple[int, int]]:
        report = reports = 0
        for shard in wanted:
            counts.append(len(shard))
            for indices in shard:
                if indices:
                    reports += 1
                for index in indices:
                    number = report * samples_per_report + index
                    yield number, number + 1
                report += 1
                if reports == limit:
                    return

    selection = Selection.of(runs())
    return Selected(counts, selection, identity)


def _held(corpus: Corpus) -> set[bytes]:
    held = {_key(reject.report_id) for reject in _rejects(corpus)}
    tables = read_ahead(lambda shard: corpus.read(shard, ["report_id"]), len(corpus.shards))
    for table in tables:
        held.update(map(_key, table.column("report_id").unique().to_pylist()))
    return held


def _rejects(corpus: Corpus) -> Iterator[Reject]:
    for footer in read_footers(corpus.storage, len(corpus.shards)):
        if footer is not None:
            yield from footer.rejects


def _key(report_id: str) -> bytes:
    return hashlib.blake2b(report_id.encode(), digest_size=12).digest()
