"""Folders of runs that somebody else hands out: notes that lead elsewhere, hold markup, or are not what they say."""

import json
from typing import Any, Dict, List

from .cases import CANARY, Case
from .headers import safetensors
from .pictures import png

_MARKUP = f"<{CANARY}><script>alert('{CANARY}')</script>{{{{7*7}}}}"
_PICTURE = png(8, 8, (b"\0" + bytes(24)) * 8)
_FACE = {"name": "00", "mse": 1.0, "largest": 3}
_DIGITS = {
    "dataset": "mnistm",
    "accuracy": 0.5,
    "pictures": 10,
    "recall": 0.5,
    "precision": 0.5,
    "frechet_distance": 1.0,
    "judge": "ours",
    "confusion": [[1] * 10] * 10,
}
_PROMPT = {
    "source": "0",
    "prompt": "one",
    "image": 60.0,
    "text": 20.0,
    "best": ["a.png"],
    "baseline": None,
    "passed": True,
}
_ZERO_SHOT = {"pictures": 1, "per_class": {"zero": 1.0}, "top1": 1.0, "top5": 1.0, "clip": "small", "templates": ["{}"]}


def _note(command: str, settings: Any = None, **more: Any) -> Dict[str, Any]:
    told = {"command": command, "command_line": f"sfumato {command}", "settings": {} if settings is None else settings}
    return {**told, "versions": {"torch": "1"}, **more}


def _prompts(*prompts: Any) -> Dict[str, Any]:
    return _note("concepts generate", {"prompts": list(prompts)})


def _scored(**changed: Any) -> Dict[str, Any]:
    return _note("digits evaluate", datasets=[{**_DIGITS, **changed}], mean_accuracy=0.5)


_NOTES: Dict[str, Any] = {
    "prompts-upwards": _prompts(["../../..", "one"]),
    "prompts-absolute": _prompts(["/etc", "one"]),
    "prompts-with-nul": _prompts(["a\0", "one"]),
    "prompts-with-backslashes": _prompts(["..\\..", "one"]),
    "prompts-are-texts": _prompts("ab"),
    "prompts-are-numbers": _prompts(7),
    "prompts-are-a-table": _note("concepts generate", {"prompts": {"0": "one"}}),
    "prompts-are-missing": _note("concepts generate"),
    "prompts-of-markup": _prompts(["0", _MARKUP]),
    "prompts-of-half-a-character": _prompts(["0", "\ud83d"]),
    "prompts-that-are-long": _prompts(["0", "one " * 200_000]),
    "prompts-of-many": _prompts(*[["0", "one"]] * 100_000),
    "settings-are-a-list": _note("concepts generate", [1]),
    "settings-of-markup": _note("digits generate", {_MARKUP: _MARKUP, "a": [_MARKUP]}),
    "settings-that-are-deep": _note("digits generate", json.loads('{"a":' * 300 + "1" + "}" * 300)),
    "settings-of-huge-numbers": _note("digits generate", {"a": 10**300, "b": [10**300] * 100}),
    "settings-of-many": _note("digits generate", {str(n): n for n in range(50_000)}),
    "settings-not-numbers": _note("digits generate", {"a": float("nan"), "b": float("inf")}),
    "command-of-markup": _note(_MARKUP),
    "command-line-of-markup": {**_note("digits generate"), "command_line": _MARKUP},
    "command-line-of-a-table": {**_note("digits generate"), "command_line": {"a": _MARKUP}},
    "command-is-a-list": {**_note("digits generate"), "command": ["digits generate"]},
    "versions-of-markup": {**_note("digits generate"), "versions": {_MARKUP: _MARKUP}},
    "versions-are-a-text": {**_note("digits generate"), "versions": _MARKUP},
    "digits-of-markup": _scored(dataset=_MARKUP, judge=_MARKUP),
    "digits-of-texts": _scored(accuracy="x"),
    "digits-infinite": _scored(accuracy=float("inf"), recall=float("nan")),
    "digits-of-huge-numbers": _scored(accuracy=10**400),
    "confusion-that-is-huge": _scored(confusion=[[1] * 3000] * 3000),
    "confusion-of-huge-numbers": _scored(confusion=[[10**300] * 10] * 10),
    "confusion-of-nothing": _scored(confusion=[]),
    "confusion-that-is-ragged": _scored(confusion=[[1], [1, 2]]),
    "confusion-of-texts": _scored(confusion=[["a"] * 10] * 10),
    "confusion-not-a-number": _scored(confusion=[[float("nan")] * 10] * 10),
    "many-datasets": _note("digits evaluate", datasets=[_DIGITS] * 400, mean_accuracy=0.5),
    "no-datasets": _note("digits evaluate", datasets=[], mean_accuracy=0.5),
    "faces-of-markup": _note("faces evaluate", pictures=[{**_FACE, "name": _MARKUP}], mean_mse=1.0, limit=20),
    "faces-of-texts": _note("faces evaluate", pictures=[{**_FACE, "mse": "x"}], mean_mse="y", limit=[]),
    "faces-of-many": _note("faces evaluate", pictures=[_FACE] * 50_000, mean_mse=1.0, limit=20),
    "eta-of-nothing": _note("faces eta", etas=[], rms_distance_from_first=[]),
    "eta-of-texts": _note("faces eta", etas=["x"], rms_distance_from_first=[["y"]]),
    "paths-of-nothing": _note("faces interpolate", alpha=[], slerp={"norm": []}, lerp={"norm": []}),
    "paths-of-zeros": _note(
        "faces interpolate", alpha=[0], slerp={"norm": [0], "contrast": [0]}, lerp={"norm": [0], "contrast": [0]}
    ),
    "inversion-of-texts": _note("faces invert", found=[{"steps": _MARKUP, "mse": "x"}]),
    "scores-upwards": _note("concepts evaluate", prompts=[{**_PROMPT, "source": "../.."}], of=1, passed=1),
    "scores-of-pictures-upwards": _note(
        "concepts evaluate", prompts=[{**_PROMPT, "best": ["../../a.png"]}], of=0, passed=0
    ),
    "scores-of-markup": _note(
        "concepts evaluate", {"clip": _MARKUP}, prompts=[{**_PROMPT, "prompt": _MARKUP}], of=1, passed=1
    ),
    "scores-of-texts": _note(
        "concepts evaluate", prompts=[{**_PROMPT, "image": "x", "baseline": "xy"}], of=1, passed="1"
    ),
    "classes-of-markup": _note(
        "zero-shot", **{**_ZERO_SHOT, "per_class": {_MARKUP: 1.0}, "clip": _MARKUP, "templates": [_MARKUP]}
    ),
    "classes-of-many": _note("zero-shot", **{**_ZERO_SHOT, "per_class": {str(n): 0.5 for n in range(50_000)}}),
    "classes-of-texts": _note("zero-shot", **{**_ZERO_SHOT, "per_class": {"a": "b"}, "templates": [1]}),
    "world-upwards": _note(
        "world evaluate", measured={"../../one digit": {"both right": 1}}, examples={"../../one digit": "x"}
    ),
    "world-of-markup": _note("world evaluate", measured={_MARKUP: {_MARKUP: 1}}, examples={_MARKUP: _MARKUP}),
    "world-of-nothing": _note("world evaluate", measured={}, examples={}),
    "word-of-markup": _note("concepts learn", {"token": _MARKUP}),
    "training-of-markup": _note("digits train", {"remark": _MARKUP}, remark=_MARKUP),
    "a-list": [1],
    "a-number": 7,
    "nothing": {},
}
_LOG = (
    b'{"step": 1, "loss": NaN}\n{"step": 2, "loss": 1e999}\n{"step": "x", "loss": 3}\n[[[\n{"step": 3, "loss": 1'
    + b"0" * 400
    + b"}\n"
)
_WORD = {"dtype": "F32", "shape": [1, 64], "data_offsets": [0, 256]}


def _folder(note: Any, **more: bytes) -> Dict[str, bytes]:
    pictures = {"0/a.png": _PICTURE, "mnistm/0_001.png": _PICTURE, "00.png": _PICTURE}
    return {"run.json": note if isinstance(note, bytes) else json.dumps(note).encode(), **pictures, **more}


def _others() -> Dict[str, Dict[str, bytes]]:
    scores = {"score": "x", "image_score": _MARKUP, "text_score": "nan", "step": _MARKUP}
    learned, trained = _note("concepts learn", {"token": "<a>"}), _note("digits train")
    word = safetensors({"__metadata__": {"token": "<a>", **scores}, "<a>": _WORD}, bytes(256))
    previews = {f"preview-{name}.png": _PICTURE for name in ("00000001", "9" * 200, "1x", "1-2")}
    return {
        "log-of-odd-lines": _folder(trained, **{"log.jsonl": _LOG}),
        "log-of-deep-lines": _folder(trained, **{"log.jsonl": b"[" * 100_000}),
        "log-of-nul": _folder(trained, **{"log.jsonl": bytes(100_000)}),
        "log-of-many-lines": _folder(trained, **{"log.jsonl": b'{"step": 1, "loss": 1}\n' * 50_000}),
        "sheet-that-is-eps": _folder(trained, **{"sheet-00000001.png": b"%!PS-Adobe-3.0 EPSF-3.0\n"}),
        "word-of-odd-scores": _folder(learned, **{"word.safetensors": word}),
        "word-that-acts": _folder(learned, **{"word.safetensors": b"\x80\x02cos\nsystem\n."}),
        "previews-of-odd-names": _folder(learned, **previews),
        "note-deep": _folder(b'{"a":' * 100_000),
        "note-of-a-million-digits": _folder(b'{"a": ' + b"9" * 1_000_000 + b"}"),
        "note-of-nul": _folder(bytes(5000)),
        "note-of-utf-16": _folder(json.dumps(_note("digits generate")).encode("utf-16")),
        "note-twice": _folder(json.dumps(_note("digits generate")).encode() * 2),
        "note-empty": _folder(b""),
        "note-that-is-large": _folder(b'{"command": "digits generate", "versions": "' + b"a" * (17 << 20) + b'"}'),
        "pictures-that-are-bombs": _folder(
            _prompts(["0", "one"]), **{"0/a.png": png(8000, 8000, bytes(24_001) * 8000)}
        ),
        "pictures-that-are-eps": _folder(_prompts(["0", "one"]), **{"0/a.png": b"%!PS-Adobe-3.0 EPSF-3.0\n"}),
        "names-of-markup": {**_folder(_note("faces generate")), f"{_MARKUP.replace('/', '')}.png": _PICTURE},
        "folder-of-markup": {
            f"<{CANARY}>/run.json": json.dumps(_note("faces generate")).encode(),
            f"<{CANARY}>/a.png": _PICTURE,
        },
        "many-notes": {f"{n}/run.json": json.dumps(_note("digits generate")).encode() for n in range(500)},
        "deep-folders": {"a/" * 200 + "run.json": json.dumps(_note("digits generate")).encode()},
    }


def cases() -> List[Case]:
    """Each is read by `report`."""
    made = [Case("run", what, lambda note=note: _folder(note)) for what, note in _NOTES.items()]
    return made + [Case("run", what, lambda what=what: _others()[what]) for what in _others()]
