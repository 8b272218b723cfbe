"""One module a training stage."""
