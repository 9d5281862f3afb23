"""A sampler is a generator: watch the model make up its mind, and stop as soon as it has.

python examples/watch_it_appear.py
"""

import torch

from sfumato.digits.labels import label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, walk
from sfumato.pictures.judges import load_judge

model, judge = load_digits(), load_judge("mnistm")
with torch.no_grad():
    for step in walk(model, [label_of("mnistm", 8)], [3], Sampling(steps=25), torch.device("cpu")):
        sure = judge(step.x0).softmax(dim=1)[0]
        print(f"t = {step.t:4.0f}   looks like {int(sure.argmax())} ({float(sure.max()):.0%})")
        if int(sure.argmax()) == 8 and float(sure.max()) > 0.8:
            print("decided")
            break
