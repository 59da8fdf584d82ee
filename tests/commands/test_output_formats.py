"""The output formats of `tinyad check`: the same findings in each, and nothing that readers could take otherwise."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.support.derivation_texts import CELL, fenced
from tests.support.paths import ROOT
from tests.support.sampling import sampled
from tinyad import check_derivation
from tinyad.cli import main
from tinyad.commands.findings import FileResult, FileVerdict, result_of
from tinyad.commands.formats import FORMATS, as_github, as_json, as_junit, as_sarif, schema, total_line
from tinyad.printing.findings import Finding, Place

TEXT = fenced(*CELL)
WRONG_TEXT = TEXT.replace("∇f += -∇z5", "∇f = -∇z5")
CODE = """\
import numpy as np


def forward(x, w):
    return np.tanh(x @ w)


def backward(dy, x, w):
    dz = dy * (1 - np.tanh(x @ w))
    return dz @ w.T, x.T @ dz


def example():
    return np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(-1, 2, 6).reshape(3, 2)
"""
RIGHT_CODE = CODE.replace("np.tanh(x @ w))\n    return dz", "np.tanh(x @ w) ** 2)\n    return dz")
FILES = {
    "right.md": TEXT, "wrong.md": WRONG_TEXT, "wrong.py": CODE, "right.py": RIGHT_CODE, "unread.md": "no block",
    "raises.py": RIGHT_CODE.replace("linspace(-1, 2, 6)", "linspace(-1, 2, 7)"),
}  # fmt: skip


@pytest.fixture
def checked(tmp_path, monkeypatch, capsys):
    """Return the output of a check of files, as a status and a text."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")

    def checked(kind, *files, options=()):
        status = main(["check", "--output-format", kind, *options, *(files or FILES)])
        return status, capsys.readouterr().out

    return checked


def test_json_is_as_the_schema_says(checked):
    Draft202012Validator.check_schema(json.loads(schema()))
    validator = Draft202012Validator(json.loads(schema()))
    status, out = checked("json")
    found = json.loads(out)
    validator.validate(found)
    assert status == 2
    assert found["totals"] == {"files": 6, "right": 2, "wrong": 2, "not checked": 2}
    assert [entry["verdict"] for entry in found["files"]] == [
        "right", "wrong", "wrong", "right", "not checked", "not checked",
    ]  # fmt: skip
    for entry in found["files"]:
        assert entry["ok"] == (not entry["findings"])
    for change in (
        lambda d: d.update(version=2),
        lambda d: d["files"][1]["findings"][0].update(more=1),
        lambda d: d["files"][1]["findings"][0].pop("certain"),
        lambda d: d["files"][1]["findings"][0].update(line=0),
        lambda d: d["files"][0].update(verdict="good"),
        lambda d: d["totals"].pop("wrong"),
    ):
        other = json.loads(out)
        change(other)
        assert not validator.is_valid(other)


def test_a_finding_says_where_what_and_what_was_meant(checked):
    _, out = checked("json", "wrong.md", "wrong.py")
    text, code = (entry["findings"][0] for entry in json.loads(out)["files"])
    line = 1 + next(k for k, row in enumerate(WRONG_TEXT.split("\n")) if "∇f = -∇z5" in row)
    assert (text["file"], text["line"], text["verdict"], text["certain"]) == ("wrong.md", line, "overwrites", True)
    assert text["suggestion"] == "∇f += -∇z5"
    assert in_place(WRONG_TEXT, text) == "∇f = -∇z5"
    assert (code["file"], code["line"], code["column"], code["cell"]) == ("wrong.py", 9, 5, None)
    assert code["text"] == in_place(CODE, code) == "dz = dy * (1 - np.tanh(x @ w))"
    assert code["suggestion"] == "dz = dy * (1 - np.tanh(x @ w) ** 2)"
    assert code["message"] == "dz @ w.T and x.T @ dz are wrong because of it"


def in_place(source, finding):
    """Return what the suggestion stands in the place of."""
    place = finding["replaces"]
    lines = source.split("\n")[place["line"] - 1 : place["end_line"]]
    return lines[0][place["column"] - 1 : place["end_column"] - 1]


def test_what_is_left_out_is_a_finding(tmp_path):
    report = check_derivation(TEXT.replace("∇W_g = x ∇z3\n", "").replace("13. ", ""))
    result = result_of("x.md", report)
    assert result.verdict is FileVerdict.WRONG
    assert result.findings


def test_a_notebook_has_cells(checked):
    cells = [{"cell_type": "markdown", "source": ["# A layer"]}, {"cell_type": "code", "source": CODE.splitlines(True)}]
    Path("n.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}), encoding="utf-8")
    _, out = checked("json", "n.ipynb")
    (finding,) = json.loads(out)["files"][0]["findings"]
    assert (finding["cell"], finding["line"]) == (2, 9)
    _, out = checked("github", "n.ipynb")
    assert ",line=1," in out
    assert "::cell 2, line 9: " in out


def test_what_is_right_has_no_annotation(checked):
    assert checked("github", "right.md", "right.py") == (0, "")


def test_annotations_of_github(checked):
    status, out = checked("github")
    assert status == 2
    assert len(out.splitlines()) == 4
    assert all(line.startswith("::error file=") for line in out.splitlines())
    assert "file=wrong.py,line=9,endLine=9,col=5,endColumn=35,title=tinyad%3A wrong::" in out
    assert "%0Acertain: dz = dy" in out


NASTY = "100 %, a: b\r\n::error::\x1b[31m\0\ud800]]>&<\"'"


def nasty():
    finding = Finding(Place("a:b,c %.py", 3, 2, 3, 5), "wrong", NASTY, NASTY, NASTY, "certain", Place("a", 1, 1, 1, 2))
    return [FileResult("a:b,c %.py", "code", FileVerdict.WRONG, (finding,))]


def test_nothing_in_a_file_ends_an_annotation():
    (line,) = as_github(nasty()).split("\n")
    properties, _, message = line.removeprefix("::error ").partition("::")
    assert properties.startswith("file=a%3Ab%2Cc %25.py,line=3,")
    assert message.startswith("100 %25, a: b")
    assert "\x1b" not in line
    assert "\r" not in line
    as_github(nasty()).encode()


def test_whatever_is_in_a_file_the_formats_can_be_read():
    for form, read in ((as_json, json.loads), (as_sarif, json.loads), (as_junit, ET.fromstring)):
        text = form(nasty())
        text.encode()
        assert read(text) is not None
        assert "\x1b" not in text
    case = ET.fromstring(as_junit(nasty())).find("testsuite/testcase/failure")
    assert case.text.startswith("100 %, a: b")


def test_sarif(checked):
    _, out = checked("sarif")
    found = json.loads(out)
    assert faults_of_sarif(found) == []
    (run,) = found["runs"]
    assert not run["invocations"][0]["executionSuccessful"]
    assert len(run["results"]) == 3
    (change,) = run["results"][1]["fixes"][0]["artifactChanges"]
    region = change["replacements"][0]["deletedRegion"]
    row = CODE.split("\n")[region["startLine"] - 1]
    replaced = row[: region["startColumn"] - 1] + change["replacements"][0]["insertedContent"]["text"]
    assert replaced == "    dz = dy * (1 - np.tanh(x @ w) ** 2)"
    _, out = checked("sarif", "right.md")
    assert json.loads(out)["runs"][0]["results"] == []
    for spoil in (
        lambda d: d["runs"][0]["results"][0].pop("message"),
        lambda d: d["runs"][0]["results"][0].update(ruleIndex=7),
        lambda d: d["runs"][0]["results"][0].update(level="bad"),
        lambda d: d["runs"][0]["tool"]["driver"].pop("name"),
        lambda d: d["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
        lambda d: d["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"].update(uri="a b"),
    ):
        other = json.loads(json.dumps(found))
        spoil(other)
        assert faults_of_sarif(other)


def faults_of_sarif(found):
    """Return what SARIF 2.1.0 requires of the parts that are used here, and is not so."""
    place = {
        "type": "object",
        "required": ["physicalLocation"],
        "properties": {
            "physicalLocation": {
                "required": ["artifactLocation", "region"],
                "properties": {
                    "artifactLocation": {"properties": {"uri": {"type": "string", "pattern": r"^[!-~]+$"}}},
                    "region": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
                },
            }
        },
    }
    result = {
        "required": ["message", "ruleId", "ruleIndex", "level", "locations"],
        "properties": {
            "level": {"enum": ["none", "note", "warning", "error"]},
            "message": {"required": ["text"], "properties": {"text": {"type": "string"}}},
            "locations": {"type": "array", "items": place},
        },
    }
    driver = {"required": ["name", "rules"], "properties": {"rules": {"uniqueItems": True}}}
    run = {
        "required": ["tool", "results", "invocations"],
        "properties": {
            "tool": {"required": ["driver"], "properties": {"driver": driver}},
            "results": {"items": result},
            "invocations": {"items": {"required": ["executionSuccessful"]}},
        },
    }
    whole = {"required": ["version", "runs"], "properties": {"version": {"const": "2.1.0"}, "runs": {"items": run}}}
    faults = [error.message for error in Draft202012Validator(whole).iter_errors(found)]
    if not faults:
        for one in found["runs"]:
            rules = [rule["id"] for rule in one["tool"]["driver"]["rules"]]
            faults += [r["ruleId"] for r in one["results"] if rules[r["ruleIndex"] :][:1] != [r["ruleId"]]]
    return faults


def test_junit(checked):
    _, out = checked("junit")
    root = ET.fromstring(out)
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "6", "2", "2")
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == list(FILES)
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
    assert suites["right.md"].find("testcase/*") is None
    assert suites["wrong.py"].find("testcase").get("name") == "line 9: dz = dy * (1 - np.tanh(x @ w))"
    assert "no block" in suites["unread.md"].find("testcase/error").get("message")


@pytest.mark.parametrize("kind", ["text", *FORMATS])
@pytest.mark.parametrize(("file", "status"), [("right.md", 0), ("wrong.md", 1), ("wrong.py", 1), ("unread.md", 2)])
def test_the_exit_status_is_the_same_in_every_format(checked, kind, file, status):
    assert checked(kind, file)[0] == status


@pytest.mark.parametrize("kind", sampled(FORMATS, 4))
def test_several_processes_write_what_one_does(checked, kind):
    assert checked(kind) == checked(kind, options=["--jobs", "2"])


def test_several_files_have_a_total(checked):
    _, out = checked("text", options=["--summary"])
    assert out.splitlines()[-1] == "6 files: 2 right, 2 wrong, 2 not checked"
    _, out = checked("text", "right.md", "right.py")
    assert out.splitlines()[-1] == "2 files: 2 right"
    _, out = checked("text", "right.md")
    assert "files" not in out
    assert total_line([FileResult("a", "", FileVerdict.WRONG)]) == "1 file: 1 wrong"


def test_the_schema_is_printed_and_shipped(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["check", "--schema"])
    assert not stopped.value.code
    assert json.loads(capsys.readouterr().out) == json.loads(schema())
    assert (ROOT / "tinyad/commands/findings.schema.json").is_file()
