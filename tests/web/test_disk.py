"""Texts on the disk: those of the folder and no others, written only where that is allowed and nothing is lost."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
pytest.importorskip("uvicorn")

from tests.support.served import checked, client
from tinyad.web import disk as module
from tinyad.web.app import Served
from tinyad.web.disk import ChangedError, Disk


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    for name in ("a.md", "b.tex", "deep/c.py", ".hidden.md", "picture.png"):
        (inside / name).write_text(f"text of {name}\n", encoding="utf-8")
    (tmp_path / "outside.md").write_text("secret", encoding="utf-8")
    (inside / "link.md").symlink_to(tmp_path / "outside.md")
    (inside / "folder").symlink_to(tmp_path)
    return inside


def test_the_texts_of_a_folder(folder):
    disk = Disk(folder, writable=True)
    assert disk.names() == ["a.md", "b.tex", "deep/c.py"]
    assert disk.read("deep/c.py").text == "text of deep/c.py\n"


OTHERS = [
    "../outside.md", "deep/../../outside.md", "link.md", "folder/outside.md", ".hidden.md", "picture.png", "", ".",
    "..", "/etc/passwd", "nothing.md", "a.md/b.md", "a\0.md", "n" * 5_000 + ".md", "deep",
]  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_file(folder, name):
    disk = Disk(folder, writable=True)
    with pytest.raises(ValueError, match=r"there is no such text here|the page opens|No such file|Not a directory"):
        disk.read(name)
    if name != "nothing.md":
        with pytest.raises(ValueError, match=r"there is no such text here|the page opens|Not a directory"):
            disk.write(name, "x", "")
    assert (folder.parent / "outside.md").read_text(encoding="utf-8") == "secret"


def test_one_file(folder):
    disk = Disk(folder / "a.md", writable=True)
    assert (disk.first, disk.names()) == ("a.md", ["a.md"])
    with pytest.raises(ValueError, match="no such text"):
        disk.read("b.tex")


@pytest.mark.parametrize("name", ["picture.png", "nothing"])
def test_what_is_no_text(folder, name):
    with pytest.raises(ValueError, match=r"the page opens|no such file"):
        Disk(folder / name, writable=True)


def test_a_text_is_written_if_nobody_else_did(folder):
    disk = Disk(folder, writable=True)
    _, version = disk.read("a.md")
    after = disk.write("a.md", "new ∇\n", version)
    assert (folder / "a.md").read_text(encoding="utf-8") == "new ∇\n"
    assert after == disk.read("a.md").version
    with pytest.raises(ChangedError, match="changed by another program"):
        disk.write("a.md", "newer", version)
    with pytest.raises(ChangedError, match="there is another text with the name"):
        disk.write("b.tex", "as if it were new", "")
    disk.write("new.md", "x", "")
    assert disk.names() == ["a.md", "b.tex", "deep/c.py", "new.md"]


def test_line_ends_and_marks_stay(folder):
    (folder / "a.md").write_bytes(b"\xef\xbb\xbfa\r\nb\r\n")
    disk = Disk(folder, writable=True)
    text, version = disk.read("a.md")
    assert not text.startswith("\ufeff")
    disk.write("a.md", "a\nb\nc\n", version)
    assert (folder / "a.md").read_bytes() == b"\xef\xbb\xbfa\r\nb\r\nc\r\n"


def test_a_text_that_may_not_be_written(folder, monkeypatch):
    disk = Disk(folder, writable=True)
    text, version = disk.read("a.md")
    monkeypatch.setattr(os, "access", lambda path, mode: (path.name, mode) != ("a.md", os.W_OK))
    with pytest.raises(ValueError, match="read-only"):
        disk.write("a.md", "new", version)
    assert disk.read("a.md").text == text


def test_pages_write_one_after_the_other(folder, monkeypatch):
    disk = Disk(folder, writable=True)
    _, version = disk.read("a.md")
    write = module.write_text
    monkeypatch.setattr(module, "write_text", lambda *given: (time.sleep(0.1), write(*given)))
    with ThreadPoolExecutor() as threads:
        writing = [threads.submit(disk.write, "a.md", text, version) for text in ("one", "two")]
    assert {type(one.exception()) for one in writing} == {ChangedError, type(None)}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_no_text(folder):
    os.mkfifo(folder / "pipe.md")
    with pytest.raises(ValueError, match="no regular file"):
        Disk(folder, writable=True).read("pipe.md")


MAIN = "\\[ h = W x \\]\n\\input{deep/back}\n\\input{../outside}\n"
BACK = "\\[ \\nabla_W L = \\nabla_h L x^\\top \\]\n"


@pytest.mark.parametrize(("writable", "file", "found"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_a_document_includes_files_of_its_folder(folder, writable, file, found):
    (folder / "deep/back.tex").write_text(BACK, encoding="utf-8")
    (folder.parent / "outside.tex").write_text(BACK.replace("W L", "x L"), encoding="utf-8")
    with client(Served(disk=Disk(folder, writable=writable))) as one:
        answer, *_ = checked(one, MAIN + "\\[ \\nabla_x L = W^\\top \\nabla_h L \\]\n", "main.tex", file=file)
        files = [finding["file"] for finding in answer["findings"]]
        assert files == ["deep/back.tex"] * found + [""]
        assert "outside.tex is not read" in answer["page"]
        assert ("deep/back.tex is not read" in answer["page"]) != bool(found)
        answer, *_ = checked(one, MAIN + BACK, "../main.tex", file=True)
        assert "deep/back.tex is not read" in answer["page"]


def test_over_http(folder):
    with client(Served(disk=Disk(folder, writable=True))) as one:
        assert one.get("/files").json()["names"] == ["a.md", "b.tex", "deep/c.py"]
        opened = one.get("/files/deep/c.py").json()
        assert opened["text"] == "text of deep/c.py\n"
        for name in ("..%2Foutside.md", "%2e%2e/outside.md", "link.md"):
            assert one.get(f"/files/{name}").status_code == 404
        given = {"text": "y", "version": opened["version"]}
        assert one.put("/files/deep/c.py", json=given).json()["state"] == "done"
        assert one.put("/files/deep/c.py", json=given).status_code == 409
        assert one.put("/files/a.md", json={"text": "y"}).status_code == 400


def test_for_a_class_nothing_is_written(folder):
    with client(Served(disk=Disk(folder, writable=False))) as one:
        opened = one.get("/files/a.md").json()
        refused = one.put("/files/a.md", json={"text": "y", "version": opened["version"]})
        assert (refused.status_code, "are not written here" in refused.json()["message"]) == (403, True)
        assert one.get("/files/a.md").json()["text"] == "text of a.md\n"


def test_without_a_folder():
    with client() as one:
        assert one.get("/files").status_code == 404
        assert (
            "`tinyad serve FOLDER` serves one"
            in one.put("/files/a.md", json={"text": "", "version": ""}).json()["message"]
        )
