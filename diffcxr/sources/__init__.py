"""Real and embedded data sets as rows: iu_xray, table, phantom."""
