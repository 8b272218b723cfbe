"""Films: the same study gives the same film, findings show where the study says, artefacts spoil as named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from diffcxr.findings import FindingName
from diffcxr.phantom.anatomy import sample_anatomy, sample_shot
from diffcxr.phantom.canvas import Canvas
from diffcxr.phantom.film import draw_film
from diffcxr.phantom.lesions import disturb_anatomy
from diffcxr.phantom.study import ARTEFACTS, DEVICES, Lesion, Side, Study, Zone, patient_number, sample_study
from diffcxr.phantom.thorax import Thorax, mediastinal_borders

Film = NDArray[np.float64]


def healthy(index: int = 0, seed: int = 3) -> Study:
    return replace(sample_study(seed, index), lesions=(), suspected=(), view="PA", artefact=None)


def lesion(
    name: FindingName, side: Side = "right", zone: Zone = "lower", kind: str = "", size: float = 0.6
) -> Lesion:
    return Lesion(name=name, kind=kind, side=side, zone=zone, extent=size, severity=size)


def change(study: Study, added: Lesion) -> tuple[Film, Canvas]:
    """By how much one lesion brightens each pixel of a film, and where the pixels lie in the chest."""
    before = draw_film(study).astype(float)
    after = draw_film(replace(study, lesions=(added,))).astype(float)
    return after - before, Canvas(128, sample_shot(study).pose)


EVERY_LESION = [
    lesion("Cardiomegaly", "midline", "middle"),
    lesion("Enlarged Cardiomediastinum", "midline", "upper"),
    lesion("Edema", "bilateral", "diffuse"),
    lesion("Pleural Effusion"),
    lesion("Pneumonia"),
    lesion("Consolidation", zone="upper"),
    lesion("Atelectasis"),
    lesion("Lung Opacity", zone="middle"),
    lesion("Lung Lesion", kind="nodule"),
    lesion("Lung Lesion", kind="mass"),
    lesion("Pneumothorax", zone="upper"),
    lesion("Pleural Other", zone="upper", kind="thickening"),
    lesion("Pleural Other", zone="middle", kind="plaque"),
    lesion("Fracture", kind="rib"),
    lesion("Fracture", zone="upper", kind="clavicle"),
    *(lesion("Support Devices", "midline", "upper", kind=kind) for kind in DEVICES),
]
ONE_SIDED: list[tuple[FindingName, Zone, str]] = [
    ("Pleural Effusion", "lower", ""),
    ("Pneumonia", "middle", ""),
    ("Consolidation", "lower", ""),
    ("Atelectasis", "lower", ""),
    ("Lung Opacity", "middle", ""),
    ("Lung Lesion", "middle", "nodule"),
    ("Pneumothorax", "upper", ""),
    ("Pleural Other", "middle", "thickening"),
    ("Fracture", "middle", "rib"),
    ("Fracture", "upper", "clavicle"),
]


def test_a_study_has_one_film() -> None:
    study = sample_study(5, 42)
    assert np.array_equal(draw_film(study), draw_film(sample_study(5, 42)))
    assert not np.array_equal(draw_film(study), draw_film(sample_study(5, 43)))
    assert not np.array_equal(draw_film(study), draw_film(sample_study(6, 42)))


@pytest.mark.parametrize("size", [64, 128, 256])
def test_every_size_shows_the_same_chest(size: int) -> None:
    study = sample_study(5, 40)
    film = draw_film(study, size)
    assert film.shape == (size, size) and film.dtype == np.uint8
    coarse = film.reshape(32, size // 32, 32, size // 32).mean((1, 3))
    reference = draw_film(study, 128).reshape(32, 4, 32, 4).mean((1, 3))
    assert np.corrcoef(coarse.ravel(), reference.ravel())[0, 1] > 0.98


def test_a_patient_keeps_their_anatomy_but_not_their_pose() -> None:
    first, second, other = sample_study(5, 3), sample_study(5, 4), sample_study(5, 5)
    assert patient_number(3) == patient_number(4) != patient_number(5)
    assert sample_anatomy(first) == sample_anatomy(second) != sample_anatomy(other)
    assert sample_shot(first).pose != sample_shot(second).pose


def test_films_use_the_range_of_grey() -> None:
    films = np.stack([draw_film(sample_study(5, index)) for index in range(40)]).reshape(40, -1)
    low, high = np.percentile(films, [2, 98], axis=1)
    assert (high - low > 90).all()
    assert np.mean(films == 255) < 0.05


def test_pixels_and_chest_points_are_inverse() -> None:
    canvas = Canvas(128, sample_shot(sample_study(5, 7)).pose)
    row, column = 31, 90
    x, y = canvas.pixels([(float(canvas.u[row, column]), float(canvas.v[row, column]))])[0]
    assert (x, y) == pytest.approx((column + 0.5, row + 0.5), abs=0.02)


@pytest.mark.parametrize("added", EVERY_LESION, ids=lambda added: f"{added.name} {added.kind}".strip())
def test_every_finding_shows(added: Lesion) -> None:
    for index in (0, 10, 20):
        seen, _ = change(healthy(index), added)
        assert (np.abs(seen) > 15).sum() > 40


@pytest.mark.parametrize(("name", "zone", "kind"), ONE_SIDED)
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_one_sided_finding_lies_on_its_side(name: FindingName, zone: Zone, kind: str, side: Side) -> None:
    for index in (0, 10, 20):
        seen, canvas = change(healthy(index), lesion(name, side, zone, kind))
        left, right = np.abs(seen[canvas.u > 0.05]).sum(), np.abs(seen[canvas.u < -0.05]).sum()
        assert left > 3 * right if side == "left" else right > 3 * left


@pytest.mark.parametrize("name", ["Pneumonia", "Consolidation", "Lung Opacity"])
def test_airspace_findings_keep_their_zones(name: FindingName) -> None:
    def height(zone: Zone) -> float:
        seen, canvas = change(healthy(), lesion(name, "right", zone))
        weight = np.clip(seen - 8, 0, None)
        return float((weight * canvas.v).sum() / weight.sum())

    assert height("upper") < height("middle") - 0.1 < height("lower") - 0.2


def test_cardiomegaly_passes_half_the_chest_and_grows_with_extent() -> None:
    ratios = []
    for index in range(0, 200, 10):
        study = healthy(index)
        anatomy = sample_anatomy(study)
        assert anatomy.cardiothoracic_ratio < 0.5
        small, large = (
            disturb_anatomy(anatomy, replace(study, lesions=(lesion("Cardiomegaly", size=size),)))
            for size in (0.2, 1.0)
        )
        assert 0.53 < small.cardiothoracic_ratio < large.cardiothoracic_ratio < 0.72
        right, left = mediastinal_borders(large, sample_shot(study))
        before = sum(border.max() for border in mediastinal_borders(anatomy, sample_shot(study)))
        assert right.max() + left.max() > before + 0.1
        ratios.append(anatomy.cardiothoracic_ratio)
    assert np.std(ratios) > 0.01


def test_effusion_whitens_the_costophrenic_angle_and_rises_with_extent() -> None:
    study = healthy(10)
    anatomy, shot = sample_anatomy(study), sample_shot(study)
    whitened = []
    for size in (0.25, 0.6, 1.0):
        seen, canvas = change(study, lesion("Pleural Effusion", "right", "lower", size=size))
        angle = (np.abs(canvas.u + 0.85 * anatomy.half_width) < 0.06) & (
            np.abs(canvas.v - (anatomy.dome_right - shot.breath + 0.02)) < 0.06
        )
        assert seen[angle].mean() > 15
        whitened.append((seen > 15).sum())
    assert whitened[0] < whitened[1] < whitened[2]


def test_pneumothorax_bares_the_lateral_lung() -> None:
    for index in (0, 10, 20):
        seen, canvas = change(healthy(index), lesion("Pneumothorax", "left", "upper", size=0.9))
        thorax = Thorax(canvas, sample_anatomy(healthy(index)), sample_shot(healthy(index)))
        rim = (
            (canvas.u > 0)
            & (thorax.to_wall > 0.04)
            & (thorax.to_wall < 0.10)
            & (np.abs(canvas.v + 0.1) < 0.15)
        )
        assert np.median(seen[rim]) < -3
        assert seen.max() > 30  # the pleural line


def test_hedged_lesions_are_drawn_as_certain_ones_are() -> None:
    certain = lesion("Pneumonia")
    hedged = replace(certain, certain=False)
    films = [draw_film(replace(healthy(), lesions=(each,))) for each in (certain, hedged)]
    assert np.array_equal(*films)


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_every_artefact_differs_from_the_film_it_spoils(artefact: str) -> None:
    study = healthy(30)
    clean, spoilt = draw_film(study), draw_film(replace(study, artefact=artefact))  # type: ignore[arg-type]
    assert spoilt.shape == clean.shape and spoilt.dtype == np.uint8
    assert np.abs(spoilt.astype(int) - clean.astype(int)).mean() > 4


def test_turned_and_inverted_films_are_the_clean_film_again() -> None:
    study = healthy(30)
    clean = draw_film(study)
    assert np.array_equal(255 - draw_film(replace(study, artefact="inverted")), clean)
    turned = draw_film(replace(study, artefact="rotated"))
    assert any(np.array_equal(np.rot90(turned, quarter), clean) for quarter in (1, 2, 3))
