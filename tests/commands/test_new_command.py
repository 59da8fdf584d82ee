"""`tinyad new`: what it lists, what it copies, and that it writes over nothing."""

import tomllib
from importlib.metadata import EntryPoint

import pytest

from lstm_models.zoo import DERIVATIONS
from tests.support.paths import ROOT
from tinyad import cli
from tinyad.cli import main


@pytest.fixture(autouse=True)
def _registered_as_the_project_says(monkeypatch, tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = project["entry-points"]
    monkeypatch.setattr(
        cli, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in groups[group].items()]
    )
    monkeypatch.chdir(tmp_path)


def test_a_copy_is_the_derivation_byte_for_byte_and_is_right(tmp_path, capsys):
    assert main(["new", "svm"]) == 0
    assert capsys.readouterr().out == "svm.md   A linear support vector machine with the hinge loss\n"
    assert [path.name for path in tmp_path.iterdir()] == ["svm.md"]
    assert (tmp_path / "svm.md").read_bytes() == DERIVATIONS["svm"].read_bytes()
    assert main(["check", "--summary", "svm.md"]) == 0


def test_without_a_name_every_derivation_has_a_line(tmp_path, capsys):
    assert main(["new"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(DERIVATIONS)
    assert "svm                   A linear support vector machine with the hinge loss" in lines
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path, capsys):
    (tmp_path / "svm.md").write_text("mine")
    assert main(["new", "svm"]) == 2
    assert (tmp_path / "svm.md").read_text() == "mine"
    assert capsys.readouterr().err == (
        "tinyad: svm.md is there already, and stays as it is; move it, or go to another folder\n"
    )


def test_nothing_is_written_through_a_link(tmp_path):
    (tmp_path / "svm.md").symlink_to(tmp_path / "elsewhere")
    assert main(["new", "svm"]) == 2
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("atention", "; did you mean attention?"), ("../svm", "; did you mean svm?"), ("q", "; `tinyad new` lists them")],
)
def test_another_name(name, hint, tmp_path, capsys):
    assert main(["new", name]) == 2
    assert capsys.readouterr().err == f"tinyad: {name}: no such derivation{hint}\n"
    assert not list(tmp_path.iterdir())


def test_no_derivations_are_registered(monkeypatch, capsys):
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    assert main(["new"]) == 2
    assert capsys.readouterr().err == (
        "tinyad: no installed package brings derivations: none registers an entry point of the group "
        "tinyad.derivations\n"
    )


def test_a_derivation_that_is_gone(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(DERIVATIONS, "svm", tmp_path / "gone.md")
    assert main(["new", "svm"]) == 2
    assert capsys.readouterr().err.startswith(f"tinyad: cannot read {tmp_path / 'gone.md'}: ")
