"""The networks, and nothing but networks: no files, no data, no training."""
