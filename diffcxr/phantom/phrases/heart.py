"""Phrases for a large heart, a wide mediastinum and a congested lung."""

from __future__ import annotations

from diffcxr.phantom.phrases.forms import Phrases

CARDIOMEGALY = Phrases(
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
        "{the |}heart size is {<degly> enlarged|<degly> increased|larger than normal|enlarged}",
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

MEDIASTINUM = Phrases(
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

EDEMA = {
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
