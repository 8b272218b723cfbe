"""Phrases for what replaces the air of the lung."""

from __future__ import annotations

from diffcxr.phantom.phrases.forms import Phrases

PNEUMONIA = Phrases(
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

CONSOLIDATION = Phrases(
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

ATELECTASIS = {
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

NODULE_OR_MASS = {
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

OPACITY = Phrases(
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
