"""The small world: a Stable Diffusion small enough to ship, trained here on captioned digits, with its own CLIP."""
