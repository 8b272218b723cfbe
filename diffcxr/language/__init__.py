"""How report text becomes conditioning tokens. AVA-TLS has its place here."""
