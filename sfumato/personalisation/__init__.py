"""A Stable Diffusion is taught what a few photos show: words, and what is added to its weights."""
