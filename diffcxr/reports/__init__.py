"""Report text: sections, de-identification marks, CheXpert-14 labels, prompts."""
