"""AUTOMATIC1111's text, written and read."""

import pytest

from sfumato.images import Parameters, parameters_text, read_parameters

SETTINGS = {"Steps": "25", "Sampler": "DPM++ 2M", "CFG scale": "7.5", "Seed": "17", "Size": "512x512"}


def test_the_text_is_theirs():
    told = Parameters("a chalk seven", "blurred", {**SETTINGS, "TI hashes": "<a>: 0f, b: 11"})
    assert parameters_text(told) == (
        "a chalk seven\nNegative prompt: blurred\n"
        'Steps: 25, Sampler: DPM++ 2M, CFG scale: 7.5, Seed: 17, Size: 512x512, TI hashes: "<a>: 0f, b: 11"'
    )


@pytest.mark.parametrize(
    "told",
    [
        Parameters("", "", SETTINGS),
        Parameters("a seven,\nin chalk: white", "", SETTINGS),
        Parameters("a", "two\nlines: of it, Steps: 3", {**SETTINGS, "Model": 'a "b", c: d\\e'}),
        Parameters("<new1> <lora:a b:0.8>, \u96ea", "\u00e9", {**SETTINGS, "Version": "v1.10.1"}),
    ],
)
def test_what_is_written_is_read(told):
    assert read_parameters(parameters_text(told)) == told


def test_as_their_page_writes_it():
    """A picture's text as the page's documentation shows one."""
    text = (
        "portrait, (sharp:1.2)\nNegative prompt: text\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, "
        "CFG scale: 7, Seed: 965400086, Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, "
        'Lora hashes: "chalk: 0f3a9b1c2d4e", Version: v1.10.1'
    )
    told = read_parameters(text)
    assert told is not None
    assert (told.prompt, told.negative) == ("portrait, (sharp:1.2)", "text")
    assert told.settings["Lora hashes"] == "chalk: 0f3a9b1c2d4e"
    assert told.settings["Model"] == "v1-5-pruned-emaonly" and len(told.settings) == 10


@pytest.mark.parametrize("text", ["", "a prompt", "a: b", "a seven\nnothing, that is: a setting", '{"a": 1, "b": 2}'])
def test_other_texts_are_none(text):
    assert read_parameters(text) is None
