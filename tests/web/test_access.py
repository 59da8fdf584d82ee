"""Who is let in: the token in the address once, then a cookie or a header; no other host, and no other page."""

import re

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
pytest.importorskip("uvicorn")

from tests.support.served import BEARER, RIGHT, TOKEN, client
from tinyad.web.access import HEADERS

CHECK = {"page": "p", "name": "a.md", "text": RIGHT}
OWN = {"origin": "http://127.0.0.1:8421"}


@pytest.fixture(scope="module")
def stranger():
    with client(headers={}) as one:
        yield one


@pytest.fixture(autouse=True)
def without_cookies(stranger):
    stranger.cookies.clear()


def test_without_the_token_nothing_is_shown(stranger):
    assert stranger.get("/").status_code == 403
    assert "`tinyad serve` has printed" in stranger.get("/").text
    for path in ("/examples/svm", "/files", "/files/a.md"):
        assert stranger.get(path).status_code == 403
    assert stranger.post("/check", json=CHECK).status_code == 403
    assert stranger.put("/files/a.md", json={}).status_code == 403


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ä", "%00", "\N{SNOWMAN}" * 5_000])
def test_another_token(stranger, token):
    assert stranger.get("/", params={"token": token}, follow_redirects=False).status_code == 403
    assert stranger.get("/", headers={"authorization": f"Bearer {token}".rstrip().encode()}).status_code == 403
    assert stranger.get("/", headers={"cookie": f"tinyad-8421={token}".encode()}).status_code == 403


def test_the_token_leaves_the_address(stranger):
    answer = stranger.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"tinyad-8421={TOKEN};")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert stranger.get("/").status_code == 200
    assert stranger.post("/check", json=CHECK, headers=OWN).status_code == 200


def test_a_header_will_do(stranger):
    assert stranger.post("/check", json=CHECK, headers=BEARER).status_code == 200


@pytest.mark.parametrize(
    "origin", [{}, {"origin": "null"}, {"origin": "http://evil.example"}, {"origin": "http://127.0.0.1:3000"}]
)
def test_another_page_cannot_use_the_cookie(stranger, origin):
    cookie = {"cookie": f"tinyad-8421={TOKEN}"}
    assert stranger.post("/check", json=CHECK, headers=cookie | origin).status_code == 403
    assert stranger.put("/files/a.md", json={}, headers=cookie | origin).status_code == 403
    assert stranger.post("/check", json=CHECK, headers=cookie | OWN).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8421", "127.0.0.1.evil.example:8421", "", "[::1", "a b"]
)
def test_another_host(stranger, host):
    assert stranger.get("/", headers=BEARER | {"host": host}).status_code == 421
    assert stranger.get("/static/app.js", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8421", "localhost:8421", "[::1]:8421", "LOCALHOST"])
def test_the_own_hosts(stranger, host):
    assert stranger.get("/", headers=BEARER | {"host": host}).status_code == 200


def test_for_a_class_the_machine_has_more_addresses():
    with client(host="board.school") as one:
        assert one.get("/", headers={"host": "board.school:8421"}).status_code == 200
        assert one.get("/", headers={"host": "192.168.1.7:8421"}).status_code == 200
        assert one.get("/", headers={"host": "other.school:8421"}).status_code == 421


def test_what_a_browser_may_do(stranger):
    page = stranger.get("/", headers=BEARER)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
    assert not re.search(r"<script(?![^>]*(src=|application/json))", page.text)
    assert "onclick" not in page.text
    assert page.text.count("http") == page.text.count("https://") == 0
    again = stranger.get("/", headers=BEARER).headers["content-security-policy"]
    assert again != policy  # another nonce
    for answer in (page, stranger.get("/"), stranger.get("/static/app.js"), stranger.get("/nothing", headers=BEARER)):
        assert set(HEADERS) <= set(answer.headers)
        assert "server" not in answer.headers


def test_the_state_in_the_page_ends_no_script():
    from tinyad.web.page import shown

    page = shown({"file": "</script><script>alert(1)</script>"})
    assert "</script><script>" not in page


def test_files_of_the_page(stranger):
    for name in ("app.js", "editor.js", "codemirror.js", "app.css", "style.css", "page.css", "explore.js", "icon.svg"):
        answer = stranger.get(f"/static/{name}")
        assert answer.status_code == 200
        mark = {"if-none-match": answer.headers["etag"]}
        assert stranger.get(f"/static/{name}", headers=mark).status_code == 304
    for name in ("page.html", "../app.py", "..%2Fapp.py", "x"):
        assert stranger.get(f"/static/{name}", headers=BEARER).status_code == 404
