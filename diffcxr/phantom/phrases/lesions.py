"""Which phrases a lesion is told in, by its finding, kind and degree."""

from __future__ import annotations

from diffcxr.phantom.phrases.chest_wall import EFFUSION, FRACTURE, PLEURAL_OTHER, PNEUMOTHORAX
from diffcxr.phantom.phrases.devices import DEVICES
from diffcxr.phantom.phrases.forms import Phrases
from diffcxr.phantom.phrases.heart import CARDIOMEGALY, EDEMA, MEDIASTINUM
from diffcxr.phantom.phrases.lungs import ATELECTASIS, CONSOLIDATION, NODULE_OR_MASS, OPACITY, PNEUMONIA
from diffcxr.phantom.study import Lesion

_ONE_FORM: dict[str, Phrases] = {
    "Cardiomegaly": CARDIOMEGALY,
    "Enlarged Cardiomediastinum": MEDIASTINUM,
    "Pneumonia": PNEUMONIA,
    "Consolidation": CONSOLIDATION,
    "Lung Opacity": OPACITY,
}
_BY_KIND = {
    "Lung Lesion": NODULE_OR_MASS,
    "Fracture": FRACTURE,
    "Pleural Other": PLEURAL_OTHER,
    "Support Devices": DEVICES,
}
_BY_DEGREE: dict[str, tuple[dict[str, Phrases], tuple[str, str, str]]] = {
    "Edema": (EDEMA, ("mild", "severe", "severe")),
    "Pleural Effusion": (EFFUSION, ("small", "moderate", "large")),
    "Atelectasis": (ATELECTASIS, ("small", "small", "large")),
    "Pneumothorax": (PNEUMOTHORAX, ("small", "large", "large")),
}


def degree(lesion: Lesion) -> int:
    """0 small, 1 middling, 2 large: by size where a report speaks of size, by marking elsewhere."""
    sized = lesion.name in ("Pleural Effusion", "Pneumothorax", "Atelectasis", "Cardiomegaly")
    amount = lesion.extent if sized else (lesion.extent + lesion.severity) / 2
    return 0 if amount < 0.48 else 1 if amount < 0.76 else 2


def phrases_of(lesion: Lesion) -> Phrases:
    """The phrases that fit a lesion."""
    if lesion.name in _ONE_FORM:
        return _ONE_FORM[lesion.name]
    if lesion.name in _BY_KIND:
        return _BY_KIND[lesion.name][lesion.kind]
    forms, keys = _BY_DEGREE[lesion.name]
    form = forms[keys[degree(lesion)]]
    return Phrases(form.nouns, form.sentences, forms["hedged"].hedged)
