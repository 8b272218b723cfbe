from pathlib import Path

import numpy as np

from cluster.film_slices import REAL, RIVAL, SYNTHETIC, Selection, take_census
from cluster.finding_films import FindingStates, finding_scores, read_labels
from diffcxr.findings import CHEXPERT_14
from eval.feature_rows import FeatureRows
from tests.cluster.films import film_rows, write_films
from tests.cluster.test_varieties import Named

ROWS = {REAL: film_rows(600, seed=1), SYNTHETIC: film_rows(400, seed=2)}


def selections(folder: Path) -> dict[str, Selection]:
    return {
        side: Selection(write_films(folder / side, rows, [len(rows) // 3])) for side, rows in ROWS.items()
    }


def test_what_labels_call_present_is_known_by_the_film_s_key(tmp_path: Path) -> None:
    selection = selections(tmp_path)[REAL]
    census, labels = take_census(selection), read_labels(selection)
    keys = np.concatenate(census.keys)
    order = np.random.default_rng(0).permutation(len(keys))
    for row, present in zip((ROWS[REAL][i] for i in order), labels.of(keys[order]), strict=True):
        # Uncertain (every seventh Fracture) is not present, nor is what no label says (every eleventh film).
        expected = [(row.labels or {}).get(finding) == 1 for finding in CHEXPERT_14]
        assert present.tolist() == expected
    assert read_labels(Selection(selection.corpus, "test")).keys.size == 150


def test_each_finding_has_a_row_of_the_films_that_show_it(tmp_path: Path) -> None:
    chosen = selections(tmp_path)
    states = FindingStates.of(chosen, (REAL, SYNTHETIC), [Named()])
    for number, (side, selection) in enumerate(chosen.items()):
        rng, census = np.random.default_rng(number), take_census(selection)
        for patients, keys in zip(census.patients, census.keys, strict=True):
            features = rng.normal(size=(len(keys), 5)).astype(np.float32)
            states.add(side, {"named": [FeatureRows(features, patients, keys)]})
            states.add(RIVAL, {"named": [FeatureRows(features, patients, keys)]})  # another's
    found = {s.subset: s for s in finding_scores(chosen, states, Named(), lambda _, values: values)}
    assert list(found) == list(CHEXPERT_14)
    for finding in ("Edema", "Fracture"):
        score = found[finding]
        counts = [
            sum((row.labels or {}).get(finding) == 1 for row in ROWS[side]) for side in (REAL, SYNTHETIC)
        ]
        assert [score.n_real, score.n_synthetic] == counts
        assert score.value is not None and score.low is not None and score.floor is not None
        assert (score.extractor, score.digest, score.reference) == ("named", "d", "films")
    assert found["Pneumonia"].value is None and (found["Pneumonia"].note or "").startswith("0 real")
