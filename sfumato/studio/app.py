"""The page's server: its files, what it asks, and what it is told."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ..errors import UserError, in_one_line
from .job import Job
from .jobs import Jobs
from .place import RECEIVED, Place
from .sent import keep
from .showing import shown, told

PAGE = Path(__file__).parent / "page"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PICTURES = (".png", ".webp")
_REPORT = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " frame-ancestors 'self'"
)
"""What a report may: it is one file, and its script shows and hides its own parts."""
_LARGEST_ASKED = 4 << 20
"""Bytes of a request that sends no file."""


class Studio:
    """What the routes stand on.

    Args:
        place: the studio's folders.
        largest: bytes that a file which is sent may have.
    """

    def __init__(self, place: Place, largest: int) -> None:
        self.place, self.largest = place, largest
        self.jobs = Jobs(place)
        self._tabs: Any = None

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/page/{name}", self._page),
                Route("/api/tabs", _answered(self._told_tabs)),
                Route("/api/listed", _answered(self._listed)),
                Route("/api/jobs", _answered(self._all_jobs)),
                Route("/api/jobs", _answered(self._add), methods=["POST"]),
                Route("/api/jobs/{number:int}", _answered(self._job)),
                Route("/api/jobs/{number:int}/{what}", _answered(self._change), methods=["POST"]),
                Route("/api/sent/{kind}", self._sent, methods=["POST"]),
                Route("/api/settings", _answered(self._settings), methods=["POST"]),
                Route("/files/{name:path}", self._file),
            ]
        )

    def _page(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        path = next((one for one in PAGE.iterdir() if one.name == name and one.suffix in _KINDS), None)
        if path is None:
            return _refused("there is no such page", 404)
        return FileResponse(path, media_type=_KINDS[path.suffix])

    def _told_tabs(self, asked: Any, request: Request) -> Any:
        from .tabs import TABS

        if self._tabs is None:
            self._tabs = [
                {"name": tab.name, "title": tab.title, "forms": [form.told() for form in tab.forms]} for tab in TABS
            ]
        return {"tabs": self._tabs, "folder": str(self.place.folder), "models": self.place.models is not None}

    def _listed(self, asked: Any, request: Request) -> Any:
        from .found import listed

        return listed(self.place)

    def _all_jobs(self, asked: Any, request: Request) -> Any:
        return [told(job) for job in self.jobs.all()[:100]]

    def _job(self, asked: Any, request: Request) -> Any:
        return shown(self.jobs.one(request.path_params["number"]), self.jobs, self.place)

    def _add(self, asked: Any, request: Request) -> Any:
        from .tabs import FORMS

        form = FORMS.get(str(asked.get("form")))
        values = asked.get("values")
        if form is None or not isinstance(values, dict):
            raise UserError("the page asks for no form that is known; load it anew")
        watched = bool(values.get("watch", False))
        job = self.jobs.add(
            form=form.name,
            values=values,
            argv=form.asked(values, self.place),
            window=str(asked.get("window", ""))[:40],
            watched=watched,
            readings=form.readings,
        )
        return told(job)

    def _change(self, asked: Any, request: Request) -> Any:
        changes: Dict[str, Callable[[int], Job]] = {"stop": self.jobs.stop, "go-on": self.jobs.go_on}
        what = request.path_params["what"]
        if what not in changes:
            raise UserError(f"{what[:40]!r}: nothing of the kind can be done with a job")
        return told(changes[what](request.path_params["number"]))

    async def _sent(self, request: Request) -> Response:
        kind, name = request.path_params["kind"], request.query_params.get("name", "")
        largest = (
            f"the file has more than {self.largest >> 20} MB; send a smaller one, or start with a larger --largest"
        )
        with tempfile.NamedTemporaryFile(dir=self.place.sent, prefix=RECEIVED, delete=False) as file:
            path, size = Path(file.name), 0
            try:
                async for part in request.stream():
                    size += len(part)
                    if size > self.largest:
                        path.unlink()
                        return _refused(largest, 413)
                    file.write(part)
            except BaseException as end:
                path.unlink()
                if isinstance(end, ClientDisconnect):
                    return _refused("the file did not come whole; send it again", 400)
                raise
        try:
            kept = await asyncio.get_running_loop().run_in_executor(None, keep, kind, name, path, self.place.sent)
        except (UserError, OSError, ValueError) as error:
            return _refused(str(error).replace(f"{path}", "the file"), 400)
        return JSONResponse({"name": kept, "shown": name[:80]})

    def _settings(self, asked: Any, request: Request) -> Any:
        from .settings import settings_of

        return settings_of(self.place.folder / self.place.path(f"sent/{asked.get('picture')}"), self.place)

    def _file(self, request: Request) -> Response:
        """A picture, a report or numbers that a job wrote, or what was watched of it."""
        name = request.path_params["name"]
        try:
            path = self._watched(name) if name.startswith("jobs/") else self.place.folder / self.place.path(name)
        except (UserError, OSError):
            return _refused("no such file is shown", 404)
        if path.suffix in _PICTURES:
            return FileResponse(path, media_type=f"image/{path.suffix[1:]}")
        if path.suffix == ".json" and not name.startswith("sent/"):
            return FileResponse(path, media_type="application/json")
        if path.name == "report.html":
            return FileResponse(path, media_type="text/html", headers={"content-security-policy": _REPORT})
        return _refused("no such file is shown", 404)

    def _watched(self, name: str) -> Path:
        parts = name.split("/")
        whole = len(parts) in (3, 4) and parts[1].isdecimal() and not any(part.startswith(".") for part in parts)
        path = self.place.folder / name
        if not whole or not path.is_file() or path.suffix not in (*_PICTURES, ".json"):
            raise UserError("no such file is shown")
        return path


def _answered(work: Callable[[Any, Request], Any]) -> Callable[[Request], Any]:
    """A route that answers JSON, and what a user gets wrong in one line; the work is done beside the server's loop."""

    async def route(request: Request) -> Response:
        asked: Any = {}
        if request.method == "POST":
            body = bytearray()
            try:
                async for part in request.stream():
                    body += part
                    if len(body) > _LARGEST_ASKED:
                        return _refused("more is asked than a form can ask", 413)
                asked = json.loads(body or b"{}")
            except (ValueError, RecursionError, ClientDisconnect):
                asked = None
            if not isinstance(asked, dict):
                return _refused("what is asked is no JSON object", 400)
        try:
            return JSONResponse(await asyncio.get_running_loop().run_in_executor(None, work, asked, request))
        except (UserError, OSError) as error:
            return _refused(str(error), 400)

    return route


def _refused(line: str, status: int) -> Response:
    return JSONResponse({"line": in_one_line(line)}, status)
