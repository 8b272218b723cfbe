import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from cluster.models import MINI
from cluster.training_data import decode_film
from diffcxr.errors import InputError
from diffcxr.sources.phantom import phantom_rows
from eval.features.extractor import extract
from eval.features.mini_vlm import mini_vlm
from eval.groups import stable_hash
from eval.retrieval import Pairs, ranks


def test_the_embedded_model_finds_a_drawn_film_s_report_among_sixty() -> None:
    matcher = pickle.loads(pickle.dumps(mini_vlm(MINI)))
    matcher.films.setup("cpu")
    matcher.reports.setup("cpu")
    rows = list(phantom_rows(60, seed=4711))
    films = extract(matcher.films, [decode_film(row.image or b"", 128) for row in rows])
    reports = matcher.reports.read([row.text for row in rows])
    assert films.shape == reports.shape == (60, matcher.films.dimension)
    keys = np.arange(60, dtype=np.uint64)
    texts = np.array([stable_hash(row.text) for row in rows], np.uint64)
    pairs = Pairs.of(films, reports, keys, keys, texts)
    assert (ranks(pairs.films @ pairs.reports.T) < 1).mean() > 0.4
    assert pairs.cosines().mean() > pairs.with_wrong_reports().cosines().mean() + 0.3
    # Read alone, a report has the same vector in any company.
    np.testing.assert_array_equal(matcher.reports.read([rows[7].text]), reports[7:8])


def test_a_folder_without_an_encoder_is_one_line(tmp_path: Path) -> None:
    shutil.copytree(MINI / "film_encoder", tmp_path / "film_encoder")
    with pytest.raises(InputError, match="no report_encoder here"):
        mini_vlm(tmp_path)
    (tmp_path / "film_encoder/diffusion_pytorch_model.safetensors").write_bytes(b"none")
    with pytest.raises(InputError, match="no film_encoder here"):
        mini_vlm(tmp_path)
