"""The text `parameters` of a PNG, in which AUTOMATIC1111's page notes how a picture was painted, and others read it:

    a chalk seven <lora:chalk:0.8>
    Negative prompt: blurred
    Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 17, Size: 512x512, Model: v1-5

The last line is a list of settings. A value with a comma, a colon or a line's end in it stands there as JSON's text.
"""

import json
import re
from typing import Dict, NamedTuple, Optional

KEY = "parameters"
"""What the text chunk is called."""
_NEGATIVE = "Negative prompt:"
_SETTING = re.compile(r'\s*([^\s:,"][^:,"]*):\s*("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)')
_FEWEST = 2
"""Settings that make a line theirs, and no part of the prompt."""
_QUOTED = re.compile(r"[,:\n]")


class Parameters(NamedTuple):
    """What the text says."""

    prompt: str
    negative: str
    settings: Dict[str, str]
    """In their order, such as {"Steps": "25"}."""


def parameters_text(told: Parameters) -> str:
    """What is written, see above."""
    settings = ", ".join(f"{name}: {_quoted(value)}" for name, value in told.settings.items())
    negative = [f"{_NEGATIVE} {told.negative}"] if told.negative else []
    return "\n".join([told.prompt, *negative, settings])


def read_parameters(text: str) -> Optional[Parameters]:
    """What was written; None where there is no line of settings at its end."""
    *lines, last = text.strip().split("\n")
    settings = _settings(last)
    if settings is None:
        return None
    begin = next((number for number, line in enumerate(lines) if line.startswith(_NEGATIVE)), len(lines))
    prompt, negative = "\n".join(lines[:begin]), "\n".join(lines[begin:])[len(_NEGATIVE) :]
    return Parameters(prompt.strip(), negative.strip(), settings)


def _settings(line: str) -> Optional[Dict[str, str]]:
    """The settings of a line that is made of them alone; None for another one."""
    found: Dict[str, str] = {}
    place, line = 0, line.strip()
    while place < len(line):
        match = _SETTING.match(line, place)
        if match is None:
            return None
        found[match.group(1).strip()] = _plain(match.group(2).strip())
        place = match.end()
    return found if len(found) >= _FEWEST else None


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if _QUOTED.search(value) else value


def _plain(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
