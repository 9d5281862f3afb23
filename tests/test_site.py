"""The site is refused with a broken link, a missing picture, a page wider than a phone, or a wish of another host."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("material")

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs" / "site"


def of_the_site(name):
    """A module of docs/site, which is no package."""
    spec = importlib.util.spec_from_file_location(name, SITE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check, hooks = of_the_site("check"), of_the_site("hooks")


PICTURES = ROOT / "docs" / "images"
LARGEST, LARGEST_HERO, ALL = 300_000, 3_000_000, 5_000_000
"""Bytes of one picture of the docs, of the moving one at the head of README and home page, and of them all."""


def build(folder, **pages):
    """A site of these pages, by the project's own settings; what the build said, and where it lies."""
    shutil.copytree(SITE, folder / "docs" / "site")
    for name, text in pages.items():
        (folder / "docs" / f"{name}.md").write_text(text)
    (folder / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\ndocs_dir: docs\nsite_dir: built\nhooks: [{SITE / 'hooks.py'}]\n"
        f"nav: [{', '.join(f'{name}.md' for name in pages)}]\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    return ended, folder / "built"


GOOD = """# Good

A [link](#below), $a^2 \\le b$, and a table that is wide:

| one | two | three |
|---|---|---|
| aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb | c |

```bash
sfumato concepts generate OUT --prompt "a line of code that is far longer than any phone is wide, and then some more"
```

$$
\\begin{aligned}
x_s &= a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + s + t + u + v \\\\ y &= 1
\\end{aligned}
$$

## Below
"""


def test_what_is_good_passes_and_what_is_bad_is_named(tmp_path):
    ended, site = build(
        tmp_path,
        index=GOOD,
        lost='# Lost\n\n<img src="nothing.png" alt="">\n',
        nowhere='# Nowhere\n\n<a href="index.html#above">above</a> <a href="index.html#below">below</a>\n',
        wide='# Wide\n\n<div style="width: 500px">as wide as that</div>\n',
        far='# Far\n\n<script src="https://far.example/a.js"></script><p style="background: url(//far.example/b)">',
    )
    assert ended.returncode == 0, ended.stderr
    assert check.pointing_nowhere(site) == [
        "far.html: asks another host for https://far.example/a.js",
        "far.html: asks another host for //far.example/b",
        "lost.html: there is no nothing.png",
        "nowhere.html: there is no place index.html#above",
    ]
    assert check.too_large(site) == []
    assert "<math" in (site / "index.html").read_text()
    if check.browser() is None:
        pytest.skip("no Chromium")
    (wide,) = check.wider_than_a_phone(site, check.browser())
    assert wide.startswith("wide.html: ") and "as wide as that" in wide
    assert not (site / "look-at-all.html").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Page\n\n[gone](gone.md)\n", "gone.md"),
        ("# Page\n\n[gone](#gone)\n", "gone"),
        ("# Page\n\n![gone](gone.png)\n", "gone.png"),
        ("# Page\n\n$\\nosuchthing{x}$\n", "nosuchthing"),
    ],
)
def test_a_broken_page_fails_the_build(tmp_path, text, said):
    ended, _ = build(tmp_path, page=text)
    assert ended.returncode != 0
    assert said in ended.stdout + ended.stderr


def test_search_finds_from_the_file_system(tmp_path):
    if check.browser() is None:
        pytest.skip("no Chromium")
    _, site = build(tmp_path, index="# Start\n\nNothing here.\n", other="# Other\n\nA word: chiaroscuro.\n")
    asked = [
        check.browser(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--dump-dom",
        "--virtual-time-budget=20000",
    ]
    for word, found in (("chiaroscuro", "1 matching document"), ("tenebroso", "No matching documents")):
        address = f"{(site / 'index.html').as_uri()}?q={word}"
        page = subprocess.run([*asked, f"--user-data-dir={tmp_path / word}", address], capture_output=True, text=True)
        assert re.findall(r'md-search-result__meta">\s*([^<]*)<', page.stdout) == [found]


def test_a_site_over_its_size_is_named(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(bytes(11))
    monkeypatch.setattr(check, "LARGEST", 10)
    assert check.too_large(tmp_path) == ["the site has 11 bytes, of 10"]


def test_files_that_a_document_names_must_be_there(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(
        '![a](no.png) [b](b.md#c) [d](https://far.example) [e](#e)\n\n```\n[f](f)\n```\n<img src="g.webp">\n'
    )
    (tmp_path / "b.md").write_text("")
    assert check.missing_beside(page) == ["README.md: there is no no.png", "README.md: there is no g.webp"]


def test_an_equation_is_drawn_with_its_aligned_rows_and_a_wrong_one_is_refused():
    drawn = hooks.mathml(r"\begin{aligned} x &= 1 \\ y &\sim \mathcal{N}(0, I) \end{aligned}", display=True)
    assert drawn.count("<mtr>") == 2
    assert "\u223c" in drawn.replace("&#x223C;", "\u223c") and "&#x1D4A9;" in drawn
    with pytest.raises(ValueError, match="nosuchthing"):
        hooks.mathml(r"\nosuchthing", display=False)


def test_every_picture_of_the_pages_is_made_by_the_script_and_small(monkeypatch):
    monkeypatch.syspath_prepend(str(PICTURES))
    made = importlib.import_module("make").PICTURES
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"images/([\w.-]+)", page.read_text()) if "." in name}
    lie = {path.name: path.stat().st_size for path in PICTURES.iterdir() if path.suffix in (".png", ".svg", ".webp")}
    assert named - {"make.py"} == set(lie) <= set(made)
    assert lie["hero.webp"] <= LARGEST_HERO
    assert {name: size for name, size in lie.items() if size > LARGEST and name != "hero.webp"} == {}
    assert sum(lie.values()) < ALL


def test_a_command_of_a_picture_runs_once_and_a_failed_one_is_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(PICTURES))
    scratch = importlib.import_module("commands").Scratch(tmp_path)
    (tmp_path / "one.py").write_text("open('left', 'a').write('x')")
    for _ in range(2):
        assert scratch.ran("python one.py", "left").read_text() == "x"
    (tmp_path / "left").unlink()
    assert scratch.ran("python one.py", "left").read_text() == "x"
    (tmp_path / "two.py").write_text("raise SystemExit('what went wrong')")
    with pytest.raises(RuntimeError, match="what went wrong"):
        scratch.ran("python two.py", "left")
