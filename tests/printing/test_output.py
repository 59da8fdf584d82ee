"""Files that are written: at once, and never through a link."""

import os

import pytest

from tinyad.printing.output import write_text


def test_a_file_is_written_and_nothing_else(tmp_path):
    path = tmp_path / "a.html"
    for text in ("ä\n", "b"):
        write_text(path, text)
        assert path.read_bytes() == text.encode()
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_who_may_read_a_file_may_read_it_after(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("old")
    path.chmod(0o640)
    write_text(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)


def test_nothing_is_written_through_a_symbolic_link(tmp_path):
    inside, link = tmp_path / "inside", tmp_path / "link"
    inside.write_text("old", "utf-8")
    link.symlink_to(inside)
    with pytest.raises(ValueError, match="nothing is written through a link"):
        write_text(link, "new")
    assert inside.read_text("utf-8") == "old"
    link.unlink()
    link.symlink_to(tmp_path / "absent")
    with pytest.raises(ValueError, match="nothing is written through a link"):
        write_text(link, "new")
    assert not (tmp_path / "absent").exists()


def test_a_hard_link_is_cut(tmp_path):
    source, page = tmp_path / "source", tmp_path / "page"
    source.write_text("old", "utf-8")
    os.link(source, page)
    write_text(page, "new")
    assert (source.read_text("utf-8"), page.read_text("utf-8")) == ("old", "new")


def test_a_file_that_cannot_be_written_leaves_nothing_beside_it(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError, match="folder") as raised:
        write_text(folder, "new")
    assert raised.value.filename == str(folder)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
