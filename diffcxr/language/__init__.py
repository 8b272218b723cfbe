"""How report text becomes conditioning tokens: AVA-TLS (Diff-CXR, arXiv 2410.20165)."""
