"""One sheet that compares two settings of a painting."""
