"""The page learns: a word from photos and a model from a zip, watched, stopped, gone on with, in spite of a kill."""

import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from .browser import LONG, Served, Window, done_by_hand, until


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Five pictures of one thing: a bright square that lies elsewhere in each."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(5):
        pixels = np.full((48, 48, 3), (30, 60, 90), np.uint8)
        pixels[8 + 3 * number : 24 + 3 * number, 10:30] = (240, 200, 20)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def zipped(photos, tmp_path_factory):
    """The same and again the same in a zip, under two labels."""
    path = tmp_path_factory.mktemp("zip") / "squares.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for place, photo in enumerate(3 * photos):
            archive.write(photo, f"{'even' if place % 2 == 0 else 'odd'}/{place}.png")
    return path


def ask_to_learn(window, photos, word, steps):
    window.open("Concepts", "Learn a word")
    window.send("Photos", *photos)
    window.fill(
        Word=word,
        Steps=steps,
        Steps_between_previews=5,
        **{"Previews,_a_prompt_a_line": "a {}"},
        Photos_a_step=2,
        Steps_between_saved_states=5,
    )
    window.ask()


def test_a_word_through_a_killed_server(chromium, photos, tmp_path):
    """Killed in the middle, the server finds its job again, and the word is that of the command line, bit for bit."""
    with Served(tmp_path / "studio") as served:
        window = Window(chromium, served)
        ask_to_learn(window, photos, "<square>", 20)
        run = served.folder / "0001-concepts"
        until(lambda: list(run.glob("state-*")), LONG / 1000)
        served.kill()
        window.page.locator("#away", has_text="does not answer").wait_for()
        assert not (run / "word.safetensors").exists()
        served.start()
        window.state("done")
        assert window.page.locator("#away").is_hidden()
        work = window.work()
        assert work.get_by_label("Word", exact=True).input_value() == "<square>"
        assert work.locator(".curve").count() >= 1
        assert work.get_by_label("Look").get_attribute("max") == "4"  # at steps 0, 5, 10, 15 and 20
        window.open("Concepts", "Paint a prompt")
        window.work().get_by_role("button", name="<square>").wait_for()
        window.fill(Prompt="a <square>", Pictures_of_each=1, Steps=2)
        window.ask()
        window.state("done")
        assert "--embeddings" in window.command()
        window.page.locator("#line button", has_text="1. Learn a word").click()
        window.state("done")
        by_hand = done_by_hand(window.command(), served.folder, tmp_path / "hand")
        assert (by_hand / "word.safetensors").read_bytes() == (run / "word.safetensors").read_bytes()
        window.close()


def test_a_model_from_a_zip(window, served, zipped):
    window.open("Your pictures", "Learn your pictures")
    window.send("A zip of pictures", zipped)
    window.fill(
        Size=8,
        Or_steps=60,
        Width_of_the_network=16,
        Blocks_of_the_network=1,
        Steps_between_sheets=20,
        Steps_between_saved_states=10,
        Pictures_a_step=4,
    )
    window.ask()
    window.state(r"training pictures: [1-9]|done")
    if "done" not in window.work().locator(".status strong").inner_text():
        window.work().get_by_role("button", name="Stop", exact=True).click()
        window.state("stopped|done")
    if "stopped" in window.work().locator(".status strong").inner_text():
        window.work().get_by_role("button", name="Go on", exact=True).click()
    window.state("done")
    assert window.work().locator("h2", has_text="What it paints").count() == 1
    run = f"{window.number():04d}-own"
    window.open("Your pictures", "Paint with your model")
    window.fill(Model=run)
    assert window.work().get_by_label("Label", exact=True).locator("option").all_inner_texts() == [
        "by default",
        "even",
        "odd",
    ]
    window.fill(Label="odd", Pictures_of_each=2, Steps=2)
    window.ask()
    window.state("done")
    assert window.command()[window.command().index("--label") + 1] == "odd"
    assert window.work().locator(".gallery figure").count() == 2


def test_what_is_no_picture_is_refused(window, tmp_path):
    window.open("Classify")
    hostile = {"page.png": b"<html><script>alert(1)</script>", "pickle.png": b"\x80\x04\x95cos\nsystem\n(S'id'\ntR."}
    for name, raw in hostile.items():
        (tmp_path / name).write_bytes(raw)
        window.work().get_by_label("Pictures", exact=True).set_input_files(str(tmp_path / name))
        window.work().locator(".drop .error", has_text=re.compile("is no picture")).wait_for()
    assert window.work().locator(".thumbs li").count() == 0


@pytest.mark.parametrize("look", ["wide", "narrow and dark"])
def test_everybody_can_use_it(look, chromium, served):
    """axe finds no serious fault on any tab; nothing is wider than the screen."""
    axe_of = pytest.importorskip("axe_playwright_python.sync_playwright")
    how = {} if look == "wide" else {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}
    # The checker's script is put into the page, which the page's own rules for scripts would refuse.
    window = Window(chromium, served, bypass_csp=True, **how)
    for tab in window.page.get_by_role("tab").all():
        tab.click()
        forms = window.page.locator("[role=tabpanel]:visible .forms button").all()
        for form in forms or [None]:
            if form is not None:
                form.click()
            for summary in window.work().locator("summary", has_text="More").all():
                summary.click()
            found = axe_of.Axe().run(window.page).response["violations"]
            serious = [
                (one["id"], [node["html"] for node in one["nodes"]][:3])
                for one in found
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], tab.inner_text()
            width = window.page.evaluate("document.documentElement.scrollWidth")
            assert width <= window.page.viewport_size["width"]
    window.close()


def test_the_keyboard_alone_is_enough(window):
    """From the address bar to a painted digit with keys."""
    page = window.page
    page.locator("#tab-digits[aria-selected=true]").wait_for()
    page.keyboard.press("Tab")
    assert page.locator("#tab-digits:focus").count() == 1
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Faces").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowLeft")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("button.main:focus").count():
            break
    page.keyboard.press("Enter")
    window.state("done")


def test_the_open_tab_is_in_sight_on_a_narrow_screen(chromium, served):
    window = Window(chromium, served, viewport={"width": 390, "height": 800})
    window.page.goto(f"{served.url}/#runs")
    window.page.reload()
    tab = window.page.locator("#tab-runs[aria-selected=true]")
    tab.wait_for()
    edges = tab.bounding_box()
    assert edges["x"] >= 0
    assert edges["x"] + edges["width"] <= 390
    window.close()
