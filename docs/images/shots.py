"""What a browser shows of the pages that commands make."""

import shutil
import subprocess
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


def _shot(page: str, path: Path) -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((found for name in names for found in [shutil.which(name)] if found), None)
    if chromium is None:
        raise SystemExit("a picture of a page needs Chromium")
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
