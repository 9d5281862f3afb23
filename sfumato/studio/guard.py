"""Who may ask the page's server for anything: its own page, and whoever knows the password.

Another page in the same browser can send requests to this machine, and can have its own name lead here (DNS
rebinding). Its requests name it: in Origin and Sec-Fetch-Site, which browsers write and pages cannot, and in Host.
"""

import base64
import binascii
import hmac
from typing import Dict, Optional
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MARK = "x-sfumato"
"""A header that the page's own script writes: another origin's may not without being asked for first."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
    " frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Refuses what is not the page's own, and adds what browsers should hold its answers to.

    Args:
        app: what is guarded.
        port: that it listens on.
        password: that is asked for, by any user's name; None where only this machine can ask.
    """

    def __init__(self, app: ASGIApp, port: int, password: Optional[str] = None) -> None:
        self._app, self._port, self._password = app, port, password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refused(scope["method"], headers)
        if refused is not None:
            await refused(scope, receive, _with_headers(send))
            return
        await self._app(scope, receive, _with_headers(send))

    def _refused(self, method: str, headers: Dict[str, str]) -> Optional[Response]:
        host = headers.get("host", "")
        if self._password is None and not self._is_ours(host):
            return PlainTextResponse("this page is for this machine: open it at 127.0.0.1", 403)
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if (origin is not None and _host_in(origin) != host) or site not in ("same-origin", "none"):
            return PlainTextResponse("another page asks for this; open the studio's own", 403)
        if method not in ("GET", "HEAD") and MARK not in headers:
            return PlainTextResponse("only the studio's own page may ask for this", 403)
        if self._password is not None and not self._knows(headers.get("authorization", "")):
            ask = {"www-authenticate": 'Basic realm="sfumato", charset="UTF-8"'}
            return PlainTextResponse("give the studio's password; any user name is right", 401, ask)
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            named = urlsplit(f"//{host}")
            return named.hostname in LOOPBACK and (named.port or 80) == self._port
        except ValueError:
            return False

    def _knows(self, authorization: str) -> bool:
        kind, _, given = authorization.partition(" ")
        try:
            password = base64.b64decode(given, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        # The time that it takes says nothing of how much of it is right.
        right = hmac.compare_digest(password, (self._password or "").encode())
        return kind.lower() == "basic" and right


def _host_in(origin: str) -> Optional[str]:
    """What an origin names as a Host header does; None where it is no address, such as "null"."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message.get("headers", [])}
            more = [(name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in there]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return sent
