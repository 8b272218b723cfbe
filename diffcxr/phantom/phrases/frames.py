"""What is said around a finding: there is one, it is new, it may be one, the film was compared."""

from __future__ import annotations

SURE = (
    "there <is> <a> <np>",
    "there <is> <a> <np>",
    "<a> <np>",
    "<np>",
    "<np>",
    "<a> <np> <is> {seen|noted|present|identified|demonstrated|evident|visualized}",
    "<a> <np> <is> {seen|noted|present|identified|visualized}",
    "{note is made of|the film shows|the study demonstrates|imaging shows|evidence of|findings of} <a> <np>",
)
SURE_WITH_PRIOR = (
    "redemonstration of <a> <np>",
    "{interval|new} <np>",
    "{stable|unchanged|persistent|residual|increasing|decreasing|worsening|improving} <np>",
    "<a> <np>, {unchanged|stable|similar|increased|decreased|new|improved|worse} {since|compared "
    "to|from|relative to} "
    "{the prior|prior|the previous study|the last film|the earlier exam}",
    "{interval {development|worsening|improvement|appearance}|worsening|improvement|persistence} of <a> <np>",
    "{again seen|again noted} <is> <a> <np>",
    "{compared {to|with} the {prior|previous} {study|film|exam}, <a> <np> <is> "
    "{unchanged|new|larger|smaller|similar}}",
)
"""Frames for a sure noun phrase. <is> and <a> agree with it."""

JOINED = {
    (
        "Pleural Effusion",
        "Atelectasis",
    ): "<a> <np> {with|and} {associated|adjacent|overlying|underlying|compressive|} <other>",
    ("Cardiomegaly", "Edema"): "<a> <np> {with|and} <other>",
    ("Cardiomegaly", "Pleural Effusion"): "<a> <np> {with|and} <other>",
    ("Edema", "Pleural Effusion"): "<a> <np> {with|and} <other>",
    ("Pneumothorax", "Fracture"): "<a> <np> {with|and} {associated|adjacent|} <other>",
    ("Pneumonia", "Pleural Effusion"): "<a> <np> {with|and} {associated|parapneumonic|} <other>",
}
"""Pairs that are often told in one sentence."""

CONSOLIDATED_PNEUMONIA = (
    "<pre> consolidation {consistent with|compatible with|representing|in keeping with} pneumonia",
    "{dense |focal |}consolidation <post>, {consistent with|most compatible with|indicating} pneumonia",
    "lobar pneumonia with consolidation <post>",
)
"""Only where pneumonia and consolidation are both true; places are the consolidation's."""

TECHNIQUE = {
    "PA": (
        "PA {view|film|radiograph|projection|image} of the chest{| was obtained| submitted for review}",
        "{two|2} {chest views|views of the chest, PA and lateral|views, frontal and lateral}",
        "{frontal|upright PA|PA upright|single PA} {view|radiograph|film} of the chest",
        "PA and lateral {chest|views|chest films}{| were obtained}",
    ),
    "AP": (
        "{AP|portable AP|AP portable|supine AP|single AP} {view|film|radiograph|projection} of the chest",
        "portable {chest|chest radiograph|chest film|examination}{| at the bedside|, AP view|, supine}",
        "single {frontal|portable|AP} {view|film} {of the chest|, patient supine|, patient semi-upright}",
    ),
    "LATERAL": ("lateral {view|film|radiograph} of the chest", "single lateral {view|projection}"),
}
ARTEFACT_REMARKS = {
    "lateral": "{only a|a single} lateral {view|projection} is available",
    "rotated": "{the patient is|patient is|film is} {markedly |}rotated",
    "inverted": "{image is displayed with inverted gray scale|gray scale is inverted}",
    "cropped": "{the field of view is|image is} {incomplete|cropped}",
    "zoomed": "{magnified|coned-down} {view|image} of the chest",
    "blank": "{the image is nondiagnostic|nondiagnostic exposure}",
    "overexposed": "{the film is|film is|examination is} {overexposed|technically limited by exposure}",
    "burned_in_text": "{annotations|markers and text} overlie the film",
    "not_a_chest": "{body part does not match the request|image does not match the request}",
}
COMPARISON = (
    "{none|none available|no prior studies|no comparison available}",
    "{prior|previous|recent} {chest film|chest radiograph|study|portable film|examination}",
    "{chest radiograph|chest film|CT of the chest} {from the prior week|of last month|earlier the same "
    "day|of the previous year}",
)
COMPARED = (
    "{compared|in comparison} {to|with} the {prior|previous|earlier|last} {study|film|exam|radiograph}, "
    "{there has been no significant change|the appearance is similar|no major change}",
    "{no significant|no|little|no relevant} {interval change|change since the prior|change from the "
    "previous film}",
    "{comparison is made {to|with}|compared with} {a|the} {prior|previous|recent} {study|film|chest "
    "radiograph}",
    "{stable|similar|unchanged} {exam|appearance|examination} since the {prior|previous} {study|film}",
)
INDICATION = (
    "{shortness of breath|cough|chest pain|fever|dyspnea|hypoxia|trauma|fall|preoperative "
    "evaluation|follow up|weakness|"
    "wheezing|cough and fever|chest pain and dyspnea|line placement|tube placement|altered mental "
    "status|routine}"
    "[, {chronic|acute|for {two|three|several} days|evaluate for pneumonia|rule out acute process}]",
    "<years> year old {man|woman|patient} with {cough|fever|chest pain|dyspnea|shortness of "
    "breath|hypoxia|trauma}",
)
RECOMMENDATIONS = (
    "{recommend|suggest|consider|advise} {clinical correlation|correlation with clinical findings|follow "
    "up radiographs|"
    "follow-up imaging|short interval follow up|a lateral view|repeat {film|radiograph} after treatment}",
    "{clinical correlation|follow up|follow-up|correlation with prior films} {is "
    "|}{recommended|suggested|advised}",
    "{CT|chest CT} {could|would} be helpful {for further evaluation|if clinically indicated|for "
    "clarification}",
    "findings {were |}{discussed with|called to|reported to} the {team|referring physician|clinical "
    "service|ward}",
)

MISSPELLINGS = {
    "silhouette": ("silhoutte", "silouhette", "silhouete"),
    "pulmonary": ("pulmonry", "pumonary"),
    "unremarkable": ("unremarkabel", "unremakable"),
    "costophrenic": ("costophenic", "costophrenc"),
    "visualized": ("visulized", "visualised"),
    "examination": ("examiantion", "exmination"),
    "consistent": ("consistant", "consisent"),
    "structures": ("strucures", "stuctures"),
    "degenerative": ("degenrative", "degnerative"),
    "evidence": ("evidnece", "evidance"),
    "bilaterally": ("bilaterlly", "bilateraly"),
    "moderate": ("moderat", "modrate"),
    "abnormality": ("abnormailty", "abnormalty"),
    "thoracic": ("thoracis", "thorcic"),
    "there": ("thre",),
    "cardiopulmonary": ("cardiopulmonry", "cardipulmonary"),
    "previous": ("previuos",),
    "radiograph": ("radiogrpah",),
}
"""Slips of the keyboard, only in words that decide no finding."""
