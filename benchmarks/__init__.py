"""Scripts that print a ratio against a peer or a limit, and their committed results."""
