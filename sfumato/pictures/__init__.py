"""Anybody's own pictures: read once, learned, painted."""
