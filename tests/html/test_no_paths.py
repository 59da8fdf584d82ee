"""No page, and nothing that is kept of one, says in which folder it was made."""

import os
from pathlib import Path

import pytest

from lstm_models.example import REPORTS
from tests.support.paths import GOLDEN
from tests.support.sampling import sampled
from tinyad.cli import main

HERE = Path(__file__).parent.parent
FILES = [
    *sorted((HERE / "code" / "wrong").glob("*.py")),
    *sorted((HERE / "code" / "written").glob("*.py"))[:6],
    *sorted((HERE.parent / "lstm_models" / "derivations").glob("*.md"))[:3],
    *sorted((HERE / "derivation" / "language" / "papers").glob("*.*"))[:4],
    *sorted((HERE / "derivation" / "language" / "papers" / "classifier").glob("main*.tex")),
]
BROKEN = {
    "fails.py": "def forward(x):\n    return open('nowhere')\n\n\ndef backward(dout):\n    return dout\n",
    "imports.py": "import nothing_of_that_name\n",
    "no.md": "# Nothing\n\n```forward\n1. z = W x +\n```\n",
}


def folders(path):
    """The folders that the machine has and a page must not name."""
    here = {str(path.parent), os.getcwd(), str(Path.home()), str(HERE.parent)}
    return {folder for folder in here if len(folder) > 4} | {"/home/", "/tmp/", "/work/"}


@pytest.mark.parametrize("path", sampled(FILES, 5), ids=lambda path: path.name)
def test_a_page_does_not_name_folders(path, tmp_path, capsys):
    page = tmp_path / "page.html"
    main(["check", str(path), "--html", str(page), "--no-suggest"][: 4 if path.suffix == ".py" else 5])
    capsys.readouterr()
    html = page.read_text(encoding="utf-8")
    assert path.name in html
    assert [folder for folder in folders(path) if folder in html] == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_page_on_what_cannot_run_does_not_name_folders(name, tmp_path, capsys):
    (tmp_path / name).write_text(BROKEN[name], encoding="utf-8")
    main(["check", str(tmp_path / name), "--html", str(tmp_path / "page.html")])
    capsys.readouterr()
    if (tmp_path / "page.html").exists():
        html = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert [folder for folder in folders(tmp_path / name) if folder in html] == []


def test_reports_do_not_name_folders():
    html = REPORTS["rnn"]().html
    assert [folder for folder in folders(HERE) if folder in html] == []


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_kept_texts_do_not_name_folders(path):
    text = path.read_text(encoding="utf-8")
    assert [folder for folder in folders(path) if folder in text] == []
