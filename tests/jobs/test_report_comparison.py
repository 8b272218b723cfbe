from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import false_discovery_control

from cluster.storage import Storage
from diffcxr.findings import CHEXPERT_14
from eval.scores import Score, scores_to_json
from jobs.page.comparison import chance, holm, view_comparison
from jobs.page.glossary import terms
from jobs.page.measures import of_findings, overall, read_scores
from jobs.page.sweeps import Sweep, view_sweep
from jobs.report import Config, run
from tests.jobs.page_runs import metrics

AGAINST = "other-synthetic, ab12"


def difference(score: Score, value: float | None, p: float | None) -> Score:
    """A row as `evaluate rival=` writes it, of a row of the synthetic corpus."""
    return replace(
        score,
        metric=f"{score.metric}_difference",
        value=value,
        low=None if value is None else value - 0.02,
        high=None if value is None else value + 0.02,
        floor=None,
        ceiling=None,
        against=AGAINST,
        rival_value=None if value is None or score.value is None else score.value - value,
        n_rival=20,
        p_value=p,
    )


def compared(fid: float, p: float, finding_p: float = 0.5) -> list[Score]:
    alone = metrics(0.8)
    rows = [difference(alone[0], fid, p), difference(alone[1], 0.01, 0.4)]
    for score in alone[2:]:
        none = score.subset == "Fracture"
        rows.append(difference(score, None if none else 0.1, None if none else finding_p))
    return [*alone, *rows]


def page_of(tmp_path: Path, scores: list[Score]) -> str:
    Storage.at(tmp_path / "runs/evaluation").create("metrics.json", scores_to_json(scores))
    run(Config(runs=str(tmp_path / "runs"), output=str(tmp_path / "page.html")))
    return (tmp_path / "page.html").read_text()


def test_the_page_says_in_words_which_model_is_better_and_how_sure_that_is(tmp_path: Path) -> None:
    html = page_of(tmp_path, compared(-1.5, 0.0012))
    assert f"B: {AGAINST}." in html
    assert (
        "A is better than B on FID (efficientnet_lite0) by 1.500 (95 % interval 1.480 to 1.520), p = 0.001."
        in html
    )
    assert "No difference found in Label mAUC." in html
    assert "Of 13 findings, none is shown better by either" in html
    assert "A is better</td>" in html and "no difference found</td>" in html
    assert "14.00" in html and "20 films" in html  # the rival's own FID and films
    assert "<dt>p</dt>" in html


def test_a_rival_can_be_better_and_lower_is_better_only_where_it_is() -> None:
    (worse,) = (view_comparison(read_scores([row_of(s) for s in compared(1.5, 1e-9, 0.003)], "here")),)
    assert worse is not None
    assert worse.verdicts[0].words == "B is better" and worse.verdicts[1].words == "no difference found"
    assert worse.sentences[0].startswith("B is better than A on FID") and "p < 0.001" in worse.sentences[0]
    shown = [name for name in CHEXPERT_14 if name != "Fracture"]
    assert f"A shows {', '.join(shown)} better" in worse.sentences[-1]  # higher is better, 13 times 0.003


def test_distances_of_findings_are_told_by_their_features() -> None:
    fid = metrics(0.8)[0]
    found = [
        difference(replace(fid, metric="fid_finding", subset=name, value=20.0), change, p)
        for name, change, p in (("Edema", -3.0, 0.001), ("Fracture", 2.0, 0.04), ("Pneumonia", 5.0, 0.03))
    ]
    view = view_comparison(read_scores([row_of(s) for s in found], "here"))
    assert view is not None and view.verdicts == ()
    (sentence,) = view.sentences
    # Of three comparisons, 0.03 is no difference.
    assert sentence.startswith("By efficientnet_lite0 features: Of 3 findings, A shows Edema better (p for")


def row_of(score: Score) -> dict[str, object]:
    return {name: getattr(score, name) for name in Score.__dataclass_fields__}


def test_differences_are_in_no_table_of_values_and_not_told_without_a_rival() -> None:
    both = read_scores([row_of(s) for s in compared(-1.5, 0.01)], "here")
    alone = read_scores([row_of(s) for s in metrics(0.8)], "here")
    assert overall(both) == overall(alone) and of_findings(both) == of_findings(alone)
    assert view_comparison(alone) is None
    assert "p" in dict(terms(both)) and "p" not in dict(terms(alone))
    sweep = Sweep("s", ({"point": "a", "steps": [{"output": "e", "summary": {}}]},))
    assert view_sweep(sweep, {"s/e": both}).columns == ("FID, efficientnet_lite0", "Label mAUC")


def test_too_few_films_are_no_verdict(tmp_path: Path) -> None:
    alone = metrics(0.8)[0]
    html = page_of(tmp_path, [alone, difference(alone, None, None)])
    assert "too few films</td>" in html and "is better</td>" not in html


def test_holm_s_p_values_are_his() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0] and holm([]) == []
    p = [0.001, 0.2, 0.013, 0.04, 0.5]
    assert all(a >= b for a, b in zip(holm(p), false_discovery_control(p), strict=True))


@pytest.mark.parametrize(
    ("p", "text"),
    [(None, "–"), (0.5, "0.50"), (0.0496, "0.050"), (0.0063, "0.006"), (0.0004, "< 0.001")],
)
def test_chances_are_told_to_what_can_be_trusted(p: float | None, text: str) -> None:
    assert chance(p) == text
