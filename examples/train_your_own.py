"""Learn pictures from a folder and paint more: python examples/train_your_own.py [FOLDER] (two minutes; draws some)"""

import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from sfumato import Diffusion, FlowSchedule, Pictures, UNet, train
from sfumato.images import save_image
from sfumato.pictures.looks import as_sheet

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "shapes")
for number in range(0 if folder.exists() else 300):  # gold discs and squares on blue, of seven sizes at many places
    picture, left, top = Image.new("RGB", (16, 16), (20, 10, 60 + number % 90)), number % 6, number % 5
    draw = ImageDraw.Draw(picture)
    (draw.rectangle if number % 2 else draw.ellipse)([left, top, left + 5 + number % 7, top + 5 + number % 7], "gold")
    (folder / ("square" if number % 2 else "disc")).mkdir(parents=True, exist_ok=True)
    picture.save(folder / ("square" if number % 2 else "disc") / f"{number:03d}.png")
pictures = Pictures(folder, size=16)
model = Diffusion(UNet(16, pictures.classes, width=32, blocks=1), FlowSchedule(), predicts="velocity")
train(model, pictures, "run", minutes=1.5, look_every=0)
painted = [model.sample(count=8, label=name, steps=12, guidance_scale=2.0) for name in pictures.classes[:4]]
print("wrote", save_image(as_sheet(torch.cat(painted)), Path("painted.png")))
