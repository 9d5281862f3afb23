"""The page's server shows its own files and those of jobs, and takes only what forms ask."""

import pytest

pytest.importorskip("starlette")

from sfumato.studio import app as served
from sfumato.studio.app import PAGE
from sfumato.studio.place import Place

from .asking import MARKED, ask
from .test_sent import _NoJobs


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A server without a worker."""
    monkeypatch.setattr(served, "Jobs", _NoJobs)
    return served.Studio(Place(tmp_path), 1 << 20).app()


def test_the_page_has_all_that_it_names(app):
    assert ask(app, "/").body == (PAGE / "index.html").read_bytes()
    for path in PAGE.iterdir():
        assert ask(app, f"/page/{path.name}").body == path.read_bytes()


@pytest.mark.parametrize(
    "path",
    ["/page/..", "/page/../app.py", "/page/app.py", "/page/", f"/page/{'a' * 5000}.js", "/page/a\0.js", "/umber"],
)
def test_no_other_file_is_a_page(app, path):
    assert ask(app, path).status == 404


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("0001-digits/svhn/7_001.png", "image/png"),
        ("0001-digits/film.webp", "image/webp"),
        ("0001-grid/grid.json", "application/json"),
        ("0001-runs/report.html", "text/html; charset=utf-8"),
        ("jobs/0001/readings.json", "application/json"),
        ("jobs/0001/steps/x_t-0000.png", "image/png"),
    ],
)
def test_what_jobs_wrote_is_shown_as_what_it_is(app, tmp_path, name, kind):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("it")
    answer = ask(app, f"/files/{name}")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, kind, b"it")
    assert answer.headers.get("content-security-policy", "").startswith("sandbox") == name.endswith(".html")


@pytest.mark.parametrize(
    "name",
    [
        *("0001-own/model.safetensors", "0001-digits/log.txt", "0001-digits/page.html", "sent/a.json", "sent/a.html"),
        *("jobs/0001.json", "jobs/0001/log.txt", "jobs/0001/.a.png", "jobs/x/a.png", "jobs/0001/a/b/c.png"),
        *("other/a.png", "a.png", ".hidden.png"),
    ],
)
def test_other_files_of_the_folder_are_not_shown(app, tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("secret")
    answer = ask(app, f"/files/{name}")
    assert (answer.status, b"secret" in answer.body) == (404, False)


@pytest.mark.parametrize(
    "name",
    [
        *("jobs/../a.png", "jobs/0001/../../a.png", "jobs/../../secret.png", "0001-digits/../a.png", "/etc/passwd"),
        *(f"jobs/0001/{'a' * 5000}.png", f"sent/{'a' * 5000}.png", "jobs/0001/a\0.png", "sent/a\0.png"),
    ],
)
def test_no_path_leads_out_of_it(app, tmp_path, name):
    (tmp_path / "a.png").write_text("secret")
    (tmp_path / "jobs" / "0001").mkdir()
    answer = ask(app, f"/files/{name}")
    assert (answer.status, b"secret" in answer.body) == (404, False)


@pytest.mark.parametrize(
    "body", [b"umber", b"[]", b"1", b"[" * 100_000, b"\xff\xfe", b'{"form": "umber", "values": {}}', b"{}"]
)
def test_what_no_form_asks_is_refused_in_a_line(app, body):
    answer = ask(app, "/api/jobs", MARKED, "POST", (body,))
    assert answer.status == 400 and set(answer.json()) == {"line"}


@pytest.mark.parametrize("form", [b"[]", b"{}", b"1", b"null"])
def test_a_form_s_name_is_a_word(app, form):
    answer = ask(app, "/api/jobs", MARKED, "POST", (b'{"values": {}, "form": ' + form + b"}",))
    assert answer.status == 400 and "no form that is known" in answer.json()["line"]


def test_more_than_a_form_can_ask_is_refused(app):
    assert ask(app, "/api/jobs", MARKED, "POST", [bytes(1 << 20)] * 5).status == 413


def test_a_request_that_does_not_come_whole_is_refused(app):
    assert ask(app, "/api/jobs", MARKED, "POST", (b"{}",), gone=True).status == 400


@pytest.mark.parametrize("picture", ["umber.png", "../a.png", None, ["a.png"], {"a": 1}])
def test_settings_are_read_of_what_was_sent(app, picture):
    import json

    answer = ask(app, "/api/settings", MARKED, "POST", (json.dumps({"picture": picture}).encode(),))
    assert (answer.status == 400 and "of the studio" in answer.json()["line"]) or "any more" in answer.json()["line"]
