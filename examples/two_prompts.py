"""One picture, two prompts: each half follows its own, painted by the small Stable Diffusion that ships.

python examples/two_prompts.py "a chalk seven next to a two" "a chalk digit next to a colourful two" picture.png
"""

import sys

import torch

from sfumato.diffusion import Guidance, NetworkDenoiser, Regions, SeededNoise, columns, make_sampler, sample
from sfumato.images import sheet, to_pixels
from sfumato.stable_diffusion import SMALL_WORLD, StableDiffusion

left, right, path = sys.argv[1:4]
model = StableDiffusion.load(SMALL_WORLD)
tokenizer = model.tokenizer()
told, untold = model.encode([tokenizer(left), tokenizer(right)]), model.encode([tokenizer("")])
prompts = [NetworkDenoiser(model.unet, model.schedule, "eps", (state[None],)) for state in told]
both = Regions(prompts, columns(2, 12, 12))
guided = Guidance(both, NetworkDenoiser(model.unet, model.schedule, "eps", (untold,)), 5.0)
with torch.no_grad():
    latents = sample(make_sampler("dpmpp-2m")(SeededNoise([0], (4, 12, 12))(), guided, model.schedule.times(20)))
    sheet(to_pixels(model.vae.decode(latents)), 1, scale=4).save(path)
