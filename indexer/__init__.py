"""Everything derived from the corpus; all of it can be thrown away and rebuilt."""
