"""The third job: Stable Diffusion v1, and words learned from photos."""
