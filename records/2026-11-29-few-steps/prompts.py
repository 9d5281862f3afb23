"""1,500 prompts for a file: every named digit in every named look, every pair of two of these, and captions."""

import sys
from pathlib import Path
from random import Random

from sfumato.world.captions import ADJECTIVES, NAMES, article, caption
from sfumato.world.scenes import LOOKS, NAMED_DIGITS, NAMED_LOOKS

random = Random(0)
single = [article(f"{ADJECTIVES[LOOKS[look]][0]} {NAMES[digit]}") for look in NAMED_LOOKS for digit in NAMED_DIGITS]
found = dict.fromkeys([*single, *(f"{left} next to {right}" for left in single for right in single)])
while len(found) < 1500:
    count = random.choice((1, 2))
    digits, looks = ([random.choice(some) for _ in range(count)] for some in (NAMED_DIGITS, NAMED_LOOKS))
    found[caption(digits, looks, random)] = None
prompts = list(found)
random.shuffle(prompts)
Path(sys.argv[1]).write_text("\n".join(prompts) + "\n")
