"""The findings on every line, for a page: where each stands in the text, and what takes the place of what."""

import pytest

from tests.support.derivation_texts import CELL, RNN, fenced
from tests.support.paths import DERIVATIONS, ROOT
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text
from tinyad.derivation import check_derivation
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.documents import opened_text
from tinyad.derivation.language.proposal import with_proposed
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.repair.checked import check_all
from tinyad.derivation.show.page import content, fragment, pictures
from tinyad.derivation.show.report import Report
from tinyad.web.findings import findings, place_of_error, proposed

WRONG = ["problem4", "sancho", "slides", "vardhan"]


def cut(text, place):
    """The part of a text at a place."""
    lines = text.split("\n")[place["line"] - 1 : place["end_line"]]
    lines[-1] = lines[-1][: place["end_column"] - 1]
    lines[0] = lines[0][place["column"] - 1 :]
    return "\n".join(lines)


def put(text, place, new):
    """A text with another part at a place."""
    lines = text.split("\n")
    before = "\n".join([*lines[: place["line"] - 1], lines[place["line"] - 1][: place["column"] - 1]])
    after = "\n".join([lines[place["end_line"] - 1][place["end_column"] - 1 :], *lines[place["end_line"] :]])
    return before + new + after


@pytest.mark.parametrize("name", WRONG)
def test_places_are_those_of_the_report(name):
    text = (DERIVATIONS / f"{name}.md").read_text(encoding="utf-8")
    report = check_derivation(text, suggest=False)
    found = findings(report)
    assert len(found) == len(report.verdicts) > 20
    for one, v in zip(found, report.verdicts, strict=True):
        assert cut(text, one["whole"]) == text[v.start : v.end]
        assert cut(text, one) == text[v.at[0] : v.at[1]]
        assert one["verdict"] == str(v.verdict)
        assert (one["kind"] == "good") == v.ok
        for size, (start, end, shown) in zip(one["sizes"], v.shapes, strict=True):
            assert (cut(text, size), size["size"]) == (text[start:end], shown)


def test_a_suggestion_is_put_in_its_place():
    text = fenced(*RNN).replace("1 - h_t²", "1 + h_t²")
    (wrong,) = (one for one in findings(check_derivation(text)) if one["kind"] != "good")
    assert wrong["certain"]
    assert check_derivation(put(text, wrong["replaces"], wrong["suggestion"])).ok


def test_what_is_missing_is_put_behind_the_last_line():
    text = (DERIVATIONS / "zoo/softmax-columns.md").read_text(encoding="utf-8")
    without = text.replace("3. ∇W = ∇Z Xᵀ\n", "")
    missing = proposed(check_derivation(without))
    for one in missing:
        without = put(without, one["behind"], f"\n{one['text']}")
    assert missing
    assert check_derivation(without).ok


CODE = """def forward(x, w):
    return x @ w

def backward(dy, x, w):
    dδ = dy
    dx = (dδ @
        w); "∇"
    dw = x.T @ dy
    return dx, dw

def example():
    import numpy as np
    return np.ones((4, 3)) + np.arange(3), np.arange(6.0).reshape(3, 2)
"""


def test_statements_of_code():
    found = findings(check_text(Text("b.py", CODE), Options()))
    (wrong,) = (one for one in found if one["kind"] == "bad")
    assert (wrong["line"], wrong["end_line"]) == (6, 7)
    after = put(CODE, wrong["replaces"], wrong["suggestion"])
    assert check_text(Text("b.py", after), Options()).ok


def test_two_statements_on_one_line():
    one_line = "    δ = '∇'; dx = dy @ w; dw = 2 * x.T @ dy\n"
    text = CODE[: CODE.index("    dδ")] + one_line + CODE[CODE.index("    return dx") :]
    report = check_text(Text("b.py", text), Options())
    wrong = [one for one in findings(report) if one["kind"] == "bad"]
    assert [cut(text, one["whole"]) for one in wrong] == ["dx = dy @ w", "dw = 2 * x.T @ dy"]
    assert [cut(text, one["replaces"]) for one in wrong] == ["dx = dy @ w", "dw = 2 * x.T @ dy"]
    assert "raises" in wrong[0]["message"]
    assert "raises" not in wrong[1]["message"]
    for one in reversed(wrong):
        text = put(text, one["replaces"], one["suggestion"])
    assert check_text(Text("b.py", text), Options()).ok
    assert report.fixed(certain_only=False) == text


def test_lines_of_a_file_that_is_included(tmp_path):
    (tmp_path / "back.tex").write_text("Text.\n\\[ \\nabla_W L = \\nabla_h L x \\]\n", encoding="utf-8")
    text = "\\[ h = W x \\]\n\\input{back}\n\\[ \\nabla_x L = W \\nabla_h L \\]\n"
    source = with_proposed(opened_text(text, "a.tex", folder=tmp_path))
    included, own = findings(Report(source, check_all(source)))
    assert [(one["file"], one["line"]) for one in (included, own)] == [("back.tex", 2), ("", 3)]
    assert included["replaces"]["file"] == "back.tex"
    (tmp_path / "back.tex").write_text("% tinyad: declared\n", encoding="utf-8")
    (tmp_path / "a.tex").write_text(text, encoding="utf-8")
    with pytest.raises(DerivationError) as caught:
        check_derivation(tmp_path / "a.tex")
    assert place_of_error(str(tmp_path / "a.tex"), caught.value)["file"] == str(tmp_path / "back.tex")


def test_declarations_before_the_text_move_no_line():
    text = "\\[ h = W x \\]\n\\[ \\nabla_W L = \\nabla_h L x \\]\n"
    source = with_proposed(opened_text(text, "a.tex"))
    assert isinstance(source, Document)
    (wrong,) = findings(Report(source, check_all(source)))
    assert wrong["line"] == 2
    after = put(text, wrong["replaces"], wrong["suggestion"])
    source = with_proposed(opened_text(after, "a.tex"))
    assert Report(source, check_all(source)).ok


def test_where_a_text_cannot_be_read():
    text = fenced(*CELL).replace("```forward", "```forwards")
    with pytest.raises(DerivationError) as caught:
        check_derivation(text)
    assert cut(text, place_of_error("a.md", caught.value)) == "```forwards"
    assert place_of_error("a.md", ValueError("x"))["line"] == 1


def test_a_text_is_read_as_a_file_of_its_name(tmp_path):
    path = ROOT / "docs/examples"
    for file in sorted(path.rglob("*.tex"))[:3]:
        text = file.read_text(encoding="utf-8")
        assert type(opened_text(text, file.name)) is Document
    assert type(opened_text("\\[ a = b \\]\n", "a.tex")) is Document
    assert type(opened_text(fenced(*CELL), "a.md")) is not Document
    (tmp_path / "b.tex").write_text("\\[ a = b \\]")
    source = opened_text("\\input{b}\n", str(tmp_path / "a.tex"))
    assert source.left_out == [(1, "b.tex is not read: a text has no folder")]


def test_a_live_page_has_all_sizes_and_no_drawing():
    text = fenced(*RNN).replace("1 - h_t²", "1 + h_t²")
    report = check_derivation(text)
    live, kept, drawn = content(report, live=True), content(report), pictures(report)
    assert live.count('class="sized"') > kept.count('class="sized"') > 0
    for page in (kept, fragment(report)):
        rows = [row for row in page.split("<tr") if 'class="sized"' in row]
        assert rows
        assert all(row.startswith(' class="bad"') for row in rows)
    assert "<svg" in drawn
    assert "<svg" in kept
    assert "<svg" not in live
