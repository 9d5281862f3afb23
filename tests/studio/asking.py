"""Requests to an ASGI application, without a server and a network."""

import asyncio
import json
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

PORT = 7860
OWN = {"host": f"127.0.0.1:{PORT}"}
"""What a browser writes for the page's own address."""
MARKED = {**OWN, "x-sfumato": "1"}
"""And what the page's own script adds."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's."""
        return json.loads(self.body)


def ask(
    app: Any,
    path: str,
    headers: Optional[Dict[str, str]] = None,
    method: str = "GET",
    parts: Sequence[bytes] = (b"",),
    gone: bool = False,
) -> Answer:
    """One request.

    Args:
        app: the application.
        path: with the query after a question mark.
        headers: name -> value.
        method: such as POST.
        parts: of the body, as they come.
        gone: whether whoever asks goes away after them.
    """
    name, _, query = path.partition("?")
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http"},
        **{"path": name, "raw_path": name.encode(), "query_string": query.encode(), "root_path": ""},
        "headers": [(one.encode("latin-1"), value.encode("latin-1")) for one, value in (headers or {}).items()],
        **{"client": ("127.0.0.1", 50000), "server": ("127.0.0.1", PORT)},
    }
    waiting: List[Dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if not gone:
        waiting[-1]["more_body"] = False
    sent: List[Dict[str, Any]] = []

    async def receive() -> Dict[str, Any]:
        if not waiting and not gone:
            # Whoever asks waits for the answer; the application stops listening once it has given it.
            await asyncio.Event().wait()
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    begin = next(message for message in sent if message["type"] == "http.response.start")
    pairs: List[Tuple[bytes, bytes]] = begin["headers"]
    names = [one.decode("latin-1").lower() for one, _ in pairs]
    assert len(names) == len(set(names)), names
    told = {one.decode("latin-1").lower(): value.decode("latin-1") for one, value in pairs}
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answer(begin["status"], told, body)
