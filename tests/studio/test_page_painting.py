"""The page paints: from the first click to the picture, the same pixels as the command that it shows."""

import re
import time
import urllib.request

import numpy as np
from PIL import Image

from .browser import LONG, Served, Window, done_by_hand, until


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def same_pictures(here, there):
    names = sorted(path.relative_to(there) for path in there.rglob("*.png"))
    assert names
    for name in names:
        assert (pixels(here / name) == pixels(there / name)).all(), name


def test_digits(window, served, tmp_path):
    window.open("Digits")
    window.fill(Digit=3, Look="both", Pictures_of_each=2, Seed=11, Steps=4)
    window.ask()
    window.state("done")
    work = window.work()
    assert work.locator(".gallery figure").count() == 4
    assert work.locator("figcaption", has_text=re.compile(r"read as \d \(\d+\.\d%\)")).count() == 4
    # Every step can be looked at: at first noise, at last the pictures themselves.
    slider = work.get_by_label("Step", exact=True)
    assert slider.get_attribute("max") == "4"
    slider.fill("0")
    assert work.locator("output").first.inner_text() == "0 of 4"
    assert "x_t-0000.png" in work.get_by_alt_text("noisy x_t").get_attribute("src")
    command = window.command()
    assert "--seed" in command and "11" in command and "mnistm" not in command
    same_pictures(served.folder / f"{window.number():04d}-digits", done_by_hand(command, served.folder, tmp_path))


def test_a_picture_gives_back_its_settings(window, served, tmp_path):
    window.open("Digits")
    window.fill(Digit=5, Pictures_of_each=1, Seed=4, Steps=3, Guidance_scale=2.5, Sampler="ddim", eta=0.5)
    window.ask()
    window.state("done")
    picture = served.folder / f"{window.number():04d}-digits" / "mnistm" / "5_001.png"
    window.fill(Digit=1, Seed=9, Steps=7, Guidance_from_time=300)
    window.open("Faces")
    made = """raw => {
        const held = new DataTransfer();
        held.items.add(new File([new Uint8Array(raw)], "a.png", { type: "image/png" }));
        return held;
    }"""
    held = window.page.evaluate_handle(made, list(picture.read_bytes()))
    window.page.dispatch_event("h1", "drop", {"dataTransfer": held})
    window.page.locator("#settings", has_text="are set").wait_for()
    work = window.work()
    found = {
        label: work.get_by_label(label, exact=True).input_value()
        for label in ("Digit", "Seed", "Steps", "Guidance scale", "Sampler", "eta", "Guidance from time")
    }
    assert found == {
        "Digit": "5",
        "Seed": "4",
        "Steps": "3",
        "Guidance scale": "2.5",
        "Sampler": "ddim",
        "eta": "0.5",
        "Guidance from time": "150",
    }
    window.page.get_by_role("button", name="Paint this very picture again").click()
    window.page.locator("#settings .status", has_text="done").wait_for(timeout=LONG)
    again = sorted(served.folder.glob("*-again/again.png"))[-1]
    assert again.read_bytes() == picture.read_bytes()


def test_faces(window, served, tmp_path):
    window.open("Faces", "What eta does")
    window.fill(Etas="0 1", Faces=1, Steps=4)
    window.ask()
    window.state("done")
    slider = window.work().get_by_label("eta", exact=True).and_(window.page.locator("input[type=range]"))
    assert window.work().locator("output").inner_text() == "eta = 0"
    slider.fill("1")
    assert window.work().locator("output").inner_text() == "eta = 1"
    window.open("Faces", "Between two noises")
    window.fill(To_noise=3, Pictures_on_the_way=3, Steps=2)
    window.ask()
    window.state("done")
    window.work().get_by_label("From one noise to the other").fill("1")
    # Half-way slerp keeps the norm of 110.9 = sqrt(3 x 64 x 64), and lerp has 1/sqrt(2) of it.
    said = " ".join(window.work().locator("figcaption").all_inner_texts())
    norms = dict(re.findall(r"(slerp|lerp): norm ([\d.]+)", said))
    assert abs(float(norms["slerp"]) - 110.85) < 2
    assert abs(float(norms["lerp"]) - 110.85 / 2**0.5) < 2
    picture = served.folder / f"{window.number():04d}-faces" / "slerp" / "00.png"
    window.open("Faces", "A picture's noise")
    window.send("Picture", picture)
    window.fill(Numbers_of_steps="5")
    window.ask()
    window.state("done")
    assert window.work().locator("figcaption", has_text="painted again: MSE").count() == 1


def test_concepts(window, served, tmp_path):
    window.open("Concepts", "Paint a prompt")
    prompt = window.work().get_by_label("Prompt", exact=True)
    prompt.fill("a ")
    window.work().get_by_role("button", name="<new1>").click()
    assert prompt.input_value() == "a <new1>"
    window.fill(Pictures_of_each=2, Steps=2, Negative_prompt="blurred")
    window.ask()
    window.state("done")
    same_pictures(
        served.folder / f"{window.number():04d}-concepts", done_by_hand(window.command(), served.folder, tmp_path)
    )


def test_what_cannot_be_is_told_in_a_line(window):
    window.open("Digits")
    window.fill(Steps=0)
    window.ask()
    window.work().locator(".error", has_text="--steps must be at least 1 and at most 1000, got 0").wait_for(
        timeout=LONG
    )
    window.fill(Steps="")
    window.open("Concepts", "Paint a prompt")
    window.fill(Prompt="--checkpoint")
    window.ask()
    window.work().locator("form .error", has_text="begins with a hyphen").wait_for()
    window.fill(Prompt="a <nobodys>", Steps=1)
    window.ask()
    window.work().locator(".error", has_text="nobody has learned <nobodys>").wait_for(timeout=LONG)


def test_a_grid_and_its_cells(window, served):
    window.open("Grid")
    window.fill(Paint="digits", Across="steps", Down="seed")
    across, down = window.work().get_by_label("Its values, one a line").all()
    across.fill("1\n3")
    down.fill("0\n1")
    window.ask()
    window.state("done")
    table = window.work().locator("table.grid")
    assert table.locator("img").count() == 4
    assert [one.inner_text() for one in table.locator("th").all()] == ["steps 1", "steps 3", "seed 0", "seed 1"]
    assert all(
        one.evaluate_handle("image => image.naturalWidth").json_value() == 28 for one in table.locator("img").all()
    )


def test_classify(window, served):
    pictures = sorted(served.folder.glob("*-digits/mnistm/*.png"))[:2]
    window.open("Classify")
    window.send("Pictures", *pictures)
    window.fill(**{"Names,_one_a_line": "a chalk three\na chalk eight"})
    window.ask()
    window.state("done")
    shares = [float(one.rstrip("%")) for one in window.work().locator(".bar > span:last-child").all_inner_texts()]
    assert len(shares) == 4
    assert abs(sum(shares[:2]) - 100) < 0.2
    assert shares[0] >= shares[1]


def test_runs(window, served):
    run = sorted(path.name for path in served.folder.glob("*-concepts"))[-1]
    window.open("Runs")
    window.work().get_by_label(run).check()
    window.ask()
    window.state("done")
    frame = window.page.frame_locator("iframe[title='The report']")
    frame.locator("h1").first.wait_for()


def test_two_windows_do_not_disturb_each_other(window, chromium, served):
    other = Window(chromium, served)
    window.open("Digits")
    window.fill(Digit=2, Pictures_of_each=1, Steps=2)
    other.open("Digits")
    other.fill(Digit=8, Pictures_of_each=1, Steps=2)
    window.ask()
    other.ask()
    window.state("done")
    other.state("done")
    assert window.number() != other.number()
    assert window.command()[window.command().index("--digits") + 1] == "2"
    assert other.command()[other.command().index("--digits") + 1] == "8"
    assert window.work().get_by_label("Digit", exact=True).input_value() == "2"
    assert "another window's" in other.page.locator("#line").inner_text()
    other.close()


def test_stop_and_reload(window, served):
    window.open("Digits")
    window.fill(Digit=6, Pictures_of_each=400, Steps=20)
    window.ask()
    window.state(r"painting digits: [1-9]")
    number = window.number()
    window.page.reload()
    assert f"Job {number}" in window.state(r"painting digits: [1-9]")
    assert window.work().get_by_label("Digit", exact=True).input_value() == "6"
    began = time.monotonic()
    window.work().get_by_role("button", name="Stop", exact=True).click()
    window.state("stopped")
    assert time.monotonic() - began < 10
    window.work().get_by_role("button", name="Go on", exact=True).click()
    window.state(r"painting digits: [1-9]")
    window.work().get_by_role("button", name="Stop", exact=True).click()
    window.state("stopped")


def test_a_fresh_studio_paints_at_the_first_click(tmp_path, chromium):
    """Whoever opens the address as soon as it is printed is answered; how soon is `benchmarks/studio.py`'s."""
    with Served(tmp_path / "studio") as one:
        with urllib.request.urlopen(one.url) as answer:
            assert b"sfumato" in answer.read()
        first = Window(chromium, one)
        first.ask()
        first.state("done")
        until(lambda: list((tmp_path / "studio").glob("0001-digits/mnistm/7_004.png")))
        first.close()
