"""What a browser shows of the pages that commands make."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import Scratch
from PIL import Image
from sheets import saved

from sfumato.report.course import course_page
from sfumato.report.homework.questions import Runs

WIDTH, HEIGHT = 1280, 900
"""Of the browser's window."""


# The page is moved up until a figure is the first thing on the screen; a browser without a head does not scroll.
_MOVED = """<script>
const shown = [...document.querySelectorAll("figure")].find(one => one.textContent.includes("CAPTION"))
document.body.style.marginTop = `${40 - shown.getBoundingClientRect().top}px`
</script>"""


def report(scratch: Scratch, path: Path) -> None:
    """A screen of the report of what ships."""
    page = scratch.ran("sfumato report report --quick --no-pdf", "report/report.html").read_text()
    _shot(page + _MOVED.replace("CAPTION", "Slerp and lerp over one alpha"), path)


def homework(scratch: Scratch, path: Path) -> None:
    """A screen of the homework's report, of those of its runs that need none of the course's files."""
    scratch.ran("sfumato digits figures runs/digit-figures", "runs/digit-figures/svhn-sheet.png")
    page = course_page(Runs(scratch.folder / "runs", {}), "R12345678")
    _shot(page + _MOVED.replace("CAPTION", "100 digits from 10 noises"), path)


def studio(scratch: Scratch, path: Path) -> None:
    """The studio after four sevens were painted."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command = [sys.executable, "-m", "sfumato", "studio", f"{folder}/studio", "--port", "0"]
        served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert served.stdout is not None
            address = re.search(r"http://\S+", served.stdout.readline())
            assert address is not None, "the studio did not open"
            browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(address.group())
            page.locator(".work:visible button.main").click()
            page.locator(".work:visible .status", has_text="done").wait_for(timeout=60_000)
            page.locator("figcaption", has_text="read as").nth(3).wait_for()
            page.locator("#where").evaluate_handle("line => { line.textContent = 'All lies in /home/me/studio.' }")
            page.screenshot(path=f"{folder}/page.png")
            browser.close()
        finally:
            served.terminate()
            served.wait()
        saved(Image.open(f"{folder}/page.png").convert("RGB"), path)


def _chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((found for name in names for found in [shutil.which(name)] if found), None)
    if chromium is None:
        raise SystemExit("a picture of a page needs Chromium")
    return chromium


def _shot(page: str, path: Path) -> None:
    chromium = _chromium()
    with tempfile.TemporaryDirectory() as folder:
        shown, picture = Path(folder) / "page.html", Path(folder) / "page.png"
        shown.write_text(page)
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
        ]
        window = [f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={picture}"]
        subprocess.run([chromium, *flags, *window, shown.as_uri()], check=True, capture_output=True)
        saved(Image.open(picture).convert("RGB"), path)
