"""What the server answers: verdicts and suggestions, drawings, pages, exercises, examples; and to what is hostile."""

import json
import threading
import time

import pytest

from tests.support.derivation_texts import CELL, fenced
from tests.support.paths import DERIVATIONS

pytest.importorskip("starlette")
pytest.importorskip("httpx")
pytest.importorskip("uvicorn")

from tests.support.served import CODE, RIGHT, TOKEN, WRONG, checked, client
from tinyad.web.app import Served
from tinyad.web.limits import REQUEST_BYTES

DISPLAYS = "\\[ h = W x \\]\n\\[ \\nabla_W L = \\nabla_h L x^\\top \\]\n"


@pytest.fixture(scope="module")
def server():
    with client(processes=2) as one:
        yield one


def test_a_right_text_has_one_answer(server):
    (answer,) = checked(server, RIGHT)
    assert (answer["state"], answer["ok"], answer["suggested"]) == ("done", True, True)
    assert [one["verdict"] for one in answer["findings"]] == ["right"] * 4
    assert answer["summary"] == "4 of 4 lines hold"
    assert answer["page"].count("<math") > 6
    assert "<svg" not in answer["page"]


def test_verdicts_come_before_suggestions(server):
    first, second = checked(server, WRONG)
    assert [one["suggested"] for one in (first, second)] == [False, True]
    for answer, suggestion in ((first, ""), (second, "∇W = ∇Z Xᵀ")):
        wrong = [one for one in answer["findings"] if one["kind"] == "bad"]
        assert [(one["line"], one["verdict"], one["suggestion"]) for one in wrong] == [(23, "does not fit", suggestion)]
    assert (second["findings"][2]["column"], second["findings"][2]["certain"]) == (12, True)


def test_a_text_that_cannot_be_read_says_where(server):
    (answer,) = checked(server, RIGHT.replace("softmax(Z)", "softmax(Z"))
    assert (answer["state"], answer["at"]["line"]) == ("unreadable", 17)
    (answer,) = checked(server, "a\nb")
    assert "no block" in answer["message"]


def test_a_document_is_read_by_its_name(server):
    declared = "% tinyad: declare\n%   W: N×M\n%   x: M×1\n%   given: \\nabla_h L\n%   constant: x\n"
    (answer,) = checked(server, declared + DISPLAYS, "notes.tex")
    assert (answer["ok"], answer["findings"][0]["line"]) == (True, 7)
    (answer,) = checked(server, DISPLAYS, "notes.tex")
    assert (answer["ok"], answer["findings"][0]["line"]) == (True, 2)
    assert "W: N×M" in answer["declarations"]


def test_files_beside_the_server_are_not_read(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.tex").write_text("\\[ s = 3 \\]")
    first, *_ = checked(server, f"\\documentclass{{a}}\n\\input{{secret}}\n{DISPLAYS}", "a.tex")
    assert "secret.tex is not read: a text has no folder" in first["page"]


def test_the_forward_is_drawn(server):
    answer = server.post("/drawing", json={"name": "a.md", "text": WRONG}).json()
    assert "<svg" in answer["page"]


def test_a_page_to_keep(server):
    page = server.post("/page", json={"name": "a.md", "text": WRONG}).json()["page"]
    assert page.startswith("<!DOCTYPE html>")
    assert TOKEN not in page


def test_an_exercise(server):
    planted = server.post("/plant", json={"name": "a.md", "text": RIGHT}).json()
    assert planted["state"] == "done"
    assert planted["text"] != RIGHT
    given = {"name": "a.md", "answer": planted["answer"]}
    assert not server.post("/grade", json={**given, "text": planted["text"]}).json()["ok"]
    assert server.post("/grade", json={**given, "text": RIGHT}).json()["ok"]


def test_exercises_are_planted_in_right_texts(server):
    assert "not every line holds" in server.post("/plant", json={"name": "a.md", "text": WRONG}).json()["message"]
    document = {"name": "a.tex", "text": DISPLAYS}
    assert "this is a document" in server.post("/plant", json=document).json()["message"]
    answer = {"name": "a.md", "text": RIGHT, "answer": {"line": "x"}}
    assert "not an answer file" in server.post("/grade", json=answer).json()["message"]


def test_examples(server):
    example = server.get("/examples/softmax-columns").json()
    assert example["text"] == RIGHT
    assert server.get("/examples/nothing").status_code == 404
    assert server.get("/examples/..%2Fzoo").status_code == 404


# Code


def test_no_code_runs_unless_it_is_allowed(server, tmp_path):
    left = tmp_path / "ran"
    code = f"open({str(left)!r}, 'w').close()\n{CODE}"
    for name in ("b.py", "B.PY", "x/../b.py"):
        (answer,) = checked(server, code, name)
        assert answer["state"] == "refused"
        assert "--allow-code" in answer["message"]
    for job in ("drawing", "page", "plant", "grade"):
        answer = server.post(f"/{job}", json={"name": "b.py", "text": code, "answer": {}}).json()
        assert answer["state"] == "refused"
    assert not left.exists()


def test_code_that_is_allowed():
    with client(Served(allow_code=True)) as one:
        (answer,) = checked(one, CODE, "b.py")
        assert answer["kind"] == "code"
        wrong = [finding for finding in answer["findings"] if finding["kind"] == "bad"]
        assert [(finding["line"], finding["suggestion"]) for finding in wrong] == [(5, "dx = dy @ w.T")]
        assert 'id="v0"' in answer["page"]
        (answer,) = checked(one, CODE.replace("return (x @ w)", "return (x @"), "b.py")
        assert (answer["state"], answer["at"]["line"]) == ("unreadable", 2)
        assert answer["message"].startswith("this is not Python: ")


# What is hostile


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[1]", "no object"),
        (b"[" * 100_000, "no JSON"),
        (b'{"page": "p", "name": "a.md"}', "text: expected a text"),
        (b'{"page": "p", "name": "a.md", "text": 3}', "text: expected a text"),
        (b'{"page": "p", "name": "' + b"n" * 300 + b'", "text": ""}', "name: expected a text of at most 240"),
        (b'{"page": {}, "name": "a.md", "text": ""}', "page: expected a text"),
        (b'{"page": "p", "name": "a.md", "text": "\\ud800"}', "text: half a character"),
        (b"\xff\xfe{}", "no JSON"),
    ],
)
def test_what_is_no_request(server, body, says):
    response = server.post("/check", content=body)
    assert response.status_code == 400
    assert says in response.json()["message"]


@pytest.mark.parametrize("path", ["/check", "/drawing", "/page", "/plant", "/grade"])
def test_what_is_too_large(server, path):
    response = server.post(path, content=b" " * (REQUEST_BYTES + 1))
    assert response.status_code == 413


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        RIGHT.replace("Xᵀ", "X\0"),
        RIGHT.replace("∇Z Xᵀ", "(" * 5_000 + "X" + ")" * 5_000),
        RIGHT.replace("∇Z Xᵀ", "X + " * 50_000 + "X"),
        "```forward\n" * 10_000,
        "x" * 1_000_001,
        "\u202e\x1b[31m" + RIGHT,
    ],
    ids=["empty", "zero byte", "zero byte inside", "deep", "long", "fences", "too many characters", "control signs"],
)
def test_hostile_texts_have_an_answer(server, text):
    answer, *_ = checked(server, text)
    assert answer["state"] in ("done", "unreadable", "stopped")
    assert "\x1b" not in json.dumps(answer["page"] if answer["state"] == "done" else answer["message"])


def test_signs_that_turn_what_follows_are_shown_as_escapes(server):
    for answer in checked(server, WRONG.replace("# Softmax", "# \u202eSoftmax").replace("∇Z X\n", "∇Z \u2066X\n")):
        assert "\\u202eSoftmax" in answer["page"]
        assert not set("\u202e\u2066") & set(answer["page"])


def test_notebooks_are_not_read(server):
    (answer,) = checked(server, '{"cells": []}', "a.ipynb")
    assert "`tinyad check` reads them" in answer["message"]


SCRIPT = "<script>alert(1)</script>"


def test_what_is_written_is_shown_and_never_run(server):
    text = f"# {SCRIPT}\n\n{SCRIPT}\n\n" + WRONG.replace("∇Z X", f"∇Z X {SCRIPT}")
    for answer in checked(server, text, f"{SCRIPT}.md"):
        assert "<script" not in answer["page"]
        assert "&lt;script&gt;" in answer["page"]
    page = server.post("/page", json={"name": f"{SCRIPT}.md", "text": text}).json()["page"]
    assert SCRIPT not in page
    text = (DERIVATIONS / "zoo/softmax-columns.md").read_text(encoding="utf-8")
    (answer,) = checked(server, text.replace("W: K×D", f"W: K×D\n{SCRIPT}: 3"))
    assert answer["state"] == "unreadable"


# A newer text


SLOW = (DERIVATIONS / "sancho.md").read_text(encoding="utf-8")


def test_a_newer_text_ends_the_check_of_the_one_before(server):
    found = {}

    def older():
        found["older"] = checked(server, SLOW, page="one")

    thread = threading.Thread(target=older)
    thread.start()
    time.sleep(0.1)
    (newer,) = checked(server, fenced(*CELL), page="one")
    thread.join()
    assert newer["ok"]
    assert found["older"][-1]["state"] == "superseded"
    assert not any(answer.get("suggested") for answer in found["older"])


def test_another_page_is_left_alone(server):
    found = {}

    def other():
        found["other"] = checked(server, WRONG, page="other")

    thread = threading.Thread(target=other)
    thread.start()
    time.sleep(0.05)
    checked(server, RIGHT, page="one")
    thread.join()
    assert [answer["suggested"] for answer in found["other"]] == [False, True]


def test_a_full_queue_says_so(server, monkeypatch):
    monkeypatch.setattr("tinyad.web.workers.JOBS_WAITING", 0)
    response = server.post("/check", json={"page": "p", "name": "a.md", "text": RIGHT})
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["state"] == "busy"
    assert server.post("/page", json={"name": "a.md", "text": RIGHT}).status_code == 503
