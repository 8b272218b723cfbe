"""Which samples a run makes, in which unit each of them is, and which corpus rows a unit needs.

A report is a corpus row whose `sample_index` is 0: the first film of its study, or the study itself in a
corpus without films. Further films of a study are not prompts, so each `report_id` is used once; they are
counted out by the `sample_index` column alone, without reading text. Samples are ordered by shard, row and
sample; unit i is the i-th `images_per_shard` of them. Units are addressed by number and made when asked for:
memory is O(corpus shards).
"""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Iterator, Sequence
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
class Unit:
    """What one actor does at a time and commits as one object.

    The unit's samples are `samples_per_report` of each report in `spans`, in order, less the first `skip`
    (they belong to the unit before) and cut at `samples`.
    """

    number: int
    spans: tuple[Span, ...]
    skip: int
    samples: int
    samples_per_report: int

    def sample(self, offset: int) -> tuple[int, int]:
        """Where sample `offset` comes from: (position among the reports of `spans`, sample_index)."""
        return divmod(self.skip + offset, self.samples_per_report)


@dataclass(frozen=True, slots=True)
class Plan:
    """All units of a run; `ends` holds, per corpus shard, the reports up to its end."""

    ends: Sequence[int]
    reports: int
    samples_per_report: int
    images_per_shard: int

    @property
    def samples(self) -> int:
        return self.reports * self.samples_per_report

    def __len__(self) -> int:
        return -(-self.samples // self.images_per_shard)

    def unit(self, number: int) -> Unit:
        """Unit `number`; raises IndexError past the last."""
        if not 0 <= number < len(self):
            raise IndexError(f"unit {number} of {len(self)}")
        first = number * self.images_per_shard
        last = min(first + self.images_per_shard, self.samples)
        start = first // self.samples_per_report
        stop = -(-last // self.samples_per_report)
        spans = tuple(self._spans(start, stop))
        return Unit(number, spans, first % self.samples_per_report, last - first, self.samples_per_report)

    def locate(self, shard: int, position: int, sample_index: int) -> tuple[int, int]:
        """(unit, offset in it) of a sample of report `position` of corpus shard `shard`."""
        report = (self.ends[shard - 1] if shard else 0) + position
        if report >= self.reports or sample_index >= self.samples_per_report:
            raise IndexError(f"sample {sample_index} of report {report} is not in the plan")
        return divmod(report * self.samples_per_report + sample_index, self.images_per_shard)

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
) -> Plan:
    """The plan of a corpus whose shards hold `shard_reports` reports; `limit` keeps the first of them.

    Where `image_bytes`, an upper estimate of one encoded image, is given, `images_per_shard` is lowered so
    that a shard stays within MAX_SHARD_BYTES.
    """
    if samples_per_report < 1 or images_per_shard < 1 or (limit is not None and limit < 1):
        raise ValueError("samples_per_report, images_per_shard and limit are at least 1")
    ends = array("q", accumulate(shard_reports))
    total = ends[-1] if ends else 0
    if image_bytes is not None:
        images_per_shard = max(1, min(images_per_shard, MAX_SHARD_BYTES // (image_bytes + _ROW_BYTES)))
    reports = total if limit is None else min(limit, total)
    return Plan(ends, reports, samples_per_report, images_per_shard)
