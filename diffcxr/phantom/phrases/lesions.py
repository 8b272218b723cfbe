"""Noun phrases and sentences for each finding, by how much of it there is.

A noun phrase opens with its article: "a:" (countable), "m:" (mass noun), "s:" (plural) or "e:" (plural where the
finding is bilateral). Slots: <pre> and <post> are the place before and after the noun, <side> the pleural side, <deg>
and <degly> the degree as adjective and adverb, <cm> a size, <lobe_side> the bare side, <the_side> it as a noun; the
rest serve one finding each.
"""

from __future__ import annotations

from dataclasses import dataclass

from diffcxr.findings import FindingName
from diffcxr.phantom.study import Lesion


@dataclass(frozen=True, slots=True)
class Phrases:
    """`nouns` fit every frame; `sentences` state the finding whole; `hedged` leave it open."""

    nouns: tuple[str, ...]
    sentences: tuple[str, ...] = ()
    hedged: tuple[str, ...] = ()


DEGREES = (
    ("{mild|mild|minimal|slight}", "{mildly|mildly|slightly|minimally}"),
    ("{moderate|moderate|mild to moderate}", "{moderately|moderately|mild to moderately}"),
    ("{marked|severe|moderate to severe|prominent}", "{markedly|severely|substantially|grossly}"),
)
"""(adjective, adverb) of small, middling and large."""

_CARDIOMEGALY = Phrases(
    nouns=(
        "m:[<deg>] cardiomegaly",
        "m:<deg> cardiomegaly",
        "m:[<deg>] {enlargement of the cardiac shadow|cardiac enlargement|enlargement of the heart}",
        "a:<degly> enlarged {heart|cardiac silhouette|cardiac shadow}",
        "m:{global|generalized|} cardiomegaly, <deg> in degree",
    ),
    sentences=(
        "{the |}{heart|cardiac silhouette|cardiac shadow} is [<degly>] enlarged[ in size| on this view| "
        "for technique]",
        "{the |}heart size is {<degly> enlarged|<degly> increased|above normal|enlarged}",
        "{the |}{heart|cardiac silhouette} remains <degly> enlarged",
        "cardiac {silhouette|contour|shadow} {shows|demonstrates} <deg> enlargement",
        "the cardiothoracic ratio is {increased|enlarged|greater than normal}, {consistent with|indicating} "
        "[<deg>] cardiomegaly",
        "{the |}heart {is enlarged|is <degly> enlarged} with {a left ventricular configuration|a prominent "
        "left "
        "ventricular contour|a globular shape}",
        "enlarged {heart|cardiac silhouette|heart size}",
        "the cardiac size is {<degly> enlarged|larger than normal}",
    ),
    hedged=(
        "{the |}heart size may be {mildly |slightly |}enlarged[, although this could be due to {AP "
        "technique|projection}]",
        "{possible|questionable|suspected|borderline|probable} [mild] {cardiomegaly|cardiac enlargement}",
        "{cardiomegaly|cardiac enlargement} {cannot be excluded|is not excluded|is possible} on this "
        "{view|projection}",
        "{possible|questionable} prominence of the {heart|cardiac silhouette} may {be projectional or "
        "cardiomegaly|represent cardiomegaly}",
    ),
)

_MEDIASTINUM = Phrases(
    nouns=(
        "m:[<deg>] widening of the {superior |upper |}mediastinum",
        "m:[<deg>] mediastinal widening",
        "a:{widened|<degly> widened|enlarged} {superior mediastinum|mediastinum|mediastinal "
        "silhouette|upper mediastinum}",
        "m:<deg> prominence of the {superior mediastinum|mediastinal silhouette|upper mediastinal contour}",
        "m:enlargement of the {mediastinal silhouette|upper mediastinum}",
    ),
    sentences=(
        "{the |}{superior |upper |}mediastinum {is|appears} {[<degly>] widened|[<degly>] enlarged|wide}",
        "{the |}{mediastinal silhouette|mediastinal contour|upper mediastinal contour} {is|appears} "
        "{[<degly>] widened|[<degly>] enlarged|abnormally wide|prominent and widened}",
        "{there is|note is made of} {abnormal|<deg>} {widening|enlargement} of the {superior "
        "mediastinum|mediastinum}",
        "{widened|enlarged} mediastinum[, {from|with} {vascular ectasia|a tortuous aorta}]",
    ),
    hedged=(
        "{the |}{mediastinum|superior mediastinum} may be {slightly |}widened[, possibly {positional|due "
        "to rotation}]",
        "{possible|questionable|equivocal} [mild] {mediastinal widening|widening of the {superior "
        "|}mediastinum}",
        "{mediastinal widening|widening of the mediastinum} {cannot be excluded|is not excluded|is possible}",
    ),
)

_EDEMA = {
    "mild": Phrases(
        nouns=(
            "m:{mild |}{interstitial |}pulmonary edema",
            "m:mild {interstitial edema|pulmonary edema|vascular congestion and edema}",
            "m:[mild] pulmonary vascular congestion {with|and} {interstitial edema|mild edema|early edema}",
            "s:{increased|prominent|coarse} interstitial markings {consistent with|compatible "
            "with|representing} "
            "{mild edema|interstitial edema}",
            "m:{bilateral |}perihilar haziness {from|consistent with|due to} {mild |}{edema|pulmonary edema}",
        ),
        sentences=(
            "{the |}{pulmonary vasculature|vascular markings} {is|are} {indistinct|prominent|engorged}, "
            "{consistent with|indicating|in keeping with} {mild |}{interstitial |}edema",
            "{there is |}cephalization of the {pulmonary vessels|vasculature} with {interstitial|mild "
            "pulmonary} edema",
            "Kerley B lines are present, {consistent with|indicating} {interstitial edema|mild pulmonary "
            "edema}",
            "{findings|appearances} {are consistent with|of} mild {congestive heart failure|CHF|volume "
            "overload} "
            "with {interstitial |pulmonary |}edema",
        ),
    ),
    "severe": Phrases(
        nouns=(
            "m:<deg> pulmonary edema",
            "m:{<deg>|bilateral|diffuse} {pulmonary|alveolar|interstitial and alveolar} edema",
            "s:{diffuse|bilateral|extensive bilateral|symmetric bilateral} {interstitial |alveolar "
            "|airspace |}opacities "
            "{consistent with|compatible with|representing} {pulmonary |}edema",
            "s:{bilateral perihilar|bat-wing|central|bilateral central} opacities {consistent "
            "with|representing|due to} "
            "[<deg>] {pulmonary |}edema",
            "m:{congestive heart failure|CHF|cardiac decompensation} with <deg> {pulmonary |}edema",
        ),
        sentences=(
            "{there are |}diffuse {hazy|airspace|interstitial} opacities {throughout both lungs|bilaterally} "
            "{consistent with|in keeping with|compatible with} {<deg> |}pulmonary edema",
            "the pulmonary vasculature is engorged and indistinct, {consistent with|reflecting} <deg> "
            "{pulmonary |}edema",
            "{findings|appearances} are {consistent|compatible} with {congestive heart failure|CHF|fluid "
            "overload} "
            "and <deg> {pulmonary |}edema",
        ),
    ),
    "hedged": Phrases(
        nouns=(),
        hedged=(
            "{mild |early |}{interstitial |pulmonary |}edema {cannot be excluded|is not excluded|is "
            "possible}",
            "{possible|questionable|suspected} {mild |early |}{interstitial |pulmonary |}edema",
            "{indistinct|hazy} perihilar markings may {represent|reflect|indicate} {mild |early "
            "|}{pulmonary |}edema",
            "there may be {mild|a component of|minimal|superimposed} {interstitial |pulmonary |}edema",
            "{findings|markings} {concerning for|suggestive of} {mild |early |}{interstitial |pulmonary "
            "|}edema",
        ),
    ),
}

_EFFUSION = {
    "small": Phrases(
        nouns=(
            "e:{small|small|trace|tiny|minimal} <side> <effusion>",
            "e:{small|trace} <side> <effusion> with blunting of <angle>",
            "m:blunting of <angle> {consistent with|compatible with|from|due to} {small|trace|tiny} "
            "<effusion>",
            "a:{small|trace} amount of {pleural fluid on <the_side>|<lobe_side> pleural fluid}",
        ),
        sentences=(
            "{small <effusion>|trace <effusion>|a small amount of pleural fluid} {blunts|obscures} <angle>",
            "blunting of <angle> is {present|seen|noted}, {consistent with|in keeping with} {trace|small} "
            "<effusion>",
            "{minimal|trace} fluid {blunts|obscures} <angle>, {in keeping with |indicating |}{small|trace} "
            "<effusion>",
            "<angle> blunted by {small|trace|minimal} <effusion>",
            "{mild |minimal |}blunting of <angle>",
        ),
    ),
    "moderate": Phrases(
        nouns=(
            "e:{moderate|moderate|mild to moderate|small to moderate|medium-sized} <side> <effusion>",
            "e:moderate {layering |}<side> <effusion>[ with {obscuration|silhouetting} of the "
            "{hemidiaphragm|lung base}]",
            "a:moderate amount of {pleural fluid on <the_side>|<lobe_side> pleural fluid}",
        ),
        sentences=(
            "moderate <lobe_side> {pleural effusion|effusion} {obscures|silhouettes} the "
            "{hemidiaphragm|lung base}",
            "{there is |}meniscus {at|along} <the_side>, {consistent with|indicating} moderate {pleural "
            "|}effusion",
            "opacification of the lower chest on <the_side> {is due to|represents|from} moderate {pleural "
            "|}effusion",
            "moderate pleural fluid {layers|is present|is seen} on <the_side>",
        ),
    ),
    "large": Phrases(
        nouns=(
            "e:{large|large|very large|moderate to large} <side> <effusion>",
            "e:large {layering |}<side> <effusion>",
            "a:large volume of <lobe_side> pleural fluid",
        ),
        sentences=(
            "{extensive|dense} opacification of the {lower |}chest on <the_side> {is due "
            "to|represents|from} large "
            "{pleural |}effusion",
            "large <lobe_side> {pleural effusion|effusion} {obscures|silhouettes} the {hemidiaphragm|heart "
            "border}",
        ),
    ),
    "hedged": Phrases(
        nouns=(),
        hedged=(
            "{possible|questionable|suspected} {small |trace |tiny |}<side> <effusion>",
            "{small|trace|tiny} <side> <effusion> cannot be excluded",
            "{small|trace|tiny} {pleural effusion|effusion} on <the_side> {is not excluded|is possible}",
            "{possible|questionable|equivocal} {slight |mild |}blunting of <angle>, {possibly|which may "
            "be} {small|trace} <effusion>",
            "there may be {small|trace|tiny} <side> <effusion>",
            "{probable|question of|suggestion of} {small |trace |}{pleural effusion|effusion} on <the_side>",
        ),
    ),
}

_PNEUMONIA = Phrases(
    nouns=(
        "m:<pre> pneumonia",
        "m:[<deg>] <pre> {pneumonia|bronchopneumonia}",
        "a:[<deg>|patchy|focal|hazy] <pre> {opacity|infiltrate|airspace opacity} "
        "{consistent with|compatible with|representing|in keeping with|due to} pneumonia",
        "m:[patchy|<deg>|focal|confluent] {airspace disease|air space disease|alveolar infiltrate} <post> "
        "{consistent with|compatible with|representing|due to} {pneumonia|infection}",
        "s:[patchy|ill-defined|<deg>] {opacities|airspace opacities|infiltrates} <post>, {consistent "
        "with|compatible "
        "with|indicating} {pneumonia|infectious process}",
        "a:<pre> {infectious infiltrate|pneumonic infiltrate} {consistent with|indicating} pneumonia",
    ),
    sentences=(
        "{patchy|new|focal|ill-defined} {opacity|airspace opacity|infiltrate} is {seen|noted|present} "
        "<post>, "
        "{consistent with|compatible with|in keeping with} {pneumonia|an infectious process, i.e. pneumonia}",
        "pneumonia is {present|seen|noted} <post>",
        "{findings|appearances} are {consistent|compatible} with <pre> pneumonia",
    ),
    hedged=(
        "{possible|suspected|questionable} {early|developing|beginning} <pre> pneumonia",
        "{opacity|infiltrate|markings} <post> {concerning for|suggestive of|suspicious for} "
        "{pneumonia|infection|aspiration "
        "pneumonia}",
        "{early |developing |}<pre> pneumonia {cannot be excluded|is not excluded|is possible}",
        "{questionable|possible|equivocal} {opacity|infiltrate} <post> {may|could} {represent|reflect} "
        "{early |}{pneumonia|infection}",
        "{pneumonia|infection} <post> {cannot be excluded|is not excluded}{ in the right clinical setting||}",
    ),
)

_CONSOLIDATION = Phrases(
    nouns=(
        "a:[<deg>|dense|focal|confluent] <pre> consolidation",
        "m:[dense|focal|lobar|confluent|patchy] {consolidation|airspace consolidation|consolidative "
        "change} <post>",
        "a:<pre> {consolidation|airspace consolidation} with air bronchograms",
        "a:{focal|dense|segmental} area of consolidation <post>",
        "a:[dense|large|<deg>] {consolidative opacity|alveolar consolidation} <post>",
    ),
    sentences=(
        "the lung <post> is consolidated{| with air bronchograms|, without volume loss}",
        "{dense|focal|airspace} consolidation {is {seen|noted|present}|occupies the lung} <post>",
        "{there is |}{<deg> |}consolidation <post>[, with air bronchograms| with silhouetting of the "
        "adjacent border]",
    ),
    hedged=(
        "{possible|questionable|suspected|probable} {early |developing |}<pre> consolidation",
        "{subtle |early |developing |}{<pre> consolidation|consolidation <post>} {cannot be excluded|is "
        "not excluded}",
        "{subtle |vague |faint |}{increased density|opacity} <post> {may|could} {represent|reflect} {early "
        "|}consolidation",
    ),
)

_ATELECTASIS = {
    "small": Phrases(
        nouns=(
            "m:[<deg>] <pre> {atelectasis|subsegmental atelectasis|platelike atelectasis|linear atelectasis}",
            "m:{subsegmental|plate-like|linear|discoid|bandlike|minimal|dependent|mild} atelectasis <post>",
            "s:{linear|streaky|bandlike|platelike} opacities <post> {consistent with|compatible "
            "with|representing|due to} "
            "{subsegmental |}atelectasis",
            "s:{bands|streaks|areas} of {subsegmental |linear |}atelectasis <post>",
        ),
        sentences=(
            "{linear|streaky|bandlike|platelike} densities <post> {represent|are due to|reflect} "
            "{subsegmental |}atelectasis",
            "{minimal|mild|some} {linear |}atelectasis is {seen|present|noted} <post>",
        ),
    ),
    "large": Phrases(
        nouns=(
            "m:{<deg>|} <pre> atelectasis {with volume loss|and volume loss|}",
            "m:volume loss <post> {consistent with|due to|from|secondary to} atelectasis",
            "m:{<deg>|subsegmental|bandlike|platelike|confluent} atelectasis <post>",
            "m:{partial collapse|collapse} and atelectasis <post>",
            "s:{bandlike|thick linear|coarse linear|streaky} opacities <post> {consistent with|compatible "
            "with|due to} "
            "atelectasis",
        ),
        sentences=(
            "{there is |}<deg> atelectasis <post>{|, with associated volume loss| and elevation of the "
            "hemidiaphragm}",
            "{coarse |thick |}bands of atelectasis are {seen|present|noted} <post>",
        ),
    ),
    "hedged": Phrases(
        nouns=(),
        hedged=(
            "{possible|questionable|suspected} {mild |minimal |subsegmental |linear |}<pre> atelectasis",
            "{mild |minimal |subsegmental |}atelectasis <post> {cannot be excluded|is not excluded|is "
            "possible}",
            "{faint|subtle|minimal} {streaky|linear} {markings|densities} <post> may {represent|reflect} "
            "{subsegmental |}atelectasis",
            "there may be {mild|minimal|some} <pre> atelectasis",
            "{probable|question of} {mild |minimal |subsegmental |}<pre> atelectasis",
        ),
    ),
}

_LESION = {
    "nodule": Phrases(
        nouns=(
            "a:<cm> {pulmonary |}nodule <post>",
            "a:<cm> <pre> {pulmonary |lung |}nodule",
            "a:{solitary|round|rounded|well-circumscribed|discrete|noncalcified|indeterminate} <pre> "
            "nodule[ measuring "
            "<cm>]",
            "a:<pre> {nodular opacity|nodular density|nodule}, {approximately |about |}<cm>",
            "a:<cm> {lung lesion|nodular lesion} <post>",
        ),
        sentences=(
            "{a |}{nodule|pulmonary nodule|nodular opacity} <post> measures {approximately |about |}<cm>",
            "{a |}{round|rounded|solitary} {nodule|nodular density} is {seen|noted|identified} <post>"
            "[, {approximately|measuring|about} <cm>]",
        ),
        hedged=(
            "{possible|questionable|suspected} {small |}<pre> {nodule|pulmonary nodule}",
            "{a |}{possible|questionable} <cm> nodule <post>[ versus nipple shadow| versus a confluence of "
            "shadows]",
            "{nodular density|rounded density} <post> {may|could} represent a {pulmonary |lung |}nodule",
            "{a |}{small |}pulmonary nodule <post> {cannot be excluded|is not excluded}",
        ),
    ),
    "mass": Phrases(
        nouns=(
            "a:<cm> {pulmonary |lung |}mass <post>",
            "a:<cm> <pre> {lung |}mass",
            "a:{large|rounded|lobulated|spiculated|round|irregular} <pre> mass[ measuring <cm>]",
            "a:{large|dominant|} mass <post>, {approximately |about |}<cm>",
            "a:<cm> {lung lesion|mass lesion} <post>",
        ),
        sentences=(
            "{a |}{large |lobulated |}mass <post> measures {approximately |about |}<cm>",
            "{a |}{lung mass|pulmonary mass|mass} is {seen|noted|identified|present} <post>"
            "[, {approximately|measuring|about} <cm>]",
        ),
        hedged=(
            "{possible|questionable|suspected} <pre> mass",
            "{masslike|rounded} {density|opacity} <post> {may|could} represent a {lung |pulmonary |}mass",
            "{an |}underlying mass <post> {cannot be excluded|is not excluded}",
        ),
    ),
}

_PNEUMOTHORAX = {
    "small": Phrases(
        nouns=(
            "a:{small|small|tiny|minimal} <side> {apical |}pneumothorax",
            "a:{small|tiny} pneumothorax at the <lobe_side> apex",
            "a:small <side> pneumothorax with {a thin apical pleural line|an apical pleural line}",
        ),
        sentences=(
            "{a thin|a fine|the} visceral pleural line is {seen|visible} at the <lobe_side> apex, "
            "{indicating|consistent with|in keeping with} a small pneumothorax",
            "{small |tiny |}pneumothorax is {seen|noted|present} at the <lobe_side> {apex|lung apex}",
        ),
    ),
    "large": Phrases(
        nouns=(
            "a:<size> <side> pneumothorax",
            "a:<size> <side> {apical |}pneumothorax with {a visible pleural line|a visible pleural "
            "edge|absent peripheral lung markings}",
            "a:<size> pneumothorax on the <lobe_side>",
        ),
        sentences=(
            "{lung markings are absent|no lung markings are seen} {beyond|lateral to} the pleural line on "
            "the <lobe_side>, "
            "{a|consistent with a} <size> pneumothorax",
            "{the |}visceral pleural line is {displaced|separated} from the <lobe_side> chest wall, "
            "{indicating|consistent with} a <size> pneumothorax",
            "<size> pneumothorax is {seen|noted|present} {on the <lobe_side>|in the <lobe_side> hemithorax}",
        ),
    ),
    "hedged": Phrases(
        nouns=(),
        hedged=(
            "{possible|questionable|suspected} {small |tiny |}<side> {apical |}pneumothorax",
            "{a |}{small|tiny} <side> {apical |}pneumothorax {cannot be excluded|is not excluded|is "
            "possible}",
            "{faint |thin |}lucency at the <lobe_side> apex {may|could} {represent|reflect} a {small|tiny} "
            "pneumothorax"
            "[ versus skin fold]",
        ),
    ),
}

_FRACTURE = {
    "rib": Phrases(
        nouns=(
            "s:{displaced|minimally displaced|acute|adjacent|multiple|several|} <lobe_side> {<rib_zone> "
            "|}rib fractures",
            "s:<lobe_side> {lateral |posterolateral |<rib_zone> |}rib fractures",
            "s:{displaced |mildly displaced |}fractures of {several|multiple|adjacent|two or "
            "more|neighboring} "
            "<lobe_side> {<rib_zone> |}ribs",
            "s:fractures {through|of|involving} the <lobe_side> {<rib_zone> ribs|ribs|{<rib_zone> "
            "|}lateral ribs}",
            "a:{displaced |acute |}<lobe_side> {<rib_zone> |}rib fracture",
            "a:fracture of at least {one|two} <lobe_side> {<rib_zone> |}rib{s|}",
        ),
        sentences=(
            "{several|multiple|adjacent|two or more} <lobe_side> {<rib_zone> |}ribs are fractured{| with "
            "displacement|, "
            "with cortical step-off}",
            "cortical {disruption|step-off} of <lobe_side> {<rib_zone> |}ribs, {consistent "
            "with|indicating} fractures",
        ),
        hedged=(
            "{possible|questionable|suspected} {nondisplaced |}<lobe_side> {<rib_zone> |}rib fracture{s|}",
            "{nondisplaced |subtle |}<lobe_side> rib fractures cannot be excluded",
            "{a |}{nondisplaced |subtle |}<lobe_side> {<rib_zone> |}rib fracture {is not excluded|is "
            "possible}",
            "{subtle |}cortical irregularity of {a <lobe_side> {<rib_zone> |}rib|<lobe_side> ribs} may "
            "{represent|reflect} "
            "{a fracture|fracture}",
        ),
    ),
    "clavicle": Phrases(
        nouns=(
            "a:{displaced|midshaft|displaced midshaft|} fracture of the <lobe_side> clavicle",
            "a:<lobe_side> {clavicle|clavicular|mid clavicular} fracture",
            "a:{displaced |angulated |acute |}<lobe_side> clavicular fracture",
        ),
        sentences=(
            "the <lobe_side> clavicle {is|appears} fractured{| with displacement|, mildly displaced}",
            "{a |}fracture line {crosses|is seen across} the <lobe_side> {clavicle|mid clavicle}",
        ),
        hedged=(
            "{possible|questionable|suspected} {nondisplaced |}<lobe_side> clavicle fracture",
            "{a |}<lobe_side> {clavicle|clavicular} fracture {cannot be excluded|is not excluded}",
        ),
    ),
}

_PLEURAL_OTHER = {
    "thickening": Phrases(
        nouns=(
            "m:[<deg>] <lobe_side> {apical |}pleural thickening",
            "m:[<deg>] pleural thickening {along the <lobe_side> chest wall|on <the_side>|at "
            "<pleural_place>}",
            "m:<lobe_side> pleural {thickening and scarring|scarring with thickening}",
        ),
        sentences=(
            "the <lobe_side> {lateral |}pleura is <degly> thickened, {consistent with|representing} "
            "pleural thickening",
            "pleural thickening is {seen|noted|present} at <pleural_place>",
        ),
        hedged=(
            "{possible|questionable} {mild |}<lobe_side> pleural thickening",
            "{mild |}<lobe_side> pleural thickening {cannot be excluded|is not excluded|is possible}",
            "density along the <lobe_side> chest wall {may|could} {represent|reflect} pleural thickening",
        ),
    ),
    "plaque": Phrases(
        nouns=(
            "s:{calcified |partially calcified |}<lobe_side> pleural plaques",
            "a:{calcified |}<lobe_side> pleural plaque",
            "s:pleural plaques {along|overlying|projecting over} the <lobe_side> {hemithorax|chest "
            "wall|lung}",
            "m:<lobe_side> pleural {plaque formation|plaque and thickening}",
        ),
        sentences=(
            "{dense|calcified|plaquelike} pleural {thickening|plaque} is {seen|noted|present} on the "
            "<lobe_side>",
            "{calcified |}pleural plaque projects over the <lobe_side> {lung|mid lung|hemithorax}",
        ),
        hedged=(
            "{possible|questionable|suspected} <lobe_side> pleural plaque",
            "density projecting over the <lobe_side> lung {may|could} {represent|reflect} a pleural plaque",
        ),
    ),
}

_OPACITY = Phrases(
    nouns=(
        "a:[<deg>|hazy|nonspecific|ill-defined|vague|patchy] <pre> {opacity|airspace opacity|infiltrate}",
        "m:[<deg>|hazy|nonspecific|patchy|focal|subtle] {airspace disease|air space disease} <post>",
        "a:{hazy|patchy|ill-defined|vague|nonspecific|focal} {opacity|increased density|infiltrate} <post>",
        "s:{hazy|patchy|nonspecific|ill-defined|vague} opacities <post>",
        "a:{hazy|ground-glass|focal} area of increased {opacity|opacification} <post>",
    ),
    sentences=(
        "{hazy|ill-defined|patchy|nonspecific} {opacity|infiltrate|airspace disease} is "
        "{seen|noted|present} <post>",
        "the <pre> {region|area|zone} {shows|demonstrates} {hazy |patchy |nonspecific "
        "|}{opacity|opacification}",
        "increased opacity <post>[, nonspecific|, of uncertain cause|, without a definite border]",
    ),
    hedged=(
        "{possible|questionable|equivocal} {hazy |faint |subtle |}<pre> {opacity|infiltrate|airspace "
        "opacity}",
        "{faint |subtle |}{opacity|infiltrate|airspace disease} <post> {cannot be excluded|is not "
        "excluded|is possible}",
        "there may be {a |}{faint|subtle|vague} {opacity|infiltrate} <post>",
        "{probable|question of|suggestion of} {faint |subtle |}<pre> {opacity|infiltrate}",
    ),
)

_ONE_FORM: dict[str, Phrases] = {
    "Cardiomegaly": _CARDIOMEGALY,
    "Enlarged Cardiomediastinum": _MEDIASTINUM,
    "Pneumonia": _PNEUMONIA,
    "Consolidation": _CONSOLIDATION,
    "Lung Opacity": _OPACITY,
}
_BY_KIND = {"Lung Lesion": _LESION, "Fracture": _FRACTURE, "Pleural Other": _PLEURAL_OTHER}
_BY_DEGREE: dict[str, tuple[dict[str, Phrases], tuple[str, str, str]]] = {
    "Edema": (_EDEMA, ("mild", "severe", "severe")),
    "Pleural Effusion": (_EFFUSION, ("small", "moderate", "large")),
    "Atelectasis": (_ATELECTASIS, ("small", "small", "large")),
    "Pneumothorax": (_PNEUMOTHORAX, ("small", "large", "large")),
}


def degree(lesion: Lesion) -> int:
    """0 small, 1 middling, 2 large: by size where a report speaks of size, by marking elsewhere."""
    sized = lesion.name in ("Pleural Effusion", "Pneumothorax", "Atelectasis", "Cardiomegaly")
    amount = lesion.extent if sized else (lesion.extent + lesion.severity) / 2
    return 0 if amount < 0.48 else 1 if amount < 0.76 else 2


def phrases_of(name: FindingName, kind: str, amount: int) -> Phrases:
    """The phrases of a finding at a degree (0, 1, 2); KeyError for Support Devices, which have their own."""
    if name in _ONE_FORM:
        return _ONE_FORM[name]
    if name in _BY_KIND:
        return _BY_KIND[name][kind]
    forms, keys = _BY_DEGREE[name]
    return Phrases(forms[keys[amount]].nouns, forms[keys[amount]].sentences, forms["hedged"].hedged)
