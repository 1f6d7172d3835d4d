"""Languages that rules are written in."""
