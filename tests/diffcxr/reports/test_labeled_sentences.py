import pytest

from diffcxr.findings import NEGATIVE, POSITIVE, UNCERTAIN
from diffcxr.reports.labeler import label_report

SHORT = {
    "NF": "No Finding",
    "ECM": "Enlarged Cardiomediastinum",
    "CM": "Cardiomegaly",
    "LL": "Lung Lesion",
    "LO": "Lung Opacity",
    "ED": "Edema",
    "CO": "Consolidation",
    "PN": "Pneumonia",
    "AT": "Atelectasis",
    "PX": "Pneumothorax",
    "PE": "Pleural Effusion",
    "PO": "Pleural Other",
    "FX": "Fracture",
    "SD": "Support Devices",
}
VALUES = {"+": POSITIVE, "-": NEGATIVE, "?": UNCERTAIN, "0": None}

# "+PE" present, "-PE" absent, "?PE" uncertain, "0PE" no statement about this film. All are invented.
CASES = """
+PE  | Layering fluid in the left pleural space.
+PE  | A left-sided effusion has grown since last week.
+PE  | Both costophrenic sulci are blunted.
+PE  | Blunting is seen at the right costophrenic angle.
+PE  | Left CP angle blunting.
-PE  | Costophrenic angles are sharp.
-PE  | No blunting of the costophrenic angles.
0PE  | There is a moderate pericardial effusion.
0PE  | A knee joint effusion was treated elsewhere.
+PE +AT | Moderate effusion with compressive atelectasis at the left base.
-PX -PE -CO | No effusion, pneumothorax or consolidation.
-PX -PE -CO | There is no focal consolidation, large pleural effusion, or pneumothorax.
-PX -PE | Neither pneumothorax nor effusion is demonstrated.
-PX +PE | No pneumothorax, but a small effusion on the right.
-PX +PE | No pneumothorax. Small right effusion.
-PX +PE | No pneumothorax; small right effusion persists.
-PX +PE | There is no pneumothorax, small right effusion.
-PX +PE | No pneumothorax with a small right effusion.
-PX +PE | There is no pneumothorax and there is a small effusion.
-PX +CM | No pneumothorax is seen, the heart is enlarged.
-PX -PE | Pneumothorax and pleural effusion are not identified.
-PX -PE | Pleural effusion or pneumothorax is absent.
-PX | The pneumothorax has resolved.
-PX | Interval resolution of the apical pneumothorax.
-PX | Previously seen pneumothorax is no longer visible.
-PX | Resolved pneumothorax.
-PX | Pneumothorax: none.
-PX | Pneumothorax has been excluded.
+PX | Pneumothorax has not resolved.
+PX | The apical pneumothorax has nearly resolved.
+PX | Tiny apical PTX persists.
+PX | No significant change in the left apical pneumothorax.
+PX | Unchanged pneumothorax without interval increase.
+PX | There has been no interval improvement in the right pneumothorax.
?PX | A small pneumothorax cannot be excluded.
?PX | Cannot exclude a tiny pneumothorax.
?PX | Possible tiny pneumothorax.
?PX | Pneumothorax is not excluded.
?PX | Skin fold versus pneumothorax.
-PX | No definite pneumothorax.
-PX | Without evidence of pneumothorax.
-PX | Lungs are negative for pneumothorax.
-PX | No visible pneumothorax on this supine film.
0PX | If there is concern for pneumothorax, an expiratory film may help.
0PX | History of pneumothorax.
-PX ?PN | No pneumothorax, possible pneumonia at the left base.
-PN -CO | No consolidation to suggest pneumonia.
-PN -LO | No focal opacity that would be suspicious for pneumonia.
?PN +LO | Patchy opacity may represent pneumonia.
?PN ?AT +LO | Basilar opacity, which could reflect atelectasis or pneumonia.
?PN ?AT +LO | Left basilar opacity, atelectasis versus pneumonia.
?AT +LO | Streaky opacities most likely due to atelectasis.
?AT +LO | Linear opacity suggestive of atelectasis.
+AT +LO | Retrocardiac opacity consistent with atelectasis.
+PN +CO | Right middle lobe consolidation compatible with pneumonia.
+PN | Bronchopneumonia of both bases.
-PN | No radiographic evidence of acute pneumonia.
-PN | Pneumonia is unlikely.
0PN | Calcified granulomas from a prior granulomatous infection.
?PN | Pneumonia remains in the differential.
?PN | ? pneumonia.
?PN | Film to r/o pneumonia.
+AT ?PN | Atelectasis +/- pneumonia.
+PN | Findings c/w pneumonia.
?PN | The possibility of pneumonia cannot be ruled out.
?PN | Findings concerning for pneumonia.
?PN | Early pneumonia is possible.
?PN | Findings are equivocal for early pneumonia.
+CO | Dense consolidation fills the lingula.
-CO -LO | The lungs are free of focal consolidation and airspace disease.
-CO | Lungs are clear without consolidation.
-LO | The lungs are clear.
-LO | Clear lungs bilaterally.
+LO | Lungs are clear except for a hazy opacity in the right apex.
+LO | Increasing airspace disease in both lower lobes.
+LO | Bibasilar infiltrates.
+LO | Non-specific opacity at the left base.
+LO | A retrocardiac opacity not previously seen.
+LO | New opacity which was not present on the prior film.
+LO | Opacity on the frontal film, not seen on the lateral view.
+LO -PN | There is an opacity that does not represent pneumonia.
0LO | Radiopaque marker over the left shoulder.
-LO | No infiltrate.
+ED | Interstitial edema has worsened.
+ED | Pulmonary vascular congestion.
+ED | Findings of congestive heart failure.
-ED | No edema.
-ED | No overt edema or vascular congestion.
-ED | Pulmonary vasculature is normal.
+CM | Without prior films cardiomegaly is of unknown age.
+CM -ED | Cardiomegaly without edema.
+CM -ED | Mild cardiomegaly without pulmonary vascular congestion.
?ED | Mild edema is suspected.
0ED | Soft tissue edema of the neck.
+CM | The heart is mildly enlarged.
+CM | Moderate enlargement of the cardiac silhouette.
+CM | Enlarged heart.
+CM | Marked interval increase in heart size.
+CM | Cardiomegaly, unchanged.
+CM | Cardiac silhouette remains markedly enlarged.
-CM | The heart is not enlarged.
-CM | Heart size is normal.
-CM | Normal heart size and mediastinal contours.
-CM | No cardiomegaly.
-CM | Non-enlarged heart.
+CM -PE -FX | HEART: Enlarged. PLEURA: No effusion. BONES: Intact.
-CM -ECM -LO | Heart: Normal. Mediastinum: Normal. Lungs: Clear.
-CM | Nonenlarged cardiac silhouette.
-CM | Heart size is at the upper limits of normal.
-CM -ECM | Cardiomediastinal silhouette is within normal limits.
-CM | No cardiac enlargement.
+CM | There is a mild to moderately enlarged heart today.
+CM | The heart size is moderately increased.
-CM | The heart is not enlarged and the aorta is tortuous.
0CM | Prominent right heart border fat pad.
?CM | Borderline heart size.
?CM | Cardiac size is borderline.
+PE ?CM | Small effusion and borderline cardiomegaly.
+PE ?CM | Borderline heart size and small effusion.
?CM | Borderline cardiomegaly.
+ECM | Widened mediastinum.
+ECM | The superior mediastinum is widened.
-ECM | The mediastinum is not widened.
-ECM | No mediastinal widening.
-ECM | Mediastinal contours are unremarkable.
+LL | A 2 cm nodule projects over the right upper lobe.
+LL | Spiculated mass in the left apex.
-LL | No suspicious nodule or mass.
?LL | Rounded density could represent a nodule or nipple shadow.
-LL | No pulmonary nodules or masses.
-LL | No cavitary change to suggest tuberculosis.
0LL | Widening may reflect an anterior mediastinal mass.
0LL | Sclerotic bone lesion in the humerus.
+LL | No significant change in the left upper lobe nodule.
0LL | No mass effect on the trachea.
0LL | Lungs expand to the edge of the thoracic cavity.
+AT | Left lower lobe collapse.
+AT | Subsegmental atelectatic change in the lingula.
0AT | Collapse of the T8 vertebral body.
-AT | No atelectasis.
+PO | Biapical pleural thickening.
+PO | Calcified pleural plaques.
+PO | Biapical capping.
0PO | Right apical scarring.
-PO | No pleural thickening.
+FX | Old healed right rib fractures.
+FX | Non-displaced fracture of the seventh rib.
+FX | Displaced clavicle fracture.
-FX | No displaced rib fracture.
0FX | Fractured sternotomy wires.
-FX | Osseous structures are intact.
?FX | Possible nondisplaced rib fracture.
+SD | Right PICC line ends in the lower SVC.
+SD | Dual-lead pacemaker.
+SD | Endotracheal tube tip 4 cm above the carina.
+SD | Median sternotomy wires are intact.
+SD | Right-sided central venous catheter unchanged.
-SD | The endotracheal tube has been removed.
-SD | Interval removal of the chest tube.
+SD -PX | Chest tube in place without pneumothorax.
-SD | No support devices.
+SD | Spinal neurostimulator.
+SD | ETT tip in the mid trachea.
+PE -PX | Right effusion, no pneumothorax.
+PE -PX | Right effusion, pneumothorax is not seen.
+CM ?PE | Cardiomegaly, effusion is possible.
-PE -ED -CO | Effusion, edema or consolidation is not seen.
-PE -ED -CO | Effusion, edema, and consolidation are absent.
+PE -PX | Small effusions but no pneumothorax.
+PE | Not only an effusion but also fluid in the fissure.
+PE | Persistent effusion despite drainage.
+PE +CM | There is cardiomegaly and a small effusion.
-PE -PX -FX | No effusion.  No pneumothorax.  No fracture.
?PE | Trace effusion is difficult to exclude.
?PE | Question small effusion.
?PE | Probable small left effusion.
?PE | Left base effusion suspected.
+PE | XXXX left effusion.
-PE -PX | No XXXX effusion or ___ pneumothorax.
+PE ?AT | Effusion and probable atelectasis.
-PE +AT | No effusion although atelectasis persists.
+AT -PE -PX | Bibasilar atelectasis, otherwise no effusion or pneumothorax.
-CO -PE -PX +LL | No consolidation, effusion, or pneumothorax. Stable nodule.
-ED -PE +CM | Enlarged heart without edema or effusion.
-PX -PE +SD | Port catheter without pneumothorax or effusion.
?PE  | A small left pleural effusion may be present.
?ED  | Mild edema may also be present.
?PN  | A superimposed pneumonia might be present.
?PN  | Pneumonia could be developing at the left base.
?PN +LO | Opacity which may be developing pneumonia.
?PE  | A left pleural effusion is likely present.
?PE  | An effusion is most likely present.
?PN  | Pneumonia may coexist.
+PE  | A small effusion is present.
-PE  | An effusion is not likely present.
+LO ?ED | Bibasilar opacities, edema may be present.
-CO ?PN | No new consolidation, although a subtle pneumonia may be present.
0PN  | Clinical correlation for pneumonia.
0PN +CO | Consolidation, please correlate with signs of pneumonia.
0PX  | Assessment for pneumothorax is limited.
0PX +PE | Assessment for pneumothorax is limited by a moderate effusion.
0PX  | Supine position limits detection of pneumothorax.
0PE  | Pleural effusion cannot be assessed.
0PE -PX | Pleural effusion cannot be reliably evaluated, no pneumothorax.
+PX  | PNEUMOTHORAX: Small, right apical.
+PX  | PNEUMOTHORAX: Unchanged.
+PX  | PNEUMOTHORAX: No significant change.
-PX  | PNEUMOTHORAX: Absent.
-PX  | PNEUMOTHORAX: Negative.
-PX  | PNEUMOTHORAX: No.
-PX  | PNEUMOTHORAX: None seen.
-PX  | PNEUMOTHORAX: Not seen.
-PX  | PNEUMOTHORAX: No longer visible.
-PX  | PNEUMOTHORAX: No evidence.
-PX  | PNEUMOTHORAX: There is no pneumothorax.
-PX -PE | Pleural effusion or pneumothorax: none.
?PX  | PNEUMOTHORAX: Possible.
?PX  | PNEUMOTHORAX: A tiny one cannot be excluded.
0PX  | PNEUMOTHORAX: Cannot be assessed.
+PE  | PLEURAL EFFUSION: Small, not seen on the left.
-PX +PE | PNEUMOTHORAX: None PLEURAL EFFUSION: Small
+LO ?PN | Left basilar opacity: possible pneumonia.
-PN -CO | PNEUMONIA: No consolidation.
+SD -PX | CHEST TUBE: No pneumothorax.
?PN  | DIFFERENTIAL DIAGNOSIS: Pneumonia.
+CM  | HEART: Moderately enlarged.
-CM -ECM | HEART AND MEDIASTINUM: Normal.
+ECM | CARDIOMEDIASTINAL SILHOUETTE: Enlarged.
-LO  | LUNGS: Clear.
+LO  | LUNGS: Patchy opacity on the left.
-PE -PX | PLEURA: No effusion or pneumothorax.
-PE  | PLEURA: Normal.
+PO  | PLEURA: Thickened.
+ED  | PULMONARY VASCULATURE: Engorged.
-FX  | BONES: Intact.
+FX  | BONES: Old rib fracture.
"""


TABLE = [tuple(map(str.strip, line.split("|"))) for line in CASES.strip().splitlines()]


@pytest.mark.parametrize(("claims", "text"), TABLE, ids=[text for _, text in TABLE])
def test_a_sentence_says_what_a_reader_would_say(claims, text):
    labels = label_report(text)
    said = {claim[1:]: VALUES[claim[0]] for claim in claims.split()}
    assert {name: labels[SHORT[name]] for name in said} == said
