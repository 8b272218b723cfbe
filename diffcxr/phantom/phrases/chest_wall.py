"""Phrases for the pleura and the bones."""

from __future__ import annotations

from diffcxr.phantom.phrases.forms import Phrases

EFFUSION = {
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

PNEUMOTHORAX = {
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

FRACTURE = {
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

PLEURAL_OTHER = {
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
