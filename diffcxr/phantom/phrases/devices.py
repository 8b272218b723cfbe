"""Tubes, lines and wires, sure and unsure, as noun phrases with their article ("a:", "m:", "s:").

Slots: <side> is the patient's side, <tip_cm> a height above the carina.
"""

from __future__ import annotations

from diffcxr.phantom.phrases.forms import Phrases

DEVICES: dict[str, Phrases] = {
    "endotracheal tube": Phrases(
        nouns=(
            "a:{endotracheal tube|ETT|ET tube} with {its |}tip {<tip_cm> above the carina|in the mid "
            "trachea}",
            "a:{endotracheal tube|ETT} in {satisfactory|good|standard|appropriate} position",
            "a:endotracheal tube terminating <tip_cm> above the carina",
        ),
        sentences=(
            "{the |}{endotracheal tube|ETT|ET tube} {tip |}{is|lies|projects} <tip_cm> above the carina",
            "{the patient is intubated, with|patient intubated with} the {endotracheal tube|ETT} {above "
            "the carina|in the "
            "trachea|<tip_cm> above the carina}",
            "{endotracheal tube|ETT|ET tube} {in place|in standard position|tip in the mid trachea}",
        ),
        hedged=(
            "tubular density over the trachea may represent an endotracheal tube",
            "possible endotracheal tube in place",
        ),
    ),
    "central venous catheter": Phrases(
        nouns=(
            "a:<side> {central venous catheter|central line|PICC line|IJ catheter|subclavian "
            "catheter|internal jugular line} "
            "{with {its |}tip in the {SVC|superior vena cava|cavoatrial region}|in place|terminating in "
            "the {SVC|mid SVC}}",
            "a:<side> {port catheter|Port-A-Cath catheter|chest port with catheter} {tip in the SVC|in "
            "place|ending in the SVC}",
            "a:<side>-sided {PICC|central catheter|central line} with tip {overlying|projecting over} the "
            "{SVC|right atrium}",
        ),
        sentences=(
            "<side> {central venous catheter|PICC|PICC line|IJ line|central line} {tip|ends|terminates} "
            "{in|over|at the level of} the {SVC|superior vena cava|lower SVC}",
            "{the |}tip of the <side> {PICC|central venous catheter|internal jugular catheter} "
            "{is|lies|projects} "
            "{in|over} the {SVC|distal SVC|superior vena cava}",
        ),
        hedged=(
            "linear density over the <side> {upper chest|hemithorax} may represent a {catheter|central "
            "venous catheter}",
            "possible <side> {central venous catheter|PICC line}",
        ),
    ),
    "pacemaker": Phrases(
        nouns=(
            "a:<side> {chest wall |chest |}{pacemaker|cardiac pacemaker|dual-lead pacemaker|pacer} "
            "{with leads in {place|expected position}|with {its |}leads over the {heart|right heart}|}",
            "a:{single-lead|dual-chamber|dual-lead|} {<side> pacemaker|<side>-sided pacemaker|pacemaker "
            "over the <side> chest}",
            "a:{pacemaker|pacer} generator {over|overlying|projecting over} the <side> {chest|upper "
            "chest|chest wall}",
        ),
        sentences=(
            "<side> {chest |sided |}pacemaker {leads|wires} {are intact|terminate over the {right "
            "heart|right atrium and "
            "right ventricle}|are in expected position}",
            "{the |}{pacemaker|pacer} {generator|device} {overlies|projects over} the <side> {chest|upper "
            "lung}",
        ),
        hedged=("device over the <side> chest may represent a pacemaker", "possible <side> pacemaker device"),
    ),
    "nasogastric tube": Phrases(
        nouns=(
            "a:{nasogastric tube|NG tube|enteric tube|orogastric tube|feeding tube} {coursing below the "
            "diaphragm|with tip "
            "{in|over} the stomach|extending into the stomach|in place}",
            "a:{nasogastric tube|NG tube|enteric tube} {with side port below the GE junction|with its tip "
            "off the film}",
        ),
        sentences=(
            "{the |}{nasogastric tube|NG tube|enteric tube|feeding tube} {courses|passes|extends} {well "
            "|}below "
            "the {left hemi|}diaphragm, {tip|its tip} {not included|off the film|over the stomach}",
            "{the |}tip of the {nasogastric tube|NG tube|enteric tube} {is|lies|projects} {in|over} the "
            "stomach",
        ),
        hedged=(
            "possible {nasogastric|enteric} tube over the mediastinum",
            "linear density along the esophagus may represent an enteric tube",
        ),
    ),
    "sternal wires": Phrases(
        nouns=(
            "s:{median |}sternotomy wires{| in place|, intact|, unchanged in alignment}",
            "s:{intact |aligned |}{midline |median |}{sternotomy|sternal} wires",
            "s:{sternal|sternotomy} wires {from|consistent with|reflecting} prior {cardiac "
            "surgery|CABG|median sternotomy}",
        ),
        sentences=(
            "{the patient is|patient is|status} post {median |}sternotomy with {intact |}{sternal "
            "|sternotomy |}wires",
            "{median sternotomy|midline sternal|sternal} wires {are intact|are {noted|seen|in "
            "place}|project over the midline}",
        ),
        hedged=(
            "possible sternotomy wires in the midline",
            "faint midline densities may represent sternal wires",
        ),
    ),
}
