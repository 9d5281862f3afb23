"""A studio and a real browser before it, for the tests of the page."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator, List, Optional

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LONG = 120_000
"""Milliseconds that a job may take beside other tests."""
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


def need_browser() -> None:
    """Skip where there is no browser to look with."""
    for package in ("playwright", "starlette", "uvicorn"):
        pytest.importorskip(package)
    if CHROMIUM is None:
        pytest.skip("no Chromium")


class Served:
    """`sfumato studio` in a process of its own."""

    def __init__(self, folder: Path, *flags: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self._flags = folder, flags
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *what: object) -> None:
        self.close()

    def start(self) -> None:
        """Start it, again on the same port and folder; back when it answers."""
        command = [sys.executable, "-m", "sfumato", "studio", str(self.folder), "--port", str(self.port), *self._flags]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert self.url in line, line

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self._ended()

    def close(self) -> None:
        """As Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._ended()

    def _ended(self) -> None:
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A browser without anything kept from before."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield opened
        finally:
            opened.close()


class Window:
    """One window of the page; what its console complains of fails the test at the end."""

    def __init__(self, opened: Any, served: Served, **how: Any) -> None:
        self._context = opened.new_context(**{"viewport": {"width": 1300, "height": 900}, **how})
        self.page, self.served, self.faults = self._context.new_page(), served, []  # type: ignore[var-annotated]
        self.page.set_default_timeout(30_000)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(served.url)
        self.page.locator("#tabs button").first.wait_for()

    def _heard(self, message: Any) -> None:
        # A server that was killed is told of by the browser itself, a refused request too; others are faults.
        if message.type == "error" and not re.search(r"ERR_|Failed to load resource", message.text):
            self.faults.append(message.text)

    def open(self, tab: str, form: str = "") -> Any:
        """Open a tab, and a form of it; the panel."""
        self.page.get_by_role("tab", name=tab, exact=True).click()
        if form:
            self.page.get_by_role("button", name=form, exact=True).click()
        return self.work()

    def work(self) -> Any:
        """The form that is seen, and its result."""
        return self.page.locator(".work:visible")

    def fill(self, **values: Any) -> None:
        """Fill fields by their labels, with _ for spaces."""
        for label, value in values.items():
            field = self.work().get_by_label(label.replace("_", " "), exact=True)
            if not field.is_visible():
                self.work().locator("summary", has_text="More").first.click()
            if field.evaluate_handle("field => field").get_property("tagName").json_value() == "SELECT":
                field.select_option(str(value))
            else:
                field.fill(str(value))

    def send(self, label: str, *paths: Path) -> None:
        """Choose files for a field, and wait until they are there."""
        self.work().get_by_label(label, exact=True).set_input_files([str(path) for path in paths])
        self.work().locator(".thumbs li").nth(len(paths) - 1).wait_for()

    def ask(self) -> None:
        """Press the form's button."""
        self.work().locator("button.main").click()

    def state(self, wanted: str, timeout: float = LONG) -> str:
        """Wait until the job that is shown is so; all that is said of it."""
        said = self.work().locator(".status strong", has_text=re.compile(wanted))
        said.wait_for(timeout=timeout)
        return str(said.inner_text())

    def number(self) -> int:
        """Of the job that is shown."""
        found = re.search(r"Job (\d+)", self.work().locator(".status strong").inner_text())
        assert found is not None
        return int(found.group(1))

    def command(self) -> List[str]:
        """The command that is shown."""
        import shlex

        return shlex.split(self.work().locator(".command code").inner_text())

    def close(self, faults: Optional[List[str]] = None) -> None:
        """Close it; it must have had nothing to complain of."""
        self._context.close()
        assert self.faults == (faults or [])


def done_by_hand(command: List[str], studio: Path, there: Path) -> Path:
    """Do the command that the page shows, elsewhere; the folder that it wrote.

    Args:
        command: of the page.
        studio: the folder in which the page does it.
        there: an empty folder to do it in, which sees what was sent and learned there.
    """
    assert command[0] == "sfumato"
    there.mkdir(exist_ok=True)
    out = next(word for word in command if re.match(r"\d{4}-", word) and not (there / word.split("/")[0]).exists())
    for path in studio.iterdir():
        if path.name != out and not (there / path.name).exists():
            (there / path.name).symlink_to(path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-m", *command], cwd=there, env=environment, check=True, capture_output=True, timeout=600
    )
    return there / out


def until(holds: Any, seconds: float = 60) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)
