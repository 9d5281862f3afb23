"""Every command that writes, killed at any moment and run again."""
