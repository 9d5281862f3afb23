"""The networks, and where their weights ship: no reading, no data, no training."""
