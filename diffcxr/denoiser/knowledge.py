"""The disease knowledge base: what each of Diff-CXR's eleven findings is, and how it looks on a chest film.

Written for this project; it conditions a model and is no medical advice. General references for its facts:
Hansell et al., "Fleischner Society: Glossary of Terms for Thoracic Imaging", Radiology 2008; Goodman,
"Felson's Principles of Chest Roentgenology"; Webb and Higgins, "Thoracic Imaging".
"""

from __future__ import annotations

from dataclasses import dataclass

from diffcxr.findings import FindingName


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One finding; each field but the last is a phrase that goes on from the words in its comment."""

    definition: str  # "Cardiomegaly is ..."
    signs: str  # "it shows ..."
    place: str  # "it is seen ..."
    confused_with: str  # "it may instead be ..."
    typical: str  # a report's sentence of a typical case: adapters learn by it, no hint has it


KNOWLEDGE: dict[FindingName, Entry] = {
    "Enlarged Cardiomediastinum": Entry(
        definition="a wide central shadow of heart and great vessels",
        signs="a broad mediastinum with bulging contours",
        place="in the midline above the heart",
        confused_with="a rotated film or mediastinal fat",
        typical="The mediastinal silhouette is markedly enlarged.",
    ),
    "Cardiomegaly": Entry(
        definition="an enlarged heart",
        signs="a heart shadow wider than half of the chest with a rounded apex",
        place="low in the midline and to the left",
        confused_with="pericardial effusion or AP magnification",
        typical="There is marked cardiomegaly.",
    ),
    "Lung Lesion": Entry(
        definition="a focal nodule, mass or cavity",
        signs="a round white spot with a sharp or spiculated edge",
        place="anywhere in the lungs",
        confused_with="a nipple shadow or round pneumonia",
        typical="There is a 5.0 cm mass in the right upper lobe.",
    ),
    "Lung Opacity": Entry(
        definition="lung that is whiter than it should be",
        signs="a hazy or dense patch that veils the vessels",
        place="in any zone of one or both lungs",
        confused_with="overlying soft tissue or poor inflation",
        typical="There is dense airspace disease in both lower lungs.",
    ),
    "Edema": Entry(
        definition="fluid in the interstitium and air spaces",
        signs="blurred wide vessels, septal lines and perihilar haze",
        place="on both sides around the hila and at the bases",
        confused_with="diffuse pneumonia or low volumes",
        typical="There is moderate pulmonary edema.",
    ),
    "Consolidation": Entry(
        definition="air spaces filled with fluid, pus or blood",
        signs="a dense white area with air bronchograms that erases adjoining borders",
        place="in a segment or lobe of kept volume",
        confused_with="atelectasis or a mass",
        typical="There is dense consolidation in the right lower lobe, with air bronchograms.",
    ),
    "Pneumonia": Entry(
        definition="infection of the lung",
        signs="patchy or lobar opacity with fuzzy edges",
        place="often in one lower lobe",
        confused_with="atelectasis or aspiration",
        typical="There is pneumonia in both lower lungs.",
    ),
    "Atelectasis": Entry(
        definition="collapsed lung that lost volume",
        signs="thin bands or a dense wedge with shifted fissures",
        place="mostly at the bases",
        confused_with="pneumonia or scarring",
        typical="There is marked bibasilar atelectasis.",
    ),
    "Pneumothorax": Entry(
        definition="air between lung and chest wall",
        signs="a fine pleural line with black space without vessels beyond it",
        place="at the apex when upright",
        confused_with="a skin fold or bulla",
        typical="There is a large right pneumothorax with a visible pleural line.",
    ),
    "Pleural Effusion": Entry(
        definition="fluid between lung and chest wall",
        signs="a blunted costophrenic angle and a white meniscus over the diaphragm",
        place="at the base of one or both sides",
        confused_with="pleural thickening or basal atelectasis",
        typical="There is a moderate right pleural effusion.",
    ),
    "Fracture": Entry(
        definition="a broken bone",
        signs="a dark line or step in the cortex",
        place="in lateral ribs or clavicle",
        confused_with="crossing rib edges or an old deformity",
        typical="There are multiple right rib fractures.",
    ),
}
"""Every one of DIFFCXR_11, in its order. Short, for a text encoder's window must hold several of them."""
