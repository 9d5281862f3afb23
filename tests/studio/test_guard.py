"""The page's server answers its own page, and whoever knows the password."""

import base64

import pytest

pytest.importorskip("starlette")

from starlette.responses import PlainTextResponse

from sfumato.studio.guard import Guard

from .asking import MARKED, OWN, PORT, ask

PASSWORD = "a drop of größe: 1"


async def inside(scope, receive, send):
    """What is guarded."""
    await PlainTextResponse("inside", headers={"cache-control": "max-age=1"})(scope, receive, send)


def asked(headers, method="GET", password=None):
    return ask(Guard(inside, PORT, password), "/api/jobs", headers, method)


def knowing(given, kind="Basic"):
    return {**MARKED, "authorization": f"{kind} {base64.b64encode(given.encode()).decode()}"}


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST:7860", "[::1]:7860"])
def test_this_machine_may_ask_by_each_of_its_names(host):
    answer = asked({"host": host})
    assert (answer.status, answer.body) == (200, b"inside")


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:7860", "127.0.0.1.evil.example:7860", "localhost.evil.example:7860"),
        *("127.0.0.1", "127.0.0.1:7861", "192.168.0.2:7860", "0.0.0.0:7860", "", "[::1", "127.0.0.1:many"),
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(host):
    answer = asked({"host": host})
    assert (answer.status, b"inside" in answer.body) == (403, False)


def test_port_80_need_not_be_said():
    app = Guard(inside, 80)
    assert ask(app, "/", {"host": "localhost"}).status == 200
    assert ask(app, "/", {"host": "localhost:80"}).status == 200
    assert ask(app, "/", OWN).status == 403


def test_a_request_without_a_host_is_refused():
    assert asked({}).status == 403


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"origin": "http://127.0.0.1:7860"}, 200),
        ({"origin": "http://127.0.0.1:7861"}, 403),
        ({"origin": "http://localhost:7860"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://evil.example@127.0.0.1:7860"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://[::1"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "umber"}, 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_page_is_refused(more, status, method):
    assert asked({**MARKED, **more}, method).status == status
    # A password is no leave for it either: browsers send one along for every page.
    assert asked({**knowing(f":{PASSWORD}"), **more}, method, PASSWORD).status == status


def test_no_origin_is_that_of_a_request_without_a_host():
    with_password = {name: value for name, value in knowing(f":{PASSWORD}").items() if name != "host"}
    for origin in ("null", "", "http://[::1"):
        assert asked({**with_password, "origin": origin}, "POST", PASSWORD).status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_what_changes_something_needs_the_page_s_own_header(method):
    assert asked(OWN, method).status == 403
    assert asked(MARKED, method).status == 200


def test_who_only_looks_needs_none():
    assert asked(OWN).status == asked(OWN, "HEAD").status == 200


@pytest.mark.parametrize("user", ["", "anybody", "größe"])
def test_the_password_is_right_for_any_user(user):
    assert asked(knowing(f"{user}:{PASSWORD}"), password=PASSWORD).body == b"inside"
    assert asked(knowing(f"{user}:{PASSWORD}", kind="BASIC"), password=PASSWORD).status == 200
    # From another machine it has another name.
    assert asked({**knowing(f"{user}:{PASSWORD}"), "host": "studio.example"}, password=PASSWORD).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        MARKED,
        knowing("user:"),
        knowing("user"),
        knowing(PASSWORD.partition(":")[0]),
        knowing(f"user:{PASSWORD} "),
        knowing(f"user:{PASSWORD[:-1]}"),
        knowing(f"user:{PASSWORD.upper()}"),
        knowing(f"user:{PASSWORD}", kind="Bearer"),
        {**MARKED, "authorization": ""},
        {**MARKED, "authorization": "Basic"},
        {**MARKED, "authorization": "Basic ????"},
        {**MARKED, "authorization": "Basic größe"},
        {**MARKED, "authorization": f"Basic {PASSWORD}"},
    ],
)
def test_any_other_password_is_asked_for_anew(headers):
    answer = asked(headers, password=PASSWORD)
    assert (answer.status, b"inside" in answer.body) == (401, False)
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("headers", [OWN, {"host": "evil.example"}, {**OWN, "origin": "https://evil.example"}])
def test_what_is_answered_tells_browsers_what_to_hold_it_to(headers):
    told = asked(headers).headers
    policy = told["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';") and "unsafe" not in policy
    assert told["x-content-type-options"] == "nosniff" and told["referrer-policy"] == "no-referrer"
    assert told["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in told if name.startswith("access-control-")]


def test_headers_of_what_is_guarded_stay():
    assert asked(OWN).headers["cache-control"] == "max-age=1"
    assert asked({}).headers["cache-control"] == "no-store"


def test_only_requests_of_the_web_pass():
    seen = []

    async def told(scope, receive, send):
        seen.append(scope["type"])

    import asyncio

    for kind in ("websocket", "lifespan"):
        asyncio.run(Guard(told, PORT)({"type": kind}, None, None))
    assert seen == ["lifespan"]
