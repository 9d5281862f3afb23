"""Hold the built site to what is promised of it.

    python docs/site/check.py build/site

Every link and picture is there, nothing is asked of another host, no page is wider than a phone's 390 pixels, and all
of it is small. `mkdocs build` has seen to the links of Markdown before; this sees what a browser will.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple
from urllib.parse import unquote, urlsplit

PHONE = 390
"""Pixels across."""
LARGEST = 15_000_000
"""Bytes of the whole site."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_LOADED = {"script": "src", "img": "src", "source": "src", "video": "src", "iframe": "src"}
_LOADING_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}
_CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s]+)""")
_MARKDOWN_TARGET = re.compile(r"\]\(([^)\s]+)\)|<img[^>]*\ssrc=\"([^\"]+)\"")


class _Page(HTMLParser):
    """What a page points to and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: Set[str] = set()
        self.links: List[str] = []
        self.loaded: List[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.names.update(values[name] for name in ("id", "name") if values.get(name))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and _LOADING_LINKS & set(values.get("rel", "").split()):
            self.loaded.append(values.get("href", ""))
        if tag in _LOADED and _LOADED[tag] in values:
            self.loaded.append(values[_LOADED[tag]])
        self.loaded += _CSS_ADDRESS.findall(values.get("style", ""))


def pointing_nowhere(site: Path) -> List[str]:
    """A line for each link or picture that is not there, and for each thing that another host would be asked for."""
    pages = {path.resolve(): _Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        for address in [*page.links, *page.loaded]:
            fault = _fault(path, address, address in page.loaded, pages)
            if fault:
                faults.append(f"{path.relative_to(site.resolve())}: {fault}")
    for path in sorted(site.rglob("*.css")):
        for address in _CSS_ADDRESS.findall(path.read_text()):
            if _is_elsewhere(address):
                faults.append(f"{path.relative_to(site)}: asks another host for {address}")
    return faults


def _is_elsewhere(address: str) -> bool:
    return address.startswith("//") or urlsplit(address).scheme in ("http", "https", "ftp")


def _fault(path: Path, address: str, loaded: bool, pages: Dict[Path, _Page]) -> str:
    if _is_elsewhere(address):
        return f"asks another host for {address}" if loaded else ""
    parts = urlsplit(address)
    if parts.scheme:  # data: and mailto: lead nowhere else
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return f"there is no {address}"
    there = not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].names
    return "" if there else f"there is no place {address}"


def missing_beside(document: Path) -> List[str]:
    """A line for each picture or file that a document of the repository, such as README.md, points to in vain."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = [one or other for one, other in _MARKDOWN_TARGET.findall(text)]
    local = [address for address in found if not urlsplit(address).scheme and not address.startswith("#")]
    lost = [one for one in local if not (document.parent / unquote(urlsplit(one).path)).exists()]
    return [f"{document.name}: there is no {one}" for one in lost]


def too_large(site: Path) -> List[str]:
    """A line if the site is."""
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    return [f"the site has {size:,} bytes, of {LARGEST:,}"] if size > LARGEST else []


# Pages are looked at one after the other in a frame as wide as a phone. What moves inside of a frame is not wide.
_LOOK = """<!doctype html><meta charset="utf-8">
<iframe width="PHONE" height="800" style="border: 0"></iframe><pre></pre>
<script>
const pages = PAGES, frame = document.querySelector("iframe"), found = []
const moves = one => one && (["auto", "scroll"].includes(getComputedStyle(one).overflowX) || moves(one.parentElement))
const look = place => {
  if (place == pages.length) { document.querySelector("pre").textContent = JSON.stringify(found); return }
  frame.onload = () => {
    const inside = frame.contentDocument, width = inside.documentElement.scrollWidth
    const wide = one => one.getBoundingClientRect().right > PHONE + 0.5 && !moves(one.parentElement)
    const which = width > PHONE ? [...inside.querySelectorAll("body *")].filter(wide).pop() : null
    found.push({page: pages[place], width, which: which ? which.outerHTML.slice(0, 120) : ""})
    look(place + 1)
  }
  frame.src = pages[place]
}
look(0)
</script>"""


def browser() -> Optional[str]:
    """A Chromium on the path."""
    return next((found for name in _BROWSERS for found in [shutil.which(name)] if found), None)


def wider_than_a_phone(site: Path, chromium: str) -> List[str]:
    """A line for each page that has to be moved sideways on a phone.

    Raises:
        RuntimeError: if the browser does not look at every page.
    """
    pages = [str(path.relative_to(site)) for path in sorted(site.rglob("*.html"))]
    looking = site / "look-at-all.html"
    looking.write_text(_LOOK.replace("PHONE", str(PHONE)).replace("PAGES", json.dumps(pages)))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"]
    try:
        with tempfile.TemporaryDirectory() as profile:
            asked = [chromium, *flags, f"--user-data-dir={profile}", "--virtual-time-budget=600000"]
            ended = subprocess.run(
                [*asked, looking.resolve().as_uri()], capture_output=True, text=True, timeout=300, check=False
            )
    finally:
        looking.unlink()
    told = re.search(r"<pre>(\[.*\])</pre>", ended.stdout, re.DOTALL)
    if told is None:
        raise RuntimeError(f"{chromium} did not look at all pages: {ended.stderr[-2000:]}")
    seen = json.loads(html.unescape(told[1]))
    assert [one["page"] for one in seen] == pages
    return [f"{one['page']}: {one['width']} pixels wide, by {one['which']}" for one in seen if one["width"] > PHONE]


def main(site: Path) -> int:
    """Print what is wrong; the exit status."""
    root = Path(__file__).parents[2]
    faults = [*pointing_nowhere(site), *too_large(site)]
    for document in ("README.md", "CONTRIBUTING.md", "records/README.md"):
        faults += missing_beside(root / document)
    chromium = browser()
    if chromium is None:
        print(f"SKIPPED: no Chromium was found, so no page was looked at {PHONE} pixels wide", flush=True)
    else:
        faults += wider_than_a_phone(site, chromium)
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
