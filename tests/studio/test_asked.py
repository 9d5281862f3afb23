"""What is filled in on the page is what the command under it does, and nothing else."""

import dataclasses
import importlib
import json
import shlex

import pytest

pytest.importorskip("tyro")

from sfumato.commands import COMMANDS
from sfumato.errors import UserError
from sfumato.flags import read_flags
from sfumato.options import check_options
from sfumato.studio import concept_forms, other_forms
from sfumato.studio.asked import Asked
from sfumato.studio.fields import CHOICE, FLAG, LONG, NUMBER, NUMBERS, TEXT, WHOLE, WORDS, Field
from sfumato.studio.found import Addition
from sfumato.studio.job import OUT
from sfumato.studio.place import Place
from sfumato.studio.tabs import FORMS, TABS

SENT = {"photos": ["a.png", "b.jpg"], "image": "a.png", "picture": "a.png", "zip": "a.zip"}
CHOSEN = {
    "checkpoint": "models/b.ckpt",
    "weights": "0001-own",
    "start": "0001-own",
    "runs": ["0001-own", "0002-digits"],
    "label": "rose",
    "loras": [{"name": "models/l.safetensors", "amount": 0.75}, {"name": "models/c.safetensors", "amount": -1}],
    "lora": "models/l.safetensors",
}
NEEDED = {
    "faces-invert": {"image": SENT["image"]},
    "concepts-learn": {"photos": SENT["photos"]},
    "own-learn": {"photos": SENT["photos"], "minutes": 2},
    "own-paint": {"weights": CHOSEN["weights"]},
    "classify": {"photos": SENT["photos"]},
    "runs": {"runs": CHOSEN["runs"]},
    "again": {"picture": SENT["picture"]},
}
"""What a form begins without."""
THERE = [name for name in FORMS if name.partition("-")[0] != "grid" or "grid" in COMMANDS]
FLAGGED = [
    pytest.param(form, field, id=f"{form}-{field.name}") for form in THERE for field in FORMS[form].fields if field.flag
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A studio in which all of that lies; what files are is said here and looked up elsewhere."""
    for name in ("sent/a.png", "sent/b.jpg", "sent/a.zip", "0001-own/model.safetensors", "0002-digits/x"):
        (tmp_path / "studio" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "studio" / name).write_bytes(name.encode())
    (tmp_path / "models").mkdir()
    for name in ("b.ckpt", "l.safetensors", "c.safetensors", "w.safetensors"):
        (tmp_path / "models" / name).write_bytes(b"")
    kinds = {"l": ("lora", ()), "c": ("custom", ("<new9>",)), "w": ("word", ("<w>",))}
    there = [Addition(f"models/{name}.safetensors", *told, "") for name, told in kinds.items()]
    words = {word: one.name for one in there if one.kind == "word" for word in one.words}
    for module in (concept_forms, other_forms):
        monkeypatch.setattr(module, "additions", lambda place: there)
        monkeypatch.setattr(module, "word_files", lambda place, text: [words[word] for word in words if word in text])
    return Place(tmp_path / "studio", tmp_path / "models")


def read(argv):
    """A command's options as it would read them, which must be allowed."""
    argv = [word.replace(OUT, "0003-out") for word in argv]
    name = next(name for name in (" ".join(argv[:2]), argv[0]) if name in COMMANDS)
    command = COMMANDS[name]
    options = read_flags(
        name, getattr(importlib.import_module(command.module), command.options), argv[len(name.split()) :]
    )
    check_options(options)
    return options


def settings(options):
    """name -> value, of options and those inside them."""
    found = {}
    for one in dataclasses.fields(options):
        value = getattr(options, one.name)
        if dataclasses.is_dataclass(value):
            found.update(settings(value))
        else:
            assert one.name not in found, one.name
            found[one.name] = value
    return found


def begins_with(form):
    """What the page sends of a form in which nothing is changed, after it went through JSON."""
    told = {field["name"]: field.get("default", "") for field in FORMS[form].told()["fields"]}
    return json.loads(json.dumps({**told, **NEEDED.get(form, {})}))


def another(field):
    """A value that is not the one that a field begins with, as the page would send it, and as the command reads it."""
    least = 0 if field.least is None else field.least
    if field.choices:
        found = next(one for one in reversed(field.choices) if one != field.default)
        return found, found
    if field.kind == FLAG:
        return not field.default, not field.default
    if field.kind == WHOLE:
        found = least + 3 if field.usual != least + 3 else least + 4
        return str(found), found
    if field.kind == NUMBER:
        return least + 0.123456789012, least + 0.123456789012
    if field.kind == NUMBERS:
        whole = not any(isinstance(one, float) for one in field.default)
        return (
            (f"{least + 1}, {least + 2};{least + 1}", (least + 1, least + 2, least + 1))
            if whole
            else (
                "1 .5\t0.125",
                (1.0, 0.5, 0.125),
            )
        )
    if field.kind == WORDS:
        return "a {}\n\n {} --steps 3", ("a {}", " {} --steps 3")
    return 'umber, "größe" (x) $y', 'umber, "größe" (x) $y'


@pytest.mark.parametrize("form", THERE)
def test_a_form_that_nothing_is_changed_in_is_the_command_as_it_is(form, place):
    argv = FORMS[form].asked(begins_with(form), place)
    # What is not sent is what the form begins with.
    assert FORMS[form].asked(NEEDED.get(form, {}), place) == argv
    told = settings(read(argv))
    for field in FORMS[form].fields:
        if field.flag and field.name not in NEEDED.get(form, {}) and field.default != "":
            value = told[field.name]
            assert _alike(value, field.default), field.name


def _alike(value, shown):
    if isinstance(value, tuple) and not isinstance(shown, (tuple, list)):
        return value == (shown,)
    return (tuple(value) == tuple(shown)) if isinstance(value, tuple) else value == shown


@pytest.mark.parametrize(("form", "field"), FLAGGED)
def test_the_default_that_is_left_out_is_the_command_s_own(form, field, place):
    """As the form does not say it, the command must not do otherwise."""
    words = list(FORMS[form].asked(begins_with(form), place))
    if field.flag in words:
        at = words.index(field.flag)
        after = next((n for n in range(at + 1, len(words)) if words[n].startswith("--")), len(words))
        del words[at:after]
    value = settings(read(words))[field.name]
    assert field.usual == ("" if value is None else value)


@pytest.mark.parametrize(("form", "field"), FLAGGED)
def test_a_value_that_is_changed_arrives_exactly(form, field, place):
    sent, meant = another(field)
    asked = {**begins_with(form), field.name: sent}
    if field.name == "token":
        pytest.skip("has a test below")
    before = settings(read(FORMS[form].asked(begins_with(form), place)))
    after = settings(read(FORMS[form].asked(asked, place)))
    if isinstance(after[field.name], tuple) and not isinstance(meant, tuple):
        meant = (meant,)
    assert after.pop(field.name) == meant
    before.pop(field.name)
    assert after == before


@pytest.mark.parametrize("form", THERE)
def test_every_field_filled_is_a_command_too(form, place):
    values = begins_with(form)
    for field in FORMS[form].fields:
        if field.name in SENT or field.kind == "weights":
            values[field.name] = SENT.get(field.name, "")
        elif field.listed and field.name in CHOSEN:
            values[field.name] = CHOSEN[field.name]
        else:
            values[field.name] = another(field)[0]
    if form == "own-learn":
        values["photos"] = ""
    if form == "faces-between":
        values["second"] = 7
    if form == "grid":
        values.update(what="concepts", across="steps", down="guidance-scale")
    told = settings(read(FORMS[form].asked(values, place)))
    for field in FORMS[form].fields:
        if field.flag:
            meant = another(field)[1]
            assert told[field.name] in (meant, (meant,)), field.name


def words_of(form, place, **values):
    return FORMS[form].asked({**begins_with(form), **values}, place)


def told_of(form, place, **values):
    """What the command is told where these are changed, as texts."""
    told = settings(read(words_of(form, place, **values)))
    plain = {name: tuple(map(str, one)) if isinstance(one, tuple) else one for name, one in told.items()}
    return {name: one if isinstance(one, (tuple, bool, int, float)) else str(one) for name, one in plain.items()}


def test_digits(place):
    assert words_of("digits", place) == [
        "digits",
        "generate",
        OUT,
        *shlex.split("--digits 7 --datasets mnistm --count 4"),
    ]
    told = told_of("digits", place, digit="every", dataset="both", count="2", seed=-3)
    assert (told["digits"], told["datasets"]) == (tuple(map(str, range(10))), ("mnistm", "svhn"))
    assert (told["count"], told["seed"], told["out"]) == (2, -3, "0003-out")


def test_faces(place):
    eta = words_of("faces-eta", place, rows=3, etas="0 1")
    assert eta == ["faces", "eta", "--out", OUT, *shlex.split("--each --rows 3 --etas 0 1")]
    assert told_of("faces-between", place, first=4, second="2")["between"] == ("4", "2")
    with pytest.raises(UserError, match="Noises: give two different ones"):
        words_of("faces-between", place, first=4, second="4")
    assert told_of("faces-invert", place)["image"] == "sent/a.png"


def test_concepts(place, tmp_path):
    told = told_of("concepts", place, prompt="a <w>\n\n  two sevens ", **{"loras": CHOSEN["loras"]}, count=3)
    assert (told["prompt"], told["count"], told["checkpoint"]) == (("a <w>", "two sevens"), 3, "None")
    assert told["embeddings"] == (f"{tmp_path}/models/w.safetensors",)
    assert told["lora"] == (f"{tmp_path}/models/l.safetensors:0.75",)
    assert told["custom"] == (f"{tmp_path}/models/c.safetensors:-1",)
    told = told_of("concepts", place, checkpoint=CHOSEN["checkpoint"], negative_prompt="no <w>")
    assert told["checkpoint"] == f"{tmp_path}/models/b.ckpt" and len(told["embeddings"]) == 1
    assert "--embeddings" not in words_of("concepts", place)


@pytest.mark.parametrize(
    "rows",
    [
        "umber",
        {"name": "models/l.safetensors"},
        ["models/l.safetensors"],
        [{"name": "models/l.safetensors"}],
        [{"name": "models/l.safetensors", "amount": "0.5"}],
        [{"name": "models/l.safetensors", "amount": True}],
        [{"name": "models/l.safetensors", "amount": float("nan")}],
        [{"name": "models/l.safetensors", "amount": float("inf")}],
        [{"name": "models/w.safetensors", "amount": 1}],
        [{"name": "/etc/passwd", "amount": 1}],
        [{"amount": 1}],
        [{"name": "models/l.safetensors", "amount": 1}] * 21,
    ],
)
def test_only_loras_that_are_listed_are_added(place, rows):
    with pytest.raises(UserError, match=r"LoRA"):
        words_of("concepts", place, loras=rows)


def test_an_amount_keeps_its_digits(place, tmp_path):
    told = told_of("concepts", place, loras=[{"name": "models/l.safetensors", "amount": 0.123456789}])
    assert told["lora"] == (f"{tmp_path}/models/l.safetensors:0.123456789",)


def test_learning_a_word(place):
    told = told_of("concepts-learn", place, token="<größe>", init="painting", kind="style", checkpoint="models/b.ckpt")
    assert (told["token"], told["init"], told["kind"]) == (("<größe>",), ("painting",), ("style",))
    assert told["photos"].startswith("sent/pictures-") and told["checkpoint"].endswith("models/b.ckpt")
    assert sorted(path.name for path in (place.folder / told["photos"]).iterdir()) == ["000.png", "001.jpg"]


def test_learning_one_s_own_pictures(place):
    told = told_of("own-learn", place, photos="", zip="a.zip", start=CHOSEN["start"])
    assert (told["source"], told["minutes"], told["start"]) == ("sent/a.zip", 2.0, "0001-own")
    assert told["size"] == ("32",)
    for values, line in (
        ({"zip": "a.zip"}, "give either a zip, or pictures"),
        ({"photos": []}, "give either a zip, or pictures"),
        ({"minutes": "", "steps": ""}, "say for how long"),
    ):
        with pytest.raises(UserError, match=line):
            words_of("own-learn", place, **values)
    assert told_of("own-learn", place, minutes="", steps="20000")["steps"] == 20_000


def test_painting_one_s_own_pictures(place):
    told = told_of("own-paint", place, label="rose", count=2)
    assert (told["weights"], told["label"], told["count"]) == ("0001-own", ("rose",), 2)


def test_the_others(place):
    told = told_of("classify", place, names="a seven\n\nan eight", ensemble=True)
    assert (told["names"], told["ensemble"], told["out"]) == (("a seven", "an eight"), True, "0003-out")
    with pytest.raises(UserError, match="give two or more"):
        words_of("classify", place, names="a seven")
    assert words_of("runs", place) == ["report", OUT, *shlex.split("--no-pdf --run 0001-own 0002-digits")]
    told = ["again", "sent/a.png", f"{OUT}/again.png", "--models", str(place.models), "."]
    assert words_of("again", place) == told, "its own folder has weights too"
    for runs in ([], "0001-own", ["../x"], [None]):
        with pytest.raises(UserError):
            words_of("runs", place, runs=runs)


def test_what_a_grid_paints_is_one_word(place, tmp_path):
    words = words_of("grid", place, prompt='a <w>\'s $(x) -- "seven"', lora=CHOSEN["lora"], down="nothing")
    assert words[:3] == ["grid", OUT, "--paint"] and "--down" not in words
    told = settings(read([*shlex.split(words[3])[:2], OUT, *shlex.split(words[3])[2:]]))
    assert told["prompt"] == ('a <w>\'s $(x) -- "seven"',) and len(told["embeddings"]) == 1
    assert told["lora"] == (f"{tmp_path}/models/l.safetensors",)
    assert words[4:] == ["--across", "steps", "4", "8", "16"]
    words = words_of("grid", place, what="your pictures", weights=CHOSEN["weights"], label="rose", seed=4)
    assert words[3] == "pictures generate --weights 0001-own --label rose --seed 4"
    with pytest.raises(UserError, match="Across: give its values"):
        words_of("grid", place, across_values=" \n")


@pytest.mark.parametrize("form", list(FORMS))
def test_a_text_that_looks_like_an_option_is_refused_in_every_field(form, place):
    for field in FORMS[form].fields:
        if field.kind in (TEXT, LONG, WORDS) or (field.kind == CHOICE and field.listed):
            for text in ("--overwrite", "-h", "-", "a\n--seed\n3" if field.kind in (LONG, WORDS) else " --film=x"):
                if field.name in ("spacing", "label", "lora", "checkpoint") or field.flag or form != "grid":
                    values = {**CHOSEN, field.name: text} if form == "grid" else {field.name: text}
                    values = {name: one for name, one in values.items() if name in {f.name for f in FORMS[form].fields}}
                    if form == "grid" and field.name == "label":
                        values["what"] = "your pictures"
                    with pytest.raises(UserError, match="begins with a hyphen"):
                        words_of(form, place, **values)


@pytest.mark.parametrize("form", list(FORMS))
def test_what_no_field_asks_is_refused(form, place):
    for name in ("umber", "out", "__class__", "overwrite", "a" * 500):
        with pytest.raises(UserError, match="the form asks no such thing"):
            words_of(form, place, **{name: 1})


@pytest.mark.parametrize("form", [name for name in FORMS if any(f.needed for f in FORMS[name].fields)])
def test_what_is_needed_is_said(form, place):
    for field in FORMS[form].fields:
        if field.needed:
            for empty in ("", None, []):
                with pytest.raises(UserError, match=f"{field.label}: is empty, and is needed"):
                    words_of(form, place, **{field.name: empty})


ONE = {
    kind: Field("it", "It", kind, default, flag="--it", choices=choices)
    for kind, default, choices in (
        (WHOLE, 3, ()),
        (NUMBER, 0.5, ()),
        (NUMBERS, (1,), ()),
        (TEXT, "", ()),
        (WORDS, (), ()),
        (CHOICE, "a", ("a", "b")),
    )
}


def given(kind, value):
    return Asked([ONE[kind]], {"it": value}).options()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((WHOLE, one) for one in ("few", "1.5", 1.5, "1e3", "0x10", "1 2", "--1", "+1", "1_000", "9" * 31, "nan")),
        *((NUMBER, one) for one in ("few", "nan", "inf", "-inf", float("nan"), float("inf"), "1,5", ".", "1e", "e3")),
        *((NUMBERS, one) for one in ("1 few", ["1", "nan"], ["1", ["2"]], [None], [{"a": 1}], "1 2 -")),
        *((kind, one) for kind in (WHOLE, NUMBER, TEXT, CHOICE) for one in ({"a": 1}, ["a"], True)),
        *((kind, one) for kind in (NUMBERS, WORDS) for one in ({"a": 1}, 3, True)),
        *((kind, one) for kind in (TEXT, WORDS) for one in ("a\0b", "\ud800", "a" * 20_001)),
        (NUMBERS, "1 " * 201),
        (WORDS, "a\n" * 201),
        (CHOICE, "umber"),
        (CHOICE, "A"),
    ],
)
def test_what_a_field_does_not_take_is_refused_in_a_line(kind, value):
    with pytest.raises(UserError, match=r"^It: ") as refused:
        given(kind, value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (WHOLE, " 12 ", ["12"]),
        (WHOLE, 12.0, ["12"]),
        (WHOLE, 1000000.0, ["1000000"]),
        (WHOLE, 10**25, [str(10**25)]),
        (WHOLE, "-7", ["-7"]),
        (NUMBER, 7.5, ["7.5"]),
        (NUMBER, "7.50", ["7.50"]),
        (NUMBER, 0.1234567890123, ["0.1234567890123"]),
        (NUMBER, 123456.5, ["123456.5"]),
        (NUMBER, "1E-4", ["1E-4"]),
        (NUMBER, 1e-05, ["1e-05"]),
        (NUMBER, ".5", [".5"]),
        (NUMBERS, "1,2; 3\n4", ["1", "2", "3", "4"]),
        (NUMBERS, [1, 2.5], ["1", "2.5"]),
        (WORDS, "a b\n\nc", ["a b", "c"]),
        (WORDS, ["a", "", "b"], ["a", "b"]),
        (TEXT, " a -b ", ["a -b"]),
        (CHOICE, "b", ["b"]),
    ],
)
def test_a_value_is_typed_as_it_was_filled_in(kind, value, words):
    assert given(kind, value) == ["--it", *words]


def test_names_of_forms_are_those_of_folders():
    for tab in TABS:
        assert all(form.name.partition("-")[0].isalpha() and form.name.islower() for form in tab.forms)
    assert len({form.name for tab in TABS for form in tab.forms}) == sum(len(tab.forms) for tab in TABS)


def test_stages_are_those_of_the_run_that_learned(place):
    from sfumato.studio.other_forms import _learned

    run = place.folder / "0001-concepts"
    run.mkdir()
    for file in (run / "lora.safetensors", place.sent / "theirs.safetensors"):
        file.write_bytes(b"")
    assert _learned("0001-concepts/lora.safetensors", ("stage", "seed"), place) == "0001-concepts"
    assert _learned("0001-concepts/lora.safetensors", ("steps", "seed"), place) == "0001-concepts/lora.safetensors"
    assert _learned("sent/theirs.safetensors", ("stage", "seed"), place) == "sent/theirs.safetensors"
