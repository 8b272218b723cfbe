"""What is not there: normal organs, negations, and remarks that change no finding."""

from __future__ import annotations

from diffcxr.findings import FindingName

ABSENT: dict[FindingName, tuple[str, ...]] = {
    "Pleural Effusion": (
        "{pleural effusion|pleural effusions|effusion|pleural fluid|large pleural effusion|pleural fluid "
        "collection}",
    ),
    "Pneumothorax": ("{pneumothorax|pneumothorax|visible pneumothorax|pneumothoraces}",),
    "Consolidation": ("{focal |airspace |lobar |focal airspace |}consolidation",),
    "Lung Opacity": (
        "{focal |acute |}{airspace disease|air space disease|infiltrate|infiltrates}",
        "{focal |suspicious |focal airspace |}{opacity|pulmonary opacity|opacities}",
    ),
    "Edema": ("{pulmonary |interstitial |overt |overt pulmonary |}edema", "vascular congestion"),
    "Pneumonia": ("{pneumonia|focal pneumonia|evidence of pneumonia|lobar pneumonia}",),
    "Lung Lesion": ("{suspicious |pulmonary |}{nodule|nodules|mass|nodule or mass}",),
    "Fracture": ("{acute |displaced |displaced rib |}{fracture|fractures}",),
    "Atelectasis": ("{significant |}atelectasis",),
    "Cardiomegaly": ("cardiomegaly",),
    "Pleural Other": ("pleural thickening",),
}
"""Noun phrases to deny, by the finding that must then be absent."""

NEVER_DRAWN = (
    "{free air under the diaphragm|adenopathy|evidence of tuberculosis|foreign body|hilar adenopathy}"
)
"""What can be denied of every film."""

DENIALS = (
    "no <list>",
    "there is no <list>",
    "no <list>",
    "no {evidence|sign|signs|convincing evidence|definite evidence|radiographic evidence} of <list>",
    "no <list> {is|} {seen|identified|noted|demonstrated|detected|evident|visualized}",
    "negative for <list>",
    "<list> {is|are} not {seen|identified|demonstrated}",
    "the {study|examination|film|chest} is negative for <list>",
    "there is no {radiographic |}{evidence|sign} of <list>",
    "specifically, no <list> {is identified|is found|is seen}",
)
"""Frames of a denial; <list> is joined by "or"."""

CLEAR_LUNGS = (
    "{the |}lungs are {clear|clear|clear bilaterally|clear on both sides|clear and well aerated|free of "
    "<list>}",
    "{both |}lungs {are|appear} {clear|well expanded and clear|fully expanded and clear|normally aerated "
    "and clear}",
    "clear lungs[ bilaterally|, without <list>|, with no <list>]",
    "lungs {clear|are clear of <list>|are clear, no <list>|are well inflated, without <list>}",
    "{the |}{lung fields are|lung parenchyma is|pulmonary parenchyma is} {clear|unremarkable|free of acute "
    "disease}",
    "the lungs are {normally|well|adequately} {inflated|expanded|aerated} {and clear|with no <list>|and "
    "free of <list>}",
    "no {acute |active |}{lung|pulmonary|parenchymal} {disease|process|abnormality}{| is seen| on this "
    "study}",
    "clear lungs and {pleural spaces|costophrenic angles|pleural sulci}",
)
"""For films without any lung finding; <list> holds absent findings, joined by "or"."""

OTHERWISE_CLEAR = (
    "{the |}{lungs are|remaining lung is|remainder of the lungs is|rest of the lungs is|remaining lungs are} "
    "otherwise {clear|well aerated|unremarkable}",
    "{the |}lungs are {otherwise clear|clear elsewhere}",
    "elsewhere {the |}{lungs are|lung is|lung parenchyma is} {clear|grossly clear|unremarkable}",
    "{the |}<other_lung> is clear",
)
"""For films with lung findings; <other_lung> is one of OTHER_LUNG."""

OTHER_LUNG = {
    True: "{contralateral lung|opposite lung|other lung}",
    False: "{rest of the lung|remaining lung|lung elsewhere}",
}
"""What may still be clear, by whether the findings keep to one side."""

NORMAL_HEART = (
    "{the |}heart is {normal in size|of normal size|not enlarged|normal size and shape|top normal in "
    "size|within normal size}",
    "{the |}heart size is {normal|within normal limits|unremarkable|top normal|upper normal|at the upper "
    "limits of normal}",
    "{the |}{cardiac silhouette|cardiac shadow|cardiac contour} is {normal|unremarkable|within normal "
    "limits|not "
    "enlarged|normal in size}",
    "normal {heart size|heart|cardiac silhouette|size heart|cardiac size}",
    "heart size {normal|unremarkable|within limits|stable and normal}",
    "no {cardiomegaly|cardiac enlargement}",
)
NORMAL_MEDIASTINUM = (
    "{the |}mediastinum is {unremarkable|normal|within normal limits|midline|of normal width|not widened}",
    "{the |}{mediastinal contours are|mediastinal silhouette is|hilar and mediastinal contours are} "
    "{normal|unremarkable|"
    "within normal limits|preserved|sharp}",
    "{normal|unremarkable} {mediastinum|mediastinal contours|mediastinal silhouette|mediastinum and hila}",
    "no {mediastinal widening|widening of the mediastinum}{| is seen}",
)
NORMAL_HEART_AND_MEDIASTINUM = (
    "{the |}cardiomediastinal {silhouette is|contours are|contour is} {normal|unremarkable|within normal "
    "limits|stable|of "
    "normal size and shape|normal in shape and width}",
    "{the |}{heart and mediastinum|heart, hila and mediastinum|heart and mediastinal contours} are "
    "{normal|unremarkable|"
    "within limits of normal|of normal appearance}",
    "{normal|unremarkable} {cardiomediastinal silhouette|heart and mediastinum|cardiomediastinal contours}",
    "cardio mediastinal {silhouette|contours} {normal|unremarkable|within normal limits}",
    "{the |}cardiac and mediastinal {silhouettes|contours|borders} are {normal|unremarkable|within the "
    "normal range}",
    "heart size and mediastinum {normal|unremarkable|within normal range}",
    "heart normal in size, mediastinum {normal|unremarkable|not widened}",
)
NORMAL_VESSELS = (
    "{the |}pulmonary {vasculature is|vascularity appears|vessels are|vascularity is} "
    "{normal|unremarkable|within normal limits|normal in caliber}",
    "normal pulmonary {vascularity|vasculature|vascular markings}",
    "no {pulmonary edema|edema|vascular congestion|pulmonary vascular congestion}{| is seen}",
    "{hila and vessels|hilar vessels|pulmonary vasculature and hila} are {normal|unremarkable}",
)
NORMAL_PLEURA = (
    "{the |}{pleural spaces|costophrenic angles|CP angles|costophrenic sulci} are {clear|sharp|clear "
    "bilaterally|preserved}",
    "sharp {costophrenic angles|CP angles} {without effusion|on both sides|bilaterally}",
    "no {pleural fluid|effusion|pleural effusion}[ {on either side|layers on either side|is demonstrated}]",
)
NORMAL_BONES = (
    "{the |}{bony|osseous|skeletal} {thorax is|structures are|structures of the chest appear|structures "
    "appear} {intact|unremarkable|normal|"
    "without acute findings|grossly intact}",
    "no acute {bony|osseous|skeletal} {abnormality|findings|lesion}{| is seen| identified}",
    "{bones|ribs and clavicles|visualized bones|regional skeleton} {are |}{intact|unremarkable|within "
    "normal limits}",
    "{imaged|visible} {ribs|bones|skeleton} {without|with no} {fracture|acute fracture|displaced fracture}",
)
REMARKS = (
    "{mild |moderate |multilevel |mild multilevel |minor |}{degenerative {changes|change} {of|in} the "
    "{thoracic |mid thoracic "
    "|}spine|thoracic spondylosis|spurring of the {thoracic |}spine|endplate {spurring|osteophytes} in the "
    "thoracic spine}",
    "{degenerative changes|arthritic changes|arthrosis} {of|at|in} {the |both |}{shoulders|AC "
    "joints|acromioclavicular joints}",
    "{the |}{thoracic |}aorta is {tortuous|mildly tortuous|ectatic|calcified|tortuous and "
    "calcified|unfolded}",
    "{tortuous|calcified|ectatic|unfolded|atherosclerotic|mildly tortuous} {thoracic |}aorta",
    "{atherosclerotic |vascular |}calcification {of|in|along} the aortic {arch|knob}",
    "{small |tiny |old |}calcified granuloma{| {in the {right|left} {upper|lower} lobe|of the {right|left} "
    "lung}}, "
    "{benign|of no significance|incidental}",
    "{evidence|sequela|findings} of {prior|old|remote} granulomatous disease",
    "calcified {hilar |right hilar |left hilar |mediastinal |}{lymph nodes|granulomas}",
    "{hyperexpanded|hyperinflated|mildly hyperinflated|hyperaerated} lungs{|, {suggesting|consistent with} "
    "{COPD|emphysema|"
    "chronic obstructive disease}}",
    "{the |}lungs are {hyperexpanded|mildly hyperinflated|hyperinflated} {with flattened diaphragms|with "
    "flattening of the "
    "diaphragms|suggesting COPD|as can be seen in emphysema}",
    "{low|shallow|diminished|low and shallow} {lung volumes|inspiratory volumes|inspiration}{| with "
    "bronchovascular crowding| "
    "with vascular crowding| accentuate the markings}",
    "{mild |slight |}{elevation of the {right|left} "
    "hemidiaphragm|scoliosis|dextroscoliosis|levoscoliosis|thoracic kyphosis|"
    "eventration of the right hemidiaphragm|rotation of the patient|kyphoscoliosis}",
    "{the |}trachea is {midline|central|in the midline}",
    "{visualized |imaged |}{soft tissues are|upper abdomen is|upper abdominal bowel gas is|soft tissues "
    "and upper abdomen are} "
    "{unremarkable|normal}",
    "no {free air|free intraperitoneal air|subdiaphragmatic air}{| under the diaphragm| below the "
    "hemidiaphragms}",
    "{small |moderate |}hiatal hernia{| is noted}",
    "{scattered|multiple|several|few} calcified granulomas{| in both lungs| and calcified lymph nodes}, "
    "{benign|incidental|old}",
    "{emphysematous changes|emphysema|hyperexpansion|hyperinflation|bullous emphysema} {of the lungs|in "
    "the upper lobes|"
    "suggesting COPD|with flattened hemidiaphragms|and COPD}",
    "{lungs are hypoinflated|hypoinflation|hypoinflated lungs} {with crowded markings|with vascular "
    "crowding|accentuating the "
    "heart}",
    "{evaluation|study|examination} {is |}{somewhat |}limited by {body habitus|technical factors|low "
    "volumes|patient motion|"
    "overlying soft tissue|rotation}",
    "{mild |old |chronic |stable |}{wedge deformity|anterior wedging|height loss} of {a|one} {mid |lower "
    "|}thoracic vertebral body",
    "{tortuosity|ectasia|atherosclerosis|unfolding} of the {thoracic |descending |ascending |}aorta",
    "{degenerative |}{disc disease|osteophytes|spondylosis} {of the T-spine|in the thoracolumbar spine|of "
    "the lower cervical "
    "spine}",
    "{a |}prominent {pericardial|epicardial} fat pad",
    "{no |}{scoliosis|curvature} of the {thoracic|thoracolumbar} spine",
    "{no {hilar |mediastinal |}{adenopathy|lymphadenopathy}|no evidence of {active |}tuberculosis|no "
    "foreign body}",
    "{nipple shadows|overlying soft tissues|breast shadows|the scapulae} project over the {lower "
    "lungs|lung bases|lungs}",
    "{diffuse |mild |}{osteopenia|bony demineralization}{| is present| is noted}",
)
"""True of the patient or of the film as far as anyone knows; none names one of the fourteen findings."""

NOTHING_ACUTE = (
    "no acute {cardiopulmonary|pulmonary|intrathoracic|chest|thoracic|radiographic|} "
    "{abnormality|abnormalities|findings|"
    "finding|process|disease|pathology}",
    "no {active|acute} {disease|cardiopulmonary disease|chest disease|lung disease|process}",
    "no {radiographic |}{evidence|sign|signs} of {acute|active} {disease|disease in the chest|cardiac or "
    "lung disease|"
    "chest disease}",
    "{normal|negative|unremarkable|clear|essentially normal|stable normal} {chest|chest film|chest "
    "radiograph|chest exam|study}",
    "no acute {cardiopulmonary|chest|thoracic} {abnormality|process|finding} {is seen|is identified|is "
    "found}",
    "{nothing acute|nothing acute in the chest|clear chest|clear lungs|lungs clear|negative for acute "
    "disease|normal}",
    "no {significant|new|} {interval change|acute change|change}, {no acute disease|chest remains "
    "clear|lungs remain clear}",
    "<clear>",
    "<denial>",
)
"""Impressions of a film without findings; <clear> and <denial> are sentences of the kinds above."""

NOTHING_ELSE = (
    "no other acute {cardiopulmonary |pulmonary |chest |}{abnormality|finding|process|findings}",
    "otherwise {no acute {disease|abnormality|findings}|unremarkable {chest|study}|negative}",
    "{remainder of the {exam|study}|remaining chest|rest of the chest} is {unremarkable|negative|clear}",
    "<denial>",
)

TAILS = (
    "today",
    "here",
    "currently",
    "at present",
    "on film",
    "radiographically",
    "by radiography",
    "on this film",
    "at this exam",
    "as seen",
    "on these images",
    "in this patient",
    "by plain film",
    "on the current film",
)
"""Put after a stock sentence of five words or more, which would else be anybody's."""
