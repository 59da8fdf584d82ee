"""What the page brings along: signs that are read as their commands are, and an editor with its licence."""

import json
import re

import pytest

from tests.support.paths import ROOT
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.tokenizer import tokens_of
from tinyad.web.signs import SCRIPTS, SIGNS, completions, palette

STATIC = ROOT / "tinyad/web/static"
LATEX_ONLY = {"top"}  # behind a name


def read(text, latex):
    source = Source(text)
    return [(t.kind, t.text) for t in tokens_of(source, 0, len(text), latex=latex) if t.kind != "end"]


@pytest.mark.parametrize("name", [name for name in SIGNS if name not in LATEX_ONLY])
def test_a_sign_is_read_as_its_command(name):
    pair = {"langle": "{} a \\rangle", "rangle": "\\langle a {}", "|": "{} a \\|"}.get(name, "a {} b")
    command, sign = pair.format(f"\\{name}"), pair.format(SIGNS[name])
    assert read(command, latex=True) == read(sign, latex=True)


def test_signs_of_the_palette_are_completed():
    labels = {one["label"]: one["sign"] for one in completions()}
    assert all(labels[one["typed"]] == one["sign"] for one in palette())
    assert len({one["sign"] for one in palette()}) == len(palette()) > 30
    assert set(SCRIPTS.values()) <= set(labels.values())


def test_the_licences_are_those_of_what_is_bundled():
    locked = json.loads((ROOT / ".ci/codemirror/package-lock.json").read_text(encoding="utf-8"))["packages"]
    bundled = [
        f"{path.removeprefix('node_modules/')} {package['version']}"
        for path, package in locked.items()
        if path and not package.get("dev")
    ]
    licence = (STATIC / "codemirror.LICENSE.txt").read_text(encoding="utf-8")
    named = re.findall(r"^(?:@[\w-]+/)?[\w-]+ \d+\.\d+\.\d+$", licence, re.MULTILINE)
    assert sorted(named) == sorted(bundled)
    assert licence.count("Copyright (C)") >= 5
    assert "http" not in (ROOT / ".ci/codemirror/package-lock.json").read_text(encoding="utf-8")


def test_nothing_is_fetched_from_elsewhere():
    for path in STATIC.iterdir():
        if path.name not in ("codemirror.js", "codemirror.LICENSE.txt", "icon.svg"):
            assert "://" not in path.read_text(encoding="utf-8"), path.name


def test_what_the_page_imports_is_there():
    bundle, editor = ((STATIC / name).read_text(encoding="utf-8") for name in ("codemirror.js", "editor.js"))
    exported = re.findall(r"export\s*\{([^}]*)\}", bundle)[-1]
    names = {part.split(" as ")[-1].strip() for part in exported.split(",")}
    wanted = re.search(r"import \{([^}]*)\} from \"./codemirror.js\"", editor)[1]
    assert {name.strip() for name in wanted.split(",") if name.strip()} <= names
