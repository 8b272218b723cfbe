"""Real and embedded data sets as rows: mimic_cxr, iu_xray, chexpert, nih_cxr14, phantom, and of anyone."""
