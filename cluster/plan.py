"""Which samples a run makes, in which unit each of them is, and which corpus rows a unit needs.

A report is a corpus row whose `sample_index` is 0: the first film of its study, or the study itself in a
corpus without films. Further films of a study are not prompts, so each `report_id` is used once. Samples are
numbered by shard, row and sample; a selection says which of them are made, and unit i is the i-th
`images_per_shard` of these. Units are addressed by number and made when asked for: memory is O(corpus shards
and runs of the selection).
"""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from cluster.shard import MAX_SHARD_BYTES

_ROW_BYTES = 8 * 2**10  # a row without its image: text, sections, labels


@dataclass(frozen=True, slots=True)
class Span:
    """Reports `start` to `stop` of one corpus shard, counted among that shard's reports."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Run:
    """Samples that follow each other: `samples` of the reports in `spans`, after the first `skip`."""

    spans: tuple[Span, ...]
    skip: int
    samples: int


@dataclass(frozen=True, slots=True)
class Unit:
    """What one actor does at a time and commits as one object."""

    number: int
    runs: tuple[Run, ...]
    samples_per_report: int

    @property
    def spans(self) -> tuple[Span, ...]:
        """The reports that it needs, in order; one report is twice there where two runs meet in it."""
        return tuple(span for run in self.runs for span in run.spans)

    @property
    def samples(self) -> int:
        return sum(run.samples for run in self.runs)

    def places(self) -> Iterator[tuple[int, int]]:
        """Where each sample comes from: (position among the reports of `spans`, sample_index)."""
        first = 0
        for run in self.runs:
            for offset in range(run.skip, run.skip + run.samples):
                report, sample_index = divmod(offset, self.samples_per_report)
                yield first + report, sample_index
            first += sum(span.stop - span.start for span in run.spans)


@dataclass(frozen=True, slots=True)
class Selection:
    """Samples by their numbers, as runs in ascending order."""

    starts: Sequence[int]  # a run's first sample
    ends: Sequence[int]  # the selected samples up to a run's last

    @classmethod
    def of(cls, runs: Iterable[tuple[int, int]]) -> Selection:
        """The selection of `(start, stop)` runs, ascending and apart; those that touch become one."""
        starts, ends = array("q"), array("q")
        before = 0
        for start, stop in runs:
            if starts and start == starts[-1] + ends[-1] - (ends[-2] if len(ends) > 1 else 0):
                ends[-1] += stop - start
            elif stop > start:
                starts.append(start)
                ends.append(before + stop - start)
            before = ends[-1] if ends else 0
        return cls(starts, ends)

    @property
    def samples(self) -> int:
        return self.ends[-1] if self.ends else 0

    def runs(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The runs of sample numbers that the selected samples `first` to `last` are."""
        run = bisect.bisect_right(self.ends, first)
        while first < last:
            before = self.ends[run - 1] if run else 0
            end = min(self.ends[run], last)
            yield self.starts[run] + first - before, self.starts[run] + end - before
            first, run = end, run + 1


@dataclass(frozen=True, slots=True)
class Plan:
    """All units of a run; `ends` holds, per corpus shard, the reports up to its end."""

    ends: Sequence[int]
    selection: Selection
    samples_per_report: int
    images_per_shard: int

    @property
    def samples(self) -> int:
        return self.selection.samples

    def __len__(self) -> int:
        return -(-self.samples // self.images_per_shard)

    def unit(self, number: int) -> Unit:
        """Unit `number`; raises IndexError past the last."""
        if not 0 <= number < len(self):
            raise IndexError(f"unit {number} of {len(self)}")
        first = number * self.images_per_shard
        last = min(first + self.images_per_shard, self.samples)
        each = self.samples_per_report
        runs = tuple(
            Run(tuple(self._spans(start // each, -(-stop // each))), start % each, stop - start)
            for start, stop in self.selection.runs(first, last)
        )
        return Unit(number, runs, each)

    def _spans(self, start: int, stop: int) -> Iterator[Span]:
        shard = bisect.bisect_right(self.ends, start)
        while start < stop:
            before = self.ends[shard - 1] if shard else 0
            end = min(self.ends[shard], stop)
            if end > start:
                yield Span(shard, start - before, end - before)
            start, shard = end, shard + 1


def plan_units(
    shard_reports: Sequence[int],
    limit: int | None = None,
    samples_per_report: int = 1,
    images_per_shard: int = 1000,
    image_bytes: int | None = None,
    selection: Selection | None = None,
) -> Plan:
    """The plan of a corpus whose shards hold `shard_reports` reports.

    Args:
        limit: keeps the first of the reports; where there is a `selection`, it has seen to that.
        image_bytes: an upper estimate of one encoded image; `images_per_shard` is lowered so that a shard
            stays within MAX_SHARD_BYTES.
        selection: the samples that are made; None: all.
    """
    if samples_per_report < 1 or images_per_shard < 1 or (limit is not None and limit < 1):
        raise ValueError("samples_per_report, images_per_shard and limit are at least 1")
    ends = array("q", accumulate(shard_reports))
    total = ends[-1] if ends else 0
    if image_bytes is not None:
        images_per_shard = max(1, min(images_per_shard, MAX_SHARD_BYTES // (image_bytes + _ROW_BYTES)))
    if selection is None:
        selection = Selection.of([(0, min(total, limit or total) * samples_per_report)])
    return Plan(ends, selection, samples_per_report, images_per_shard)
