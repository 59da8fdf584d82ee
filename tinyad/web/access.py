"""Who may use the server: the one with its token, at its own address; and what a browser may do with its pages."""

from __future__ import annotations

import hmac
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN_BYTES = 24
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
CLOSED = (
    "This page opens with the address that `tinyad serve` has printed. Open that one first; then this one opens too."
)
ELSEWHERE = "This server answers at its own address only."
FOREIGN = "This request comes from another page."


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Guard:
    """An app that lets in whoever has the token: in the address once, then in a cookie, or in a header."""

    def __init__(self, app: App, token: str, host: str) -> None:
        self._app, self._token = app, token
        self._hosts = {*LOOPBACK, host, socket.gethostname().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request = _Request(scope)
        if not self._is_own(request.host):
            await _say(send, 421, ELSEWHERE)
        elif request.path.startswith("/static/") or self._has_token(request):
            if request.is_writing and not self._is_from_own_page(request):
                await _say(send, 403, FOREIGN)
            else:
                await self._app(scope, receive, _with_headers(send))
        elif request.path == "/" and self._is_token(request.token_in_address):
            cookie = f"{_cookie(request.port)}={self._token}; HttpOnly; SameSite=Lax; Path=/"
            await _say(send, 303, "", (b"location", b"/"), (b"set-cookie", cookie.encode()))
        else:
            await _say(send, 403, CLOSED)

    def _is_own(self, host: str) -> bool:
        """Return whether a name is this machine's; a number is, and no name that somebody else points at it."""
        try:
            ip_address(host)
        except ValueError:
            return host in self._hosts or host.removesuffix(".local") in self._hosts
        return True

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self._token.encode())

    def _has_token(self, request: _Request) -> bool:
        return self._is_token(request.cookie) or self._is_token(request.bearer)

    def _is_from_own_page(self, request: _Request) -> bool:
        """Return whether a request that a browser sends with its cookie comes from the page of this server."""
        return self._is_token(request.bearer) or request.header(b"origin") == f"http://{request.header(b'host')}"


class _Request:
    """What there is to know about a request before it is read."""

    def __init__(self, scope: Scope) -> None:
        self._headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            self._headers.setdefault(name.lower(), value)
        self.path: str = scope["path"]
        self.is_writing = scope["method"] not in ("GET", "HEAD")
        self._query: bytes = scope.get("query_string", b"")

    def header(self, name: bytes) -> str:
        """Return a header, or ""."""
        return self._headers.get(name, b"").decode("latin-1")

    @property
    def host(self) -> str:
        """Return the name that the request is for, without its port."""
        host = self.header(b"host").lower()
        if host.startswith("["):
            inside, closed, _ = host[1:].partition("]")
            return inside if closed else ""
        return host.partition(":")[0]

    @property
    def port(self) -> str:
        """Return the port that the request is for."""
        return self.header(b"host").rpartition("]")[2].rpartition(":")[2]

    @property
    def token_in_address(self) -> str:
        """Return the token in the address, or ""."""
        return parse_qs(self._query.decode("latin-1"), max_num_fields=10).get("token", [""])[0]

    @property
    def cookie(self) -> str:
        """Return the token in the cookie of this port, or ""."""
        try:
            found = SimpleCookie(self.header(b"cookie")).get(_cookie(self.port))
        except CookieError:
            return ""
        return found.value if found else ""

    @property
    def bearer(self) -> str:
        """Return the token in the header, or ""."""
        return self.header(b"authorization").removeprefix("Bearer ")


def _cookie(port: str) -> str:
    """Return the name of the cookie: servers at other ports have other ones."""
    return f"tinyad-{port}" if port.isascii() and port.isdecimal() else "tinyad"


def _with_headers(send: Send) -> Send:
    """Add the headers that every answer has, if it has none of its own."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message.get("headers", ())}
            more = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in there]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return sent


async def _say(send: Send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    """Answer with a line of text."""
    plain = (b"content-type", b"text/plain; charset=utf-8")
    start = {"type": "http.response.start", "status": status, "headers": [plain, *headers]}
    await _with_headers(send)(start)
    await send({"type": "http.response.body", "body": text.encode()})
