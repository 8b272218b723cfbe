"""The exhibits of an evaluation, small: what the page draws curves and neighbours from."""

from __future__ import annotations

import numpy as np

from cluster.corpus import Corpus
from cluster.exhibits import ROC, Distances, Exhibits, Films, FindingCurve, Neighboured, Place, Plane
from cluster.film_slices import REAL, SYNTHETIC
from eval.roc import BAND, GRID

FINDINGS = ("Edema", "Cardiomegaly", "Pneumonia")


def exhibits(real: Corpus, synthetic: Corpus, findings: tuple[str, ...] = FINDINGS) -> Exhibits:
    """Of corpora whose films are `phantom-0000` and so on."""
    rates = GRID**0.4
    curves = [
        FindingCurve(
            finding=finding,
            rates=rates.tolist(),
            low=(0.9 * rates).tolist(),
            high=np.minimum(1.1 * rates, 1).tolist(),
            real=(GRID**0.1).tolist() if finding != "Pneumonia" else None,
        )
        for finding in findings
    ]
    shown = [
        Neighboured(
            film=(f"phantom-{index:04d}", 0),
            real=(f"phantom-{index + 9:04d}", 0),
            distance=1.5 + index,
            nearer=index / 10,
            fifth=3.25 + index,
        )
        for index in range(6)
    ]
    rng = np.random.default_rng(0)
    return Exhibits(
        roc=ROC(
            classifier="finding_classifier", digest="ab" * 32, band=BAND, grid=GRID.tolist(), curves=curves
        ),
        films=Films(
            extractor="efficientnet_lite0",
            digest="cd" * 32,
            places={
                side: Place(corpus=corpus.digest, uri=corpus.uri, films=corpus.rows, sample=corpus.rows)
                for side, corpus in ((REAL, real), (SYNTHETIC, synthetic))
            },
            of_synthetic=Distances(films=30, least=1.5, median=4.5),
            of_real=Distances(films=29, least=0.75, median=2.25),
            near=shown,
            best=shown[:3],
            worst=shown[3:],
            plane=Plane(
                shares=(0.61, 0.17),
                real=[(float(x), float(y)) for x, y in rng.normal(0, (3, 1), (400, 2))],
                synthetic=[(float(x), float(y)) for x, y in rng.normal((3, 1), 1, (400, 2))],
            ),
        ),
    )
