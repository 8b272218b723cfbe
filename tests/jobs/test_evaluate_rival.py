"""Two synthetic corpora compared in one evaluation."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.corpus import Corpus
from cluster.session import connect
from diffcxr.sources.row import Row
from jobs.command import main
from jobs.evaluation_config import METRICS
from tests.cluster.films import film_rows, write_classifier, write_films
from tests.jobs.evaluations import command, scores


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


def test_a_rival_is_compared_in_every_metric_with_an_interval_and_a_p_value(tmp_path: Path, capsys) -> None:
    real = film_rows(160, seed=1)

    def made(count: int, brightness: float) -> list[Row]:
        films = film_rows(count, seed=int(brightness), brightness=brightness)
        return [
            dataclasses.replace(
                row,
                **{
                    name: getattr(real[4 * (index // 4)], name)
                    for name in ("report_id", "patient_id", "labels")
                },
                sample_index=index % 4,
            )
            for index, row in enumerate(films)
        ]

    write_films(tmp_path / "real", real, [70])
    write_films(tmp_path / "synthetic", made(160, 15))
    write_films(tmp_path / "rival", made(120, 40), [50])
    write_classifier(tmp_path / "classifier")
    every = [f"metrics=[{','.join(METRICS)}]", "real_split=train", "validation_split=test"]
    one = command(tmp_path, *every, f"rival={tmp_path / 'rival'}")
    assert main(one) == 0
    assert " p\n" in capsys.readouterr().out
    found = scores(tmp_path / "out")
    differences = {key: score for key, score in found.items() if score.against is not None}
    alone = {key: score for key, score in found.items() if score.against is None}
    as_papers = ("kid_whole", "inception_score_10")  # models are compared by kid and inception_score
    compared = [key for key in alone if key[0] not in as_papers]
    assert [(f"{metric}_difference", *of) for metric, *of in compared] == list(differences)
    rivals = {(score.digest_rival, score.digest_real is not None) for score in differences.values()}
    assert rivals == {(Corpus.open(str(tmp_path / "rival")).digest, True)}
    assert {score.digest_rival for score in alone.values()} == {None}
    for (metric, _, subset), score in differences.items():
        assert score.against is not None and score.against.startswith("films, ")
        if metric == "fid_infinity_difference":
            assert score.value is None
        elif subset == "all" and not metric.startswith(("mauc_paired", "f1_paired")):
            assert score.value is not None and score.rival_value is not None and score.p_value is not None
            assert score.low is not None and score.high is not None, metric
            assert score.low <= score.value <= score.high, metric
            of_all = metric.startswith(("ms_ssim", "alignment", "retrieval"))  # means have no bias by number
            films = (160, 120) if of_all else (120, 120)
            assert (score.n_synthetic, score.n_rival) == films, metric
    fid = differences["fid_difference", "efficientnet_lite0", "all"]
    assert fid.value is not None and fid.value < 0 and fid.p_value is not None and fid.p_value < 0.05

    # What is said of the synthetic films alone is what is said without a rival, and so is a rival's value.
    assert main(command(tmp_path, *every, output="alone")) == 0
    assert scores(tmp_path / "alone") == alone
    rival = [f"synthetic={tmp_path / 'rival'}", "metrics=[fid,kid,vendi]", "real_split=train"]
    assert main(command(tmp_path, *rival, output="other")) == 0
    for (metric, extractor, subset), score in scores(tmp_path / "other").items():
        difference = differences[f"{metric}_difference", extractor, subset]
        assert difference.rival_value == pytest.approx(score.value, rel=1e-9)

    capsys.readouterr()
    assert main(command(tmp_path, f"rival={tmp_path / 'synthetic'}", output="same")) == 2
    assert "no rival of itself" in capsys.readouterr().err
    assert main([*one[:-1], f"rival={tmp_path / 'real'}", one[-1]]) == 4  # another rival, another run
