"""Paint a phone number in street-number style and save it as one picture.

python examples/paint_a_number.py 0912345678 number.png
"""

import sys

import torch

from sfumato.digits.labels import label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, paint
from sfumato.images import sheet

number, path = sys.argv[1], sys.argv[2]
labels = [label_of("svhn", int(digit)) for digit in number]
pixels = paint(load_digits(), labels, range(len(labels)), Sampling(), torch.device("cpu"))
sheet(pixels, columns=len(labels), scale=4).save(path)
