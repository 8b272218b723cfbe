"""Films of others, joined to the reports from which they were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from cluster.corpus import Corpus
from cluster.reports import read_ahead
from cluster.schema import ROW_SCHEMA, rows_from_table
from diffcxr.sources.row import Reject, Row

_OWN = ("sample_index", "image", "seed", "truth")  # a film's, not its report's
_COLUMNS = [name for name in ROW_SCHEMA.names if name not in _OWN]


@dataclass(frozen=True, slots=True, eq=False)
class Reports:
    """What a corpus says of each report, by its id: about a kilobyte a report, and no images."""

    table: pa.Table
    places: dict[str, int]  # report_id -> row of the table

    @classmethod
    def of(cls, corpus: Corpus) -> Reports:
        """The first row of each report. Raises InputError where a shard is missing or damaged."""
        places: dict[str, int] = {}
        parts = [ROW_SCHEMA.empty_table().select(_COLUMNS)]
        for shard in read_ahead(lambda number: corpus.read(number, _COLUMNS), len(corpus.shards)):
            firsts = []
            for at, report_id in enumerate(shard["report_id"].to_pylist()):
                if report_id not in places:
                    places[report_id] = len(places)
                    firsts.append(at)
            parts.append(shard.take(pa.array(firsts, pa.int64())))
        return cls(pa.concat_tables(part.replace_schema_metadata(None) for part in parts), places)

    def join(self, films: Iterable[Row | Reject]) -> Iterator[Row | Reject]:
        """The films with all that their reports' rows say, as `generate` writes it; Rejects as they come.

        A film whose report is not there is a Reject.
        """
        for film in films:
            if isinstance(film, Reject):
                yield film
            elif (place := self._place(film.report_id)) is None:
                reason = "not in source.reports"
                yield Reject(report_id=film.report_id, sample_index=film.sample_index, reason=reason)
            else:
                (report,) = rows_from_table(self.table.slice(place, 1))
                own = {name: getattr(film, name) for name in (*_OWN, "image_path")}
                yield replace(report, **own)

    def _place(self, report_id: str) -> int | None:
        if report_id.isdigit() and report_id not in self.places:
            return self.places.get(f"s{report_id}")  # MIMIC-CXR's folders say s50414267, its tables 50414267
        return self.places.get(report_id)
