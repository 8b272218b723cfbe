import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cluster.corpus import Corpus
from cluster.exhibits import EXHIBITS_PATH, exhibits_from_json
from cluster.measurer import Instruments
from cluster.session import connect
from eval.prdc import NAMES
from eval.scores import SCORE_SCHEMA, scores_from_json
from jobs import evaluate
from jobs.command import main
from jobs.evaluation_config import METRICS, Config
from tests.cluster.films import film_rows, write_classifier, write_films
from tests.cluster.rows import rows
from tests.eval.inception_weights import write_inception_weights
from tests.jobs.evaluations import command, scores, write_place
from tests.weights_of_others import write_xrv


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_place(tmp_path_factory.mktemp("evaluate"))


def test_metrics_hold_fid_and_mauc_with_interval_floor_and_ceiling(place: Path, capsys) -> None:
    assert main(command(place)) == 0
    found = scores(place / "out")
    fid = found["fid", "efficientnet_lite0", "all"]
    assert (fid.n_real, fid.n_synthetic, fid.reference) == (60, 40, "films")
    assert fid.value is not None and fid.low is not None and fid.high is not None
    assert fid.low < fid.value < fid.high
    assert fid.floor is not None and fid.n_floor is not None and fid.n_floor <= 30
    mauc = found["mauc_label", "finding_classifier", "all"]
    assert mauc.findings is not None and "Edema" in mauc.findings
    assert mauc.floor is not None and mauc.ceiling is not None
    assert found["mauc_label", "finding_classifier", "Edema"].n_positive is not None
    assert all(score.digest.startswith("sha256:") for score in found.values())

    table = pq.read_table(place / "out/metrics.parquet")
    assert table.schema.equals(SCORE_SCHEMA)
    assert table.num_rows == len(found)
    summary = json.loads((place / "out/summary.json").read_text())
    assert summary["scores"]["fid/efficientnet_lite0/all"] == fid.value
    assert summary["real"]["films"] == 60
    exhibits = exhibits_from_json((place / "out" / EXHIBITS_PATH).read_bytes())
    assert exhibits.roc is not None and {one.finding for one in exhibits.roc.curves} == set(mauc.findings)
    assert exhibits.films is not None and exhibits.films.plane is not None
    assert {one.real[0][:8] for one in exhibits.films.near} == {"study-1-"}
    assert "fid" in capsys.readouterr().out


def test_every_metric_has_rows_with_n_digest_reference_interval_and_floor(tmp_path: Path) -> None:
    real = film_rows(160, seed=1)
    synthetic = [
        dataclasses.replace(row, report_id=real[4 * (index // 4)].report_id, sample_index=index % 4)
        for index, row in enumerate(film_rows(60, seed=2, brightness=15))
    ]
    write_films(tmp_path / "real", real, [70])
    write_films(tmp_path / "synthetic", synthetic, [30])  # in the middle of a prompt
    write_classifier(tmp_path / "classifier")
    more = ["real_split=train", f"cache={tmp_path / 'cache'}"]
    every = f"metrics=[{','.join(METRICS)}]"
    assert main(command(tmp_path, every, "validation_split=test", *more)) == 0
    found = scores(tmp_path / "out")
    of_features = {metric for metric, extractor, _ in found if extractor == "efficientnet_lite0"}
    of_classes = {"inception_score", "inception_score_10"}
    assert of_features == (
        {"fid", "fid_infinity", "fid_finding", "kid", "kid_whole", *NAMES, "vendi"} | of_classes
    )
    of_matcher = {metric for metric, extractor, _ in found if extractor == "mini_vlm"}
    assert of_matcher == {"alignment", "retrieval_r1", "retrieval_r5", "retrieval_r10"}
    of_classifier = {metric for metric, extractor, _ in found if extractor == "finding_classifier"}
    means = {f"mauc_{truth}{mean}" for truth in ("label", "paired") for mean in ("", "_micro", "_weighted")}
    f1s = {f"f1_{truth}{mean}" for truth in ("label", "paired") for mean in ("", "_micro")}
    assert of_classifier == means | f1s | {"ece_label", "brier_label"}
    for (metric, _, subset), score in found.items():
        assert score.digest and score.reference
        assert [score.digest_real, score.digest_synthetic, score.digest_rival, score.digest_reference] == [
            Corpus.open(str(tmp_path / "real")).digest,
            Corpus.open(str(tmp_path / "synthetic")).digest,
            None,
            None,
        ]
        if metric == "fid_infinity":  # 60 films are too few for a line
            assert score.value is None and score.note is not None and "1,280 features" in score.note
        elif metric.startswith("retrieval"):  # sixty films are no batch
            assert score.value is None and score.ceiling is not None
        elif metric == "inception_score_10":  # as papers print it
            assert score.value is not None and score.low is None and score.floor == 1
        elif subset == "all" and not metric.startswith(("mauc_paired", "f1_paired")):
            assert score.value is not None and score.low is not None and score.high is not None, metric
            assert score.low <= score.value <= score.high, metric
            assert score.floor is not None or score.ceiling is not None, metric
            assert (score.n_real, score.n_synthetic) == (120, 60), metric
    edema = found["fid_finding", "efficientnet_lite0", "Edema"]
    assert edema.value is None and edema.note is not None and "a value needs 100 each" in edema.note
    # Every fourth real film is a test film: these reports' real films are not measured.
    assert found["mauc_paired", "finding_classifier", "all"].n_real == 0
    likeness = found["ms_ssim", None, "all"]
    assert likeness.note is not None and likeness.note.startswith("15 prompts") and "resized" in likeness.note
    assert likeness.n_floor == 80  # one film of each real patient

    # Metrics that were not asked for are not computed, and what is left has the same values.
    assert main(command(tmp_path, "metrics=[kid]", *more, output="kid")) == 0
    assert list(scores(tmp_path / "kid").values()) == [found["kid", "efficientnet_lite0", "all"]]


def test_a_further_reference_is_measured_as_it_would_be_alone(place: Path, capsys) -> None:
    cache = f"cache={place / 'further-cache'}"
    more = ["metrics=[fid,mauc]", cache]
    assert main(command(place, *more, "real_split=test", "reference_split=train", output="further")) == 0
    shown = capsys.readouterr().out
    assert "efficientnet_lite0, films, train" in shown
    found = scores_from_json((place / "further/metrics.json").read_bytes())
    fids = {score.reference: score for score in found if score.metric == "fid"}
    assert {name: score.n_real for name, score in fids.items()} == {"films, test": 15, "films, train": 45}
    assert all(score.reference != "films, train" for score in found if score.metric != "fid")
    for split in ("test", "train"):
        assert main(command(place, "metrics=[fid]", cache, f"real_split={split}", output=f"of-{split}")) == 0
        alone = scores(place / f"of-{split}")["fid", "efficientnet_lite0", "all"]
        beside = fids[f"films, {split}"]
        # Floors are all at the n of the smallest reference.
        assert (beside.value, beside.low, beside.high) == (alone.value, alone.low, alone.high)
        assert beside.floor is not None and beside.n_floor == fids["films, test"].n_floor
    summary = json.loads((place / "further/summary.json").read_text())["scores"]
    assert summary["fid/efficientnet_lite0/all"] != summary["fid/efficientnet_lite0/all/films, train"]
    for split in ([], ["real_split=train"]):
        assert main(command(place, "metrics=[fid]", "reference_split=train", *split, output="none")) == 2
        assert "no other than real" in capsys.readouterr().err


def test_a_preset_marks_its_paper_s_rows_and_says_what_is_wrong_with_them(place: Path, capsys) -> None:
    write_xrv(place / "xrv.pt")
    given = ["preset=diff_cxr", f"xrv_weights={place / 'xrv.pt'}", "classifier=xrv", "metrics=[mauc_paired]"]
    one = command(place, f"synthetic={place / 'real'}", "synthetic_split=test", *given, output="preset")
    assert main(one) == 0
    assert "as in" in (shown := capsys.readouterr().out) and "the classifier's own reading" in shown
    found = scores(place / "preset")
    paired = found["mauc_paired", "xrv_findings", "diffcxr_11"]
    assert paired.protocol is not None and "arXiv 2410.20165" in paired.protocol
    assert paired.fault is not None and "read mauc_label" in paired.fault
    assert main([argument for argument in one if not argument.startswith("preset")]) == 4
    given = ["preset=diff_cxr", "classifier=xrv", "metrics=[mauc_paired]"]
    assert main(command(place, *given, output="no-weights")) == 2
    assert "xrv_weights=" in capsys.readouterr().err


def test_thresholds_are_not_chosen_on_films_that_they_judge(place: Path, capsys) -> None:
    same = ["real_split=test", "validation_split=test"]
    for splits in (same, same[1:]):
        assert main(command(place, "metrics=[f1]", *splits, output="bad")) == 2
        assert "films that it judges" in capsys.readouterr().err


def test_paired_truth_is_of_the_real_films_of_the_same_reports(tmp_path: Path) -> None:
    real = film_rows(80, seed=1)
    write_films(tmp_path / "real", real, [70])
    write_films(tmp_path / "synthetic", film_rows(60, seed=1, brightness=4))
    write_classifier(tmp_path / "classifier")
    assert main(command(tmp_path, "metrics=[mauc_paired,f1_paired]")) == 0
    found = scores(tmp_path / "out")
    assert {metric for metric, _, _ in found} >= {"mauc_paired", "f1_paired", "f1_paired_micro"}
    assert all(score.n_real == score.n_synthetic == 60 for score in found.values())
    assert all("paired films of films" in score.reference for score in found.values())


def test_films_of_others_are_scored_as_a_corpus_of_ours_is(place: Path, tmp_path: Path) -> None:
    for row in film_rows(40, seed=2, brightness=15):
        (tmp_path / f"{row.report_id}.png").write_bytes(row.image or b"")
    source = ["source=folder", f"source.root={tmp_path}", f"source.reports={place / 'synthetic'}"]
    assert main(["corpus", *source, "name=films", f"output={place / 'imported'}"]) == 0
    cache = f"cache={place / 'cache'}"
    assert main(command(place, cache, output="of-ours")) == 0
    assert main(command(place, cache, f"synthetic={place / 'imported'}", output="of-others")) == 0
    ours, others = (scores(place / name) for name in ("of-ours", "of-others"))
    digest = Corpus.open(str(place / "imported")).digest  # all that tells them apart
    assert others == {row: dataclasses.replace(score, digest_synthetic=digest) for row, score in ours.items()}
    assert digest not in {score.digest_synthetic for score in ours.values()}


def test_fid_on_inception_features_takes_weights_from_a_path(place: Path) -> None:
    weights = write_inception_weights(place / "weights.pth")
    few = [f"{side}_split=test" for side in ("real", "synthetic")]
    more = ["metrics=[fid]", "extractors=[inception]", f"inception_weights={weights}", *few]
    assert main(command(place, *more, output="inception")) == 0
    ((key, fid),) = scores(place / "inception").items()
    assert key == ("fid", "inception", "all")
    assert (fid.n_real, fid.n_synthetic, fid.reference) == (15, 10, "films, test")
    assert fid.value is not None and fid.value > 0


def test_variants_of_inception_take_the_same_weights(tmp_path: Path) -> None:
    weights = write_inception_weights(tmp_path / "weights.pth")
    names = ["inception", "inception_256", "inception_299", "inception_clean", "inception_fidelity"]
    config = Config(
        real="r", synthetic="s", output="o", metrics=["fid"], extractors=names, inception_weights=str(weights)
    )
    assert [extractor.name for extractor in evaluate.make_instruments(config).extractors] == names


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("real=/nowhere/corpus", "no corpus"),
        ("classifier=/nowhere/classifier", "no classifier"),
        ("real_split=nonsense", "no film in split nonsense"),
        ("extractors=[vgg]", "vgg"),
        ("extractors=[]", "needs an extractor"),
        ("extractors=[rad_dino]", "rad_dino_weights=PATH"),
        ("extractors=[backbone]", "backbone_weights=PATH"),
        ("extractors=[xrv]", "xrv_weights="),
        ("extractors=[named]", "named_weights=PATH"),
        ("classifier=xrv", "xrv_weights="),
        ("reference_split=train", "no other than real"),
        ("metrics=[ssim]", "ssim"),
        ("metrics=[inception_score] extractors=[mini_vlm]", "with classes"),
        ("metrics=[f1]", "needs films on which to choose"),
        ("cache=/proc/nowhere", "/proc/nowhere"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(place: Path, capsys, more: str, says: str) -> None:
    assert main(command(place, *more.split(), output="bad")) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and says in lines[0]
    assert not (place / "bad").exists()


def test_a_corpus_of_reports_has_nothing_to_measure(place: Path, tmp_path: Path, capsys) -> None:
    write_films(tmp_path / "reports", rows(5, images=False))
    assert main(command(place, f"synthetic={tmp_path / 'reports'}", output="bad")) == 2
    assert "reports only" in capsys.readouterr().err


def test_options_default_to_what_works_offline() -> None:
    config = Config(real="r", synthetic="s", output="o")
    instruments = evaluate.make_instruments(Config(real="r", synthetic="s", output="o", metrics=["fid"]))
    assert isinstance(instruments, Instruments)
    assert [extractor.name for extractor in instruments.all] == config.extractors == ["efficientnet_lite0"]
