"""The server: what it answers to the page."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tinyad.html.page import resource
from tinyad.web.access import Guard
from tinyad.web.disk import ChangedError, Disk
from tinyad.web.jobs import done, is_code
from tinyad.web.limits import (
    GRACE_SECONDS,
    NAME_CHARACTERS,
    REQUEST_BYTES,
    RETRY_SECONDS,
    SETTLED_SECONDS,
    YIELD_SECONDS,
)
from tinyad.web.page import policy, shown
from tinyad.web.workers import BusyError, Workers

Answer = dict[str, Any]
BUSY = {"state": "busy", "message": "many texts are checked just now; this one is checked as soon as there is room"}
SUPERSEDED = {"state": "superseded", "message": "a newer text of this page is checked"}
NO_CODE = {
    "state": "refused",
    "message": "Code is run when it is checked, and this server runs none: `tinyad serve --allow-code` does.",
}
FIRST = "```declare\nx: scalar\n```\n```forward\nL = x²\n```\n```backward\n∇x = 2 x\n```\n"
STATIC = {
    "app.js": "text/javascript", "editor.js": "text/javascript", "codemirror.js": "text/javascript",
    "app.css": "text/css", "codemirror.LICENSE.txt": "text/plain", "icon.svg": "image/svg+xml",
}  # fmt: skip
SHARED = {"style.css": "text/css", "page.css": "text/css", "explore.js": "text/javascript"}  # of tinyad.html


class RefusedError(ValueError):
    """A request that is not answered; `status` is that of HTTP."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Served(NamedTuple):
    """What a server offers: examples by their names, texts on the disk, and whether it runs code."""

    examples: Mapping[str, Path] = {}
    disk: Disk | None = None
    allow_code: bool = False


class Server:
    """The state of a server: its processes, and the check of each page that is going on."""

    def __init__(self, served: Served, processes: int | None = None) -> None:
        number = processes or os.cpu_count() or 1
        self.served = served
        self.verdicts = Workers(done, number, grace=GRACE_SECONDS)
        self.suggestions = Workers(done, number, low=True)  # and all else that takes long
        self._going: dict[str, asyncio.Task[None]] = {}

    def app(self, token: str, host: str) -> Guard:
        """Return the app that uvicorn serves."""
        routes = [
            Route("/", self._page),
            Route("/static/{name}", _static),
            Route("/check", self._check, methods=["POST"]),
            *(Route(f"/{job}", self._job(job), methods=["POST"]) for job in ("drawing", "page", "plant", "grade")),
            Route("/examples/{name}", self._example),
            Route("/files", self._files),
            Route("/files/{name:path}", self._read),
            Route("/files/{name:path}", self._write, methods=["PUT"]),
        ]
        handlers: Any = {RefusedError: _refused, BusyError: _busy}
        return Guard(Starlette(routes=routes, exception_handlers=handlers, lifespan=self._lifespan), token, host)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        job = {"job": "check", "name": "first.md", "text": FIRST, "suggest": False}
        await asyncio.gather(self.verdicts.do(job), self.suggestions.do(job))  # so that the first text does not wait
        yield
        for workers in (self.verdicts, self.suggestions):
            workers.close()

    # The page

    async def _page(self, _: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        disk = self.served.disk
        state = {
            "code": self.served.allow_code,
            "examples": sorted(self.served.examples),
            "disk": disk is not None,
            "writable": disk is not None and disk.writable,
            "file": disk.first if disk is not None else "",
            "nonce": nonce,
        }
        headers = {"content-security-policy": policy(nonce), "cache-control": "no-store"}
        return Response(shown(state), media_type="text/html", headers=headers)

    # Checks

    async def _check(self, request: Request) -> Response:
        """Answer with a line of JSON for the verdicts, and another one for the suggestions."""
        given = await _json(request)
        page, job = _text_of(given, "page", NAME_CHARACTERS), self._job_of(given, "check")
        if is_code(job["name"]) and not self.served.allow_code:
            return JSONResponse(NO_CODE)
        if (self.suggestions if is_code(job["name"]) else self.verdicts).is_full:
            raise BusyError
        return StreamingResponse(self._answers(page, job), media_type="application/x-ndjson")

    async def _answers(self, page: str, job: Mapping[str, Any]) -> AsyncIterator[str]:
        """Yield the answers to the newest text of a page; a newer one ends them."""
        answers: asyncio.Queue[Answer | None] = asyncio.Queue()
        task = asyncio.create_task(self._work(job, answers))
        if page in self._going:
            self._going[page].cancel()
        self._going[page] = task
        task.add_done_callback(lambda _: answers.put_nowait(None))
        try:
            while (answer := await answers.get()) is not None:
                yield json.dumps(answer) + "\n"
            if task.cancelled():
                yield json.dumps(SUPERSEDED) + "\n"
        finally:
            task.cancel()  # where the reader has left
            if self._going.get(page) is task:
                del self._going[page]

    async def _work(self, job: Mapping[str, Any], answers: asyncio.Queue[Answer | None]) -> None:
        """Put the verdicts on a text, and then the suggestions for it."""
        try:
            if is_code(job["name"]):
                answers.put_nowait(await self.suggestions.do({**job, "suggest": True}))
                return
            found = await self.verdicts.do({**job, "suggest": False}, len(job["text"]) * YIELD_SECONDS)
            answers.put_nowait(found)
            if found["state"] == "done" and not found["suggested"]:
                await asyncio.sleep(SETTLED_SECONDS)
                answers.put_nowait(await self.suggestions.do({**job, "suggest": True}))
        except BusyError:
            answers.put_nowait(dict(BUSY))

    def _job_of(self, given: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """Return the job that a request asks for; a text that is a file of the folder has its folder."""
        name = _text_of(given, "name", NAME_CHARACTERS).replace("\\", "/")
        job: dict[str, Any] = {
            "job": kind,
            "name": Path(name).name or "text",
            "text": _text_of(given, "text", REQUEST_BYTES),
        }
        if given.get("file") and self.served.disk is not None:
            with suppress(ValueError):  # no name of this folder
                job["folder"] = self.served.disk.folder_of(name)
        return job

    def _job(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            given = await _json(request)
            job = self._job_of(given, kind)
            if is_code(job["name"]) and not self.served.allow_code:
                return JSONResponse(NO_CODE)
            if kind == "plant":
                job["seed"] = secrets.randbelow(1_000_000)
            if kind == "grade":
                job["answer"] = given.get("answer")
            return JSONResponse(await self.suggestions.do(job))

        return answered

    # Texts

    async def _example(self, request: Request) -> Response:
        path = self.served.examples.get(request.path_params["name"])
        if path is None:
            raise RefusedError("there is no such example", 404)
        return JSONResponse({"state": "done", "name": path.name, "text": path.read_text(encoding="utf-8")})

    def _disk(self) -> Disk:
        if self.served.disk is None:
            raise RefusedError("no folder is served: `tinyad serve FOLDER` serves one", 404)
        return self.served.disk

    async def _files(self, _: Request) -> Response:
        return JSONResponse({"state": "done", "names": await asyncio.to_thread(self._disk().names)})

    async def _read(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            opened = await asyncio.to_thread(self._disk().read, name)
        except ValueError as error:
            raise RefusedError(str(error), 404) from None
        return JSONResponse({"state": "done", "name": name, **opened._asdict()})

    async def _write(self, request: Request) -> Response:
        given, name = await _json(request), request.path_params["name"]
        text, version = _text_of(given, "text", REQUEST_BYTES), _text_of(given, "version", NAME_CHARACTERS)
        try:
            version = await asyncio.to_thread(self._disk().write, name, text, version)
        except ChangedError as error:
            raise RefusedError(str(error), 409) from None
        except ValueError as error:
            raise RefusedError(str(error), 403) from None
        return JSONResponse({"state": "done", "version": version})


async def _json(request: Request) -> dict[str, Any]:
    """Return what a request holds, an object in JSON of bounded size."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_BYTES:
            raise RefusedError(f"this is more than {REQUEST_BYTES:,} bytes", 413)
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("this is no JSON") from None
    if not isinstance(given, dict):
        raise RefusedError("this is no object in JSON")
    return given


def _text_of(given: Mapping[str, Any], name: str, most: int) -> str:
    """Return a text of a request."""
    text = given.get(name)
    if not isinstance(text, str) or len(text) > most:
        raise RefusedError(f"{name}: expected a text of at most {most:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RefusedError(f"{name}: half a character is in it") from None
    return text


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name in STATIC:
        content, kind = files("tinyad.web").joinpath("static", name).read_bytes(), STATIC[name]
    elif name in SHARED:
        content, kind = resource(name).encode(), SHARED[name]
    else:
        raise RefusedError("there is no such file", 404)
    mark = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {"etag": mark, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)


async def _refused(_: Request, error: RefusedError) -> Response:
    return JSONResponse({"state": "refused", "message": str(error)}, error.status)


async def _busy(_: Request, error: BusyError) -> Response:
    return JSONResponse(BUSY, 503, {"retry-after": str(RETRY_SECONDS)})
