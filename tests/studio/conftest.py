"""One studio and one browser for all tests of the page in a file."""

import pytest

from .browser import Served, Window, browser, need_browser


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A studio with an empty folder."""
    need_browser()
    one = Served(tmp_path_factory.mktemp("studio") / "folder")
    yield one
    one.close()


@pytest.fixture(scope="module")
def chromium():
    """A browser."""
    need_browser()
    with browser() as opened:
        yield opened


@pytest.fixture
def window(chromium, served):
    """A new window, as another person would open it."""
    one = Window(chromium, served)
    yield one
    one.close()
