"""The course's homework whole, by one command: from its downloads to a folder that can be handed in, and its grade."""
