"""The films that show each finding, from the rows of slices, and their FIDs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cluster.film_slices import REAL, SYNTHETIC, Selection
from diffcxr.findings import CHEXPERT_14
from eval.feature_rows import FeatureRows
from eval.features.extractor import Extractor
from eval.fid_finding import FindingFilms, fid_finding_scores, update
from eval.groups import film_keys
from eval.scores import Score

_READERS = 16  # columns of ids and labels are small: latency is what their reading costs


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Which of CHEXPERT_14 the labels of each film of a selection say is present; 15 bytes a film."""

    keys: NDArray[np.uint64]  # (n,), ascending
    present: NDArray[np.bool_]  # (n, 14)

    def of(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """(m, 14) for films (m,) of the selection."""
        present: NDArray[np.bool_] = self.present[np.searchsorted(self.keys, keys)]
        return present


def read_labels(selection: Selection) -> Labels:
    """Reads ids and labels, and no images. Uncertain is not present, nor is what no label says."""

    def one(shard: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        table = selection.read(shard, ["report_id", "sample_index", "labels"])
        keys = film_keys(table["report_id"].to_pylist(), table["sample_index"].to_pylist())
        return keys, np.stack([_says(table["labels"], name) for name in CHEXPERT_14], axis=1)

    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(one, range(len(selection.corpus.shards))))
    keys = np.concatenate([keys for keys, _ in found])
    order = np.argsort(keys, kind="stable")
    return Labels(keys[order], np.concatenate([present for _, present in found])[order])


@dataclass(slots=True)
class FindingStates:
    """Bounded states by side and extractor."""

    labels: Mapping[str, Labels]  # by side
    states: dict[tuple[str, str], FindingFilms] = field(default_factory=dict)

    @classmethod
    def of(
        cls, selections: Mapping[str, Selection], sides: Collection[str], extractors: Sequence[Extractor]
    ) -> FindingStates:
        """Empty states of those sides."""
        return cls(
            {side: read_labels(selections[side]) for side in sides},
            {
                (side, extractor.name): FindingFilms(extractor.dimension, len(CHEXPERT_14))
                for side in sides
                for extractor in extractors
            },
        )

    def add(self, side: str, rows: Mapping[str, Sequence[FeatureRows]]) -> None:
        """The rows of a slice of a side, by extractor; those of other sides are passed over."""
        if side not in self.labels:
            return
        for name, parts in rows.items():
            for part in parts:
                present = self.labels[side].of(part.keys)
                self.states[side, name] = update(self.states[side, name], part, present)


def finding_scores(
    selections: Mapping[str, Selection],
    found: FindingStates,
    extractor: Extractor,
    follow: Callable[[str, Iterator[float]], Iterator[float]],
) -> Iterator[Score]:
    """A row for each finding, of one extractor's features."""
    name = extractor.name
    yield from fid_finding_scores(
        found.states[REAL, name],
        found.states[SYNTHETIC, name],
        findings=CHEXPERT_14,
        extractor=name,
        digest=extractor.digest,
        reference=selections[REAL].name,
        follow=lambda finding, values: follow(f"fid {name}, {finding}", values),
    )


def _says(labels: pa.ChunkedArray, finding: str) -> NDArray[np.bool_]:
    says: NDArray[np.bool_] = pc.fill_null(pc.equal(pc.struct_field(labels, finding), 1), False).to_numpy()
    return says
