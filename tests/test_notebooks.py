"""The notebooks run, what they claim holds, and what they show is what is stored in them."""

import json
import re
import tempfile
from pathlib import Path

import pytest

from tests import notebooks

ROOT = Path(__file__).parents[1]
CELLS = {path.stem: json.loads(path.read_text(encoding="utf-8"))["cells"] for path in notebooks.NOTEBOOKS}
OF_THE_MACHINE = (str(Path.home()), tempfile.gettempdir(), str(ROOT), "site-packages", "Traceback", "Warning")

every = pytest.mark.parametrize("path", notebooks.NOTEBOOKS, ids=lambda path: path.stem)


def code(path):
    return [cell for cell in CELLS[path.stem] if cell["cell_type"] == "code"]


def words(cell):
    """What a cell shows that is text."""
    for output in cell["outputs"]:
        yield "".join(output.get("text", "")) + "".join(output.get("data", {}).get("text/plain", ""))


def test_there_are_three():
    assert set(CELLS) == {"diffusion_in_ten_pictures", "learn_a_word", "your_own_pictures"}


@every
def test_it_runs_and_shows_what_is_stored(path):
    """Its own assertions hold, and no warning is given: either would end it. See `differences` on what may differ."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    assert list(notebooks.differences(stored, notebooks.executed(path))) == []


@every
def test_it_is_small_and_the_same_on_every_machine(path):
    assert path.stat().st_size < notebooks.LARGEST
    assert [cell["execution_count"] for cell in code(path)] == list(range(1, len(code(path)) + 1))
    for cell in CELLS[path.stem]:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cell["id"]), "ids are words, so that they stay"
        assert set(cell["metadata"]) <= {"tags"}
    for cell in code(path):
        assert [one for one in cell["outputs"] if one.get("name") == "stderr"] == []
        for text in words(cell):
            assert [one for one in OF_THE_MACHINE if one in text] == []


@every
def test_what_is_called_a_picture_is_one(path):
    """A cell whose name ends in -picture shows one, stored as PNG; and each notebook claims what it can prove."""
    pictures = [cell for cell in code(path) if cell["id"].endswith("-picture")]
    assert len(pictures) >= 4
    for cell in pictures:
        assert ["image/png" in one.get("data", {}) for one in cell["outputs"]].count(True) == 1, cell["id"]
    assert "".join("".join(cell["source"]) for cell in code(path)).count("\nassert ") >= 4


def test_ten_pictures_each_with_words_and_a_formula():
    cells = CELLS["diffusion_in_ten_pictures"]
    titles = [place for place, cell in enumerate(cells) if "".join(cell["source"]).startswith("## ")][:10]
    for number, place in enumerate(titles, 1):
        title, *lines = "".join(cells[place]["source"]).splitlines()
        assert title.startswith(f"## {number}. ")
        prose = [line for line in lines if line and not line.startswith("$$")]
        assert 3 <= len(prose) <= 8, title
        assert sum(line.startswith("$$") for line in lines) == 1, title
        assert cells[place + 1]["id"] == f"{cells[place]['id']}-picture"
    assert len(titles) == 10


@every
def test_what_it_links_to_is_there(path):
    text = "".join("".join(cell["source"]) for cell in CELLS[path.stem] if cell["cell_type"] == "markdown")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (path.parent / target).is_file(), target


@every
def test_commands_that_it_names_can_be_typed(path, tmp_path):
    from tests import test_docs

    cells = [cell for cell in CELLS[path.stem] if cell["cell_type"] == "markdown"]
    page = tmp_path / "page.md"
    page.write_text("\n\n".join("".join(cell["source"]) for cell in cells))
    if path.stem != "diffusion_in_ten_pictures":
        assert list(test_docs.named_commands(page))
    test_docs.test_commands_on_a_page_can_be_typed(page)


def small(code_of_it, tags=()):
    nbformat = pytest.importorskip("nbformat")
    cell = nbformat.v4.new_code_cell(code_of_it, id="only", metadata={"tags": list(tags)})
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize("fault", ["assert 1 + 1 == 3", "import warnings; warnings.warn('anything', stacklevel=1)"])
def test_a_false_claim_or_a_warning_would_be_seen(fault, tmp_path):
    nbformat, client = pytest.importorskip("nbformat"), pytest.importorskip("nbclient.exceptions")
    pytest.importorskip("ipykernel")
    nbformat.write(small(fault), tmp_path / "one.ipynb")
    with pytest.raises(client.CellExecutionError):
        notebooks.executed(tmp_path / "one.ipynb")


def test_what_is_stored_has_no_bar_and_is_the_same_again(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    path = tmp_path / "one.ipynb"
    program = "import sys\nprint('one')\nprint('half', file=sys.stderr, flush=True)\nprint('two')\n3"
    nbformat.write(small(program), path)
    nbformat.write(notebooks.executed(path), path)
    stored = path.read_bytes()
    outputs = json.loads(stored)["cells"][0]["outputs"]
    assert [one.get("text") for one in outputs] == [["one\n", "two\n"], None]
    assert outputs[1]["data"]["text/plain"] == ["3"] and outputs[1]["execution_count"] == 1
    nbformat.write(notebooks.executed(path), path)
    assert path.read_bytes() == stored


def test_differences_are_seen_unless_they_may_be():
    nbformat = pytest.importorskip("nbformat")

    def showing(text, tags=()):
        one = small("", tags)
        one.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
        return one

    loose = ["varies"]
    assert not list(notebooks.differences(showing("3 of 4"), showing("3 of 4")))
    assert list(notebooks.differences(showing("3 of 4"), showing("2 of 4")))
    assert not list(notebooks.differences(showing("3 of 4", loose), showing("2 of 4", loose)))
    assert list(notebooks.differences(showing("3 of 4", loose), showing("3 out of 4", loose)))


def test_another_picture_is_seen():
    nbformat = pytest.importorskip("nbformat")
    import base64
    import io

    from PIL import Image

    def painting(size, grey):
        held = io.BytesIO()
        Image.new("RGB", size, (grey, grey, grey)).save(held, "PNG")
        data = {"image/png": base64.b64encode(held.getvalue()).decode()}
        one = small("")
        one.cells[0].outputs = [nbformat.v4.new_output("display_data", data=data)]
        return one

    assert not list(notebooks.differences(painting((8, 8), 100), painting((8, 8), 103)))
    assert list(notebooks.differences(painting((8, 8), 100), painting((8, 8), 120)))
    assert list(notebooks.differences(painting((8, 8), 100), painting((8, 9), 100)))
