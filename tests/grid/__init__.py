"""Two settings of a painting on one sheet."""
