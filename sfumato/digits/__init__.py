"""The first job: digits of two datasets, painted from noise."""
