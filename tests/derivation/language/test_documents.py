"""Documents as they are: each way to hold formulas, macros, included files, and what is refused."""

import json
import os
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyad.derivation import DerivationError, check_derivation, check_source
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.language.documents import opened
from tinyad.derivation.language.proposal import proposed_declarations

DECLARED = "% tinyad: declare W: N×M, x: M×1, b: N×1\n"
FORWARD = [r"a &= W x + b", r"h &= \tanh(a)", r"L &= \tfrac{1}{2} h^\top h"]
BACKWARD = [
    r"\frac{\partial L}{\partial h} &= h",
    r"\frac{\partial L}{\partial a} &= \frac{\partial L}{\partial h} \odot (1 - h^2)",
    r"\frac{\partial L}{\partial W} &= \frac{\partial L}{\partial a} x^\top",
    r"\frac{\partial L}{\partial b} &= \frac{\partial L}{\partial a}",
    r"\frac{\partial L}{\partial x} &= W^\top \frac{\partial L}{\partial a}",
]
EQUATIONS = [*FORWARD, *BACKWARD]
WRONG = r"\frac{\partial L}{\partial W} &= \frac{\partial L}{\partial a} x"


def rows(equations):
    return " \\\\\n".join(equations)


def align(equations):
    return "\\begin{align}\n" + rows(equations) + "\n\\end{align}\n"


def paper(*parts, preamble=""):
    return "\\documentclass{article}\n" + preamble + "\\begin{document}\n" + "\n".join(parts) + "\n\\end{document}\n"


def checked(tmp_path, text, name="paper.tex"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return check_derivation(path)


def verdicts(report):
    return [str(v.verdict) for v in report.verdicts]


def one_each(begin, end, equations=(*FORWARD, *BACKWARD)):
    return "\n".join(f"{begin}\n{equation.replace('&', '')}.\n{end}" for equation in equations)


# fmt: off
DISPLAYS = {
    "align": align(EQUATIONS),
    "align*": align(EQUATIONS).replace("align", "align*"),
    "gather": align(EQUATIONS).replace("align", "gather").replace("&", ""),
    "alignat": align(EQUATIONS).replace("{align}", "{alignat}").replace("n{alignat}", "n{alignat}{2}"),
    "eqnarray": align(EQUATIONS).replace("align", "eqnarray").replace("&=", "& = &"),
    "flalign": align(EQUATIONS).replace("align", "flalign").replace("&=", "&&="),
    "aligned": "\\begin{equation}\n\\begin{aligned}\n" + rows(EQUATIONS) + "\\end{aligned}\n\\end{equation}",
    "split": "\\begin{equation}\\begin{split}\n" + rows(EQUATIONS) + "\n\\end{split}\\end{equation}",
    "gathered": "\\[ \\begin{gathered}\n" + rows(EQUATIONS).replace("&", "") + "\n\\end{gathered} \\]",
    "dollars around aligned": "$$\\begin{aligned}\n" + rows(EQUATIONS) + "\n\\end{aligned}$$",
    "equation": one_each(r"\begin{equation}", r"\end{equation}"),
    "equation*": one_each(r"\begin{equation*}", r"\end{equation*}"),
    "multline": one_each(r"\begin{multline}", r"\end{multline}"),
    "displaymath": one_each(r"\begin{displaymath}", r"\end{displaymath}"),
    "brackets": one_each(r"\[", r"\]"),
    "dollars": one_each("$$", "$$"),
    "subequations": "\\begin{subequations}\n" + align(EQUATIONS) + "\\end{subequations}",
    "labels and tags": align([e + rf" \label{{eq:{k}}} \nonumber" for k, e in enumerate(EQUATIONS)]),
    "points": align([e + "," for e in FORWARD]) + align([e + "." for e in BACKWARD]),
    "two in a row": align([" , & ".join(FORWARD[:2]), FORWARD[2], r" , \quad ".join(BACKWARD[:2]), *BACKWARD[2:]]),
    "in columns": align([" & ".join(FORWARD[:2]), FORWARD[2], " & ".join(BACKWARD[:3]), " && ".join(BACKWARD[3:])]),
    "a chain in columns": align([*FORWARD, BACKWARD[0], BACKWARD[1] + r" &= h \odot (1 - h^2)", *BACKWARD[2:]]),
    "words between": align([*FORWARD, r"\intertext{and, backward,}" + BACKWARD[0], *BACKWARD[1:]]),
    "words in a row": align([*FORWARD, rf"{BACKWARD[0]} \quad\text{{and}}\quad {BACKWARD[1]}", *BACKWARD[2:]]),
    "remarks": align([e + r" && \text{(the rule)}" for e in FORWARD] + BACKWARD),
    "left and right": align(EQUATIONS).replace("(1 - h^2)", r"\left( 1 - h^2 \right)"),
    "over two rows": align(EQUATIONS).replace(r" \odot", "\\\\\n&\\quad \\odot"),
    "comments": "\\begin{align}\n" + " % \\begin{align}, 100\\%\n\\\\ ".join(EQUATIONS) + "\n\\end{align}",
    "an environment of the author's": "\\be\na = W x + b\n\\ee\n" + align([*FORWARD[1:], *BACKWARD]),
    "IEEEeqnarray": "\\begin{IEEEeqnarray*}{rCl}\n" + rows(EQUATIONS) + "\n\\end{IEEEeqnarray*}",
    "empheq": "\\begin{empheq}[left=\\empheqlbrace]{align}\n" + rows(EQUATIONS) + "\n\\end{empheq}",
    "the author's environment": align(EQUATIONS).replace("{align}", "{eqs}"),
    "conditions": align([r"a &= W x + b, \quad x \in \mathbb{R}^M", *EQUATIONS[1:-1], BACKWARD[-1] + r"; \forall x"]),
    "boxed": align([*FORWARD, *BACKWARD[:-1], r"\boxed{" + BACKWARD[-1].replace("&", "") + "}"]),
}
# fmt: on
LEFT = {"conditions": [r"x \in \mathbb{R}^M", r"\forall x"]}
BEGIN_EQUATION = "\\newcommand{\\be}{\\begin{equation}}\\newcommand{\\ee}{\\end{equation}}\n"
BEGIN_EQUATION += "\\newenvironment{eqs}{\\begin{align}}{\\end{align}}\n"


@pytest.mark.parametrize("name", DISPLAYS)
def test_displays(tmp_path, name):
    report = checked(tmp_path, paper(DECLARED, DISPLAYS[name], preamble=BEGIN_EQUATION))
    assert verdicts(report) == ["right"] * 5
    assert report.ok
    assert report.source.count == {"forward": 3, "backward": 5, "abbreviations": 0}
    assert [text_left(report, it) for it in report.source.left] == LEFT.get(name, [])


def text_left(report, it):
    return report.source.text[it.start : it.end]


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_wrong_line_is_found_in_each_display_at_its_place(tmp_path, name):
    plain = DISPLAYS[name].replace(r" x^\top", " x")
    report = checked(tmp_path, paper(DECLARED, plain, preamble=BEGIN_EQUATION))
    (wrong,) = report.wrong
    line, column = report.source.author_place(wrong.at[0])
    text = report.source.text.split("\n")[line - 1]
    assert text[column - 1] == "x"
    assert r"\partial W" in text
    assert wrong.line == line
    assert wrong.suggestion.replace("&", "").endswith(r"\frac{\partial L}{\partial a} x^\top")


def test_a_message_has_line_column_label_and_the_authors_signs(tmp_path):
    macros = (
        "\\newcommand{\\pd}[2]{\\frac{\\partial #1}{\\partial #2}}\n\\newcommand\\vx{\\mathbf{x}}\n\\def\\T{^\\top}\n"
    )
    lines = [r"\pd{L}{a} &= h \odot (1 - h^2)", r"\pd{L}{W} &= \pd{L}{a} \vx, \label{eq:dW}"]
    lines += [r"\pd{L}{b} &= \pd{L}{a}", r"\pd{L}{\vx} &= W\T \pd{L}{a}", r"\pd{L}{h} &= h"]
    forward = align([FORWARD[0].replace("x", r"\vx"), *FORWARD[1:]])
    report = checked(tmp_path, paper(DECLARED, forward, align(lines), preamble=macros))
    shown = report.text()
    assert "line 16, column 24 (eq:dW), does not fit" in shown
    assert r"    \pd{L}{W} &= \pd{L}{a} \vx, \label{eq:dW} \\" in shown
    assert r"certain: \pd{L}{W} &= \pd{L}{a} \vx\T" in shown
    assert r"from  a = W \vx + b" in shown
    found = report.to_dict()["parts"][0]["lines"][1]
    assert (found["at"]["line"], found["at"]["column"], found["at"]["text"]) == (16, 24, r"\vx")


# Macros

# fmt: off
MACROS = {
    "newcommand": (r"\newcommand{\T}{^\top}", r"x\T"), "without braces": (r"\newcommand\T{^\top}", r"x\T"),
    "def": (r"\def\T{^\top}", r"x\T"), "let": (r"\newcommand{\t}{\top}\let\T\t", r"x^\T"),
    "providecommand": (r"\providecommand*{\T}{^{\top}}", r"x\T"),
    "one argument": (r"\newcommand{\tp}[1]{#1^\top}", r"\tp{x}"),
    "an argument without braces": (r"\newcommand{\tp}[1]{#1^\top}", r"\tp x"),
    "def with an argument": (r"\def\tp#1{{#1}^\top}", r"\tp{x}"),
    "a default": (r"\newcommand{\tp}[2][\top]{#2^{#1}}", r"\tp{x}"),
    "not the default": (r"\newcommand{\tp}[2][2]{#2^{#1}}", r"\tp[\top]{x}"),
    "an operator": (r"\DeclareMathOperator{\same}{diag}\newcommand{\T}{^\top}", r"x\T"),
    "one in another": (r"\newcommand{\t}{\top}\def\T{^\t}\newcommand{\tp}[1]{\ensuremath{#1\T}\xspace}", r"\tp{x}"),
    "as argument of another": (r"\newcommand{\tp}[1]{#1^\top}\newcommand{\vx}{\mathbf{x}}", r"\tp{\vx}"),
    "a font": (r"\newcommand{\bs}{\boldsymbol}", r"\bs x^\top"), "double braces": (r"\def\vx{{\bm{x}}}", r"\vx^\top"),
    "redefined": (r"\newcommand{\T}{^2}" "\n" r"\renewcommand{\T}{^\top}", r"x\T"),
    "over two lines": ("\\newcommand{\\tp}[1]{%\n  #1%\n  ^\\top}", r"\tp{x}"),
    "a document command": (r"\NewDocumentCommand{\tp}{m}{#1^\top}", r"\tp{x}"),
    "in colour": ("", r"\textcolor{red}{x^\top}"), "letters behind": (r"\newcommand{\W}{\nabla}\def\T{^\top}", r"x\T"),
}
# fmt: on


@pytest.mark.parametrize("name", MACROS)
def test_macros(tmp_path, name):
    definition, used = MACROS[name]
    lines = [*BACKWARD[:2], BACKWARD[2].replace(r"x^\top", used), *BACKWARD[3:]]
    report = checked(tmp_path, paper(DECLARED, align(FORWARD), align(lines), preamble=definition + "\n"))
    assert verdicts(report) == ["right"] * 5


def test_a_macro_that_doubles_a_mistake_is_wrong(tmp_path):
    text = paper(DECLARED, align(FORWARD), align([*BACKWARD[:2], BACKWARD[2].replace(r"x^\top", r"\tp{x}")]))
    report = checked(tmp_path, text.replace("\\begin{document}", "\\newcommand{\\tp}[1]{#1}\n\\begin{document}"))
    assert [str(v.verdict) for v in report.wrong] == ["does not fit"]
    assert report.source.text[slice(*report.wrong[0].at)] == r"\tp{x}"


DOUBLING = r"\def\a{xx}" + "".join(rf"\def\{b}{{\{a}\{a}}}" for a, b in pairwise("abcdefghijklmn"))


@pytest.mark.parametrize(
    ("definition", "used", "said"),
    [
        (r"\newcommand{\T}{\T}", r"x\T", r"\T comes back in what it stands for"),
        (r"\def\a{\b}\def\b{x\a}", r"\a", "comes back in what it stands for"),
        (DOUBLING, r"\n", "on this line"),
        (r"\newcommand{\tp}[2]{#1^#2}", r"\tp", r"\tp takes 2 arguments; here are 0"),
        (r"\newcommand{\tp}[1]{#1 \foo}", r"\tp{x}", r"\foo is not known"),
    ],
)  # fmt: skip
def test_macros_that_cannot_be_expanded(tmp_path, definition, used, said):
    wrong = BACKWARD[2].replace(r"x^\top", used)
    report = checked(
        tmp_path, paper(DECLARED, align(FORWARD), align([*BACKWARD[:2], wrong]), preamble=definition + "\n")
    )
    (verdict,) = [v for v in report.verdicts if v.verdict == "unreadable"]
    assert said in verdict.message
    line, column = report.source.author_place(verdict.at[0])
    assert report.source.text.split("\n")[line - 1][column - 1 :].startswith("\\" + used.split("\\")[1].split("{")[0])


# Other files


def test_files_beside_the_document(tmp_path):
    (tmp_path / "sections").mkdir()
    (tmp_path / "macros.tex").write_text("\\newcommand{\\T}{^\\top}\n", encoding="utf-8")
    (tmp_path / "own.sty").write_text("\\newcommand{\\half}{\\tfrac{1}{2}}\n", encoding="utf-8")
    backward = align([*BACKWARD[:2], WRONG, *BACKWARD[3:]]).replace(r"W^\top", r"W\T")
    (tmp_path / "sections/back.tex").write_text("\\section{Backward}\n" + backward, encoding="utf-8")
    forward = align(FORWARD).replace(r"\tfrac{1}{2}", r"\half")
    preamble = "\\input{macros}\n\\usepackage{amsmath, own}\n"
    report = checked(tmp_path, paper(DECLARED, forward, "\\include{sections/back}", "Done.", preamble=preamble))
    assert verdicts(report) == ["right", "right", "does not fit", "right", "right"]
    assert "line 5 of sections/back.tex, column 64, does not fit" in report.text()
    assert report.text().startswith("Backward: 4 of 5")
    assert report.source.left == []


def test_files_that_are_not_read_are_named(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "outside.tex").write_text("\\newcommand{\\T}{^\\top}\n", encoding="utf-8")
    os.symlink(tmp_path / "outside.tex", inner / "link.tex")
    (inner / "again.tex").write_text("\\input{again}\n", encoding="utf-8")
    (inner / "picture.tex").write_bytes(b"\x89PNG\r\n\xff")
    names = ["../outside", "link", "missing", "again", "picture", "/etc/passwd"]
    text = paper(*(f"\\input{{{name}}}" for name in names), DECLARED, align(EQUATIONS))
    report = checked(tmp_path, text, "inner/paper.tex")
    assert report.ok
    left = [(report.source.author_place(it.start)[0], it.why) for it in report.source.left]
    assert [line for line, _ in left] == [3, 4, 5, 1, 7, 8]
    for (_, why), said in zip(
        left,
        ["outside of the folder", "outside", "no such file", "includes itself", "not UTF-8", "outside"],
        strict=True,
    ):
        assert said in why


def test_nothing_is_read_for_a_text_without_a_folder():
    report = check_derivation(paper("\\input{macros}", DECLARED, align(EQUATIONS)))
    assert report.ok
    assert [it.why for it in report.source.left] == ["macros.tex is not read: a text has no folder"]


# What is forward, what is backward, what is neither


def test_what_is_not_read_is_listed(tmp_path):
    others = [
        r"\eta &= 0.01",
        r"q &= \operatorname{foo} \{ 3",
        r"u &= W x",
        r"\frac{\partial L}{\partial k} &= 2",
        "a > b",
    ]
    others += [r"a &= W x", r"\sigma(z) &= \frac{1}{1 + e^{-z}}"]
    report = checked(tmp_path, paper(DECLARED, align(EQUATIONS), align(others)))
    assert report.ok
    assert [report.source.author_place(it.start)[0] for it in report.source.left] == list(range(17, 24))
    whys = [it.why for it in report.source.left]
    assert whys[0] == "no line needs η"
    assert whys[3] == "k is neither declared nor computed"
    assert whys[5] == "a is set in line 6 already"
    assert "8 equations read (3 forward, 5 backward), 7 not read" in report.summary()
    assert report.to_dict()["not_read"][0] == {"line": 17, "in": "", "why": "no line needs η"}
    assert "line 17: \\eta &= 0.01  →  no line needs η" in report.text(everything=True)


@pytest.mark.parametrize(
    ("update", "why"),
    [
        (r"W &= W - \eta \frac{\partial L}{\partial W}", "W stands on both sides"),
        (r"b &= b - \eta \frac{\partial L}{\partial b}", "b stands on both sides"),
        (r"W &= \frac{\partial L}{\partial W}", "no line needs W"),
        (r"x &= x + 1", "x stands on both sides"),
    ],
)
def test_an_update_is_no_part_of_a_derivation(tmp_path, update, why):
    report = checked(tmp_path, paper(DECLARED, align([update, *EQUATIONS])))
    assert report.ok
    assert [it.why for it in report.source.left] == [why]


def test_comments_say_what_lines_are(tmp_path):
    text = paper(
        DECLARED,
        "% tinyad: forward\n" + align(FORWARD),
        "% tinyad: ignore\n" + align(["a &= 2 W x", r"\frac{\partial L}{\partial h} &= 2 h"]),
        "% tinyad: backward\n" + align(BACKWARD) + "% tinyad: end",
        align([r"\frac{\partial L}{\partial b} &= 3"]),
    )
    report = checked(tmp_path, text)
    assert verdicts(report) == ["right"] * 5 + ["does not fit"]
    assert [it.why for it in report.source.left] == ["marked to be ignored"] * 2


def test_a_comment_on_a_line_is_for_that_line(tmp_path):
    text = paper(
        DECLARED,
        "The output $a = W x + b$ goes on. % tinyad: forward",
        align(FORWARD[1:]),
        align([*BACKWARD, r"\frac{\partial L}{\partial b} &= 3 % tinyad: ignore"]),
        "Also, $b = 0$ and $a = 2$.",
    )
    report = checked(tmp_path, text)
    assert report.ok
    assert report.source.count == {"forward": 3, "backward": 5, "abbreviations": 0}


def test_labels_say_what_lines_are(tmp_path):
    other = r"u &= W x \label{eq:forward-u}"
    strange = r"h &= 2 \label{eq:backward-strange}"
    report = checked(tmp_path, paper(DECLARED, align([*FORWARD, other]), align([*BACKWARD, strange])))
    assert report.source.count == {"forward": 4, "backward": 6, "abbreviations": 0}
    assert verdicts(report)[:5] == ["right"] * 5


def test_an_equation_that_a_line_needs_and_nobody_can_read_is_an_error(tmp_path):
    text = paper(DECLARED, align([r"a &= \operatorname{foo} | W x", *FORWARD[1:], *BACKWARD]))
    with pytest.raises(DerivationError, match="a line needs a: write it so that it can be read") as caught:
        checked(tmp_path, text)
    assert caught.value.line == 6


def test_of_a_chain_in_the_forward_the_first_formula_is_taken(tmp_path):
    chain = FORWARD[1] + r" = \frac{e^a - e^{-a}}{e^a + e^{-a}}"
    report = checked(tmp_path, paper(DECLARED, align([FORWARD[0], chain, *EQUATIONS[2:]])))
    assert report.ok
    assert [it.why for it in report.source.left] == []


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (r"\frac{e^a + e^{-a}}{e^a - e^{-a}}", "this is not what the member before it comes to"),
        (r"\tanh(W z + b)", "this is not what the member before it comes to"),
        (r"\tanh(a_1 + \dots + a_N)", ""),
    ],
)
def test_another_formula_in_a_chain_that_is_not_the_same_or_not_read_is_listed(tmp_path, other, why):
    report = checked(tmp_path, paper(DECLARED, align([FORWARD[0], f"{FORWARD[1]} = {other}", *EQUATIONS[2:]])))
    assert report.ok
    (left,) = report.source.left
    assert left.why.startswith("another formula for the same; the first one is taken")
    assert why in left.why


def test_forward_equations_may_stand_in_any_order(tmp_path):
    forward = [FORWARD[2], FORWARD[1], FORWARD[0]]
    assert checked(tmp_path, paper(DECLARED, align([*forward, *BACKWARD]))).ok
    wrong = checked(tmp_path, paper(DECLARED, align([*forward, *BACKWARD[:2], WRONG, *BACKWARD[3:]])))
    assert verdicts(wrong) == ["right", "right", "does not fit", "right", "right"]


def test_indices_of_left_hand_sides_need_no_sum(tmp_path):
    forward = [r"p_i &= \frac{e^{z_i}}{\sum_k e^{z_k}}", r"L &= -\sum_i y_i \log p_i"]
    line = r"\frac{\partial L}{\partial z_j} &= -\sum_i \frac{y_i}{p_i} p_i (\delta_{ij} - p_j)"
    assert verdicts(checked(tmp_path, paper(align([*forward, line])))) == ["right"]
    assert verdicts(checked(tmp_path, paper(align([*forward, line.replace("- p_j", "+ p_j")])))) == ["wrong"]


def test_the_letter_t_is_a_name_where_there_is_no_sequence(tmp_path):
    forward, line = r"L &= \tfrac12 \|W x - t\|^2", r"\nabla_W L &= (W x - t) x^\top"
    assert verdicts(checked(tmp_path, paper(align([forward, line])))) == ["right"]
    assert verdicts(checked(tmp_path, paper(align([forward, line.replace("- t", "+ t")])))) == ["wrong"]


def test_a_brace_that_is_not_closed_is_named(tmp_path):
    with pytest.raises(DerivationError, match=r"of the formulas here, line 7: this \{ has no \}"):
        checked(tmp_path, paper(DECLARED, align(EQUATIONS).replace("(a)", "{(a)")))


def test_a_function_without_a_declaration_is_named(tmp_path):
    with pytest.raises(DerivationError, match="for a function, `function f: component-wise`"):
        checked(tmp_path, paper(DECLARED, align(EQUATIONS).replace(r"\tanh(a)", "f(a)")))


def test_a_line_that_cannot_be_read_is_a_verdict(tmp_path):
    text = paper(DECLARED, align([*FORWARD, *BACKWARD[:4], BACKWARD[4].replace("W^", r"\foo W^")]))
    report = checked(tmp_path, text)
    assert verdicts(report) == ["right"] * 4 + ["unreadable"]
    assert report.verdicts[-1].message.startswith(r"\foo is not known")


SHORT = [
    r"\delta &= \frac{\partial L}{\partial a} = \frac{\partial L}{\partial h} \odot (1 - h^2)",
    r"\frac{\partial L}{\partial W} &= \delta x^\top",
    r"\frac{\partial L}{\partial b} &= \delta",
    r"g &= W^\top \delta",
    r"\frac{\partial L}{\partial x} &= g",
    BACKWARD[0],
]


def test_abbreviations_stand_for_derivatives_and_the_order_of_a_paper_is_free(tmp_path):
    report = checked(tmp_path, paper(DECLARED, align([*FORWARD, *SHORT])))
    assert verdicts(report) == ["right"] * 5
    assert report.ok
    assert report.source.count == {"forward": 3, "backward": 5, "abbreviations": 2}
    assert "3 forward, 5 backward, 2 abbreviations" in report.summary()
    assert r"abbreviation: \delta = \frac{\partial L}{\partial a}  (line 9)" in report.text()


@pytest.mark.parametrize(
    ("right", "wrong", "line"), [("x} &= g", "x} &= 2 g", 13), ("= W^", "= 2 W^", 13), ("x^", "2 x^", 10)]
)
def test_a_mistake_with_an_abbreviation(tmp_path, right, wrong, line):
    report = checked(tmp_path, paper(DECLARED, align([*FORWARD, *(e.replace(right, wrong) for e in SHORT)])))
    assert [v.line for v in report.wrong] == [line]
    assert report.wrong[0].verdict == "wrong"


def test_an_abbreviation_that_is_wrong_itself_is_named(tmp_path):
    wrong = [SHORT[0].replace("= \\frac{\\partial L}{\\partial a} =", "= 2"), *SHORT[1:]]
    report = checked(tmp_path, paper(DECLARED, align([*FORWARD, *wrong])))
    assert {v.line for v in report.wrong} == {10, 11, 13}
    assert "(line 9; no line that uses it holds: it may be wrong itself)" in report.text()
    assert "it may be wrong itself" in report.html()
    assert "may be wrong itself" not in checked(tmp_path, paper(DECLARED, align([*FORWARD, *SHORT]))).html()


def test_an_abbreviation_at_another_time(tmp_path):
    lines = [r"s_t &= \tanh(R s_{t-1} + x_t)", r"\delta_t &= \frac{\partial L}{\partial s_t} \odot (1 - s_t^2)"]
    lines += [
        r"\frac{\partial L}{\partial s_t} &+= R^\top \delta_{t+1}",
        r"\frac{\partial L}{\partial x_t} &= \delta_t",
    ]
    lines += [r"\frac{\partial L}{\partial R} &= \sum_{t=1}^{T} \delta_t s_{t-1}^\top"]
    declared = "% tinyad: declare time: t = 1..T, R: N×N, s_t: N×1\n% tinyad: declare given: ds_t\n"
    report = checked(tmp_path, paper(declared, align(lines)))
    assert verdicts(report) == ["right"] * 3
    wrong = checked(tmp_path, paper(declared, align(lines).replace("delta_{t+1}", "delta_t")))
    assert [str(v.verdict) for v in wrong.wrong] == ["wrong"]


def test_abbreviations_that_double_are_not_followed(tmp_path):
    doubled = [r"u_0 &= \frac{\partial L}{\partial h}"]
    doubled += [rf"u_{{{k + 1}}} &= u_{{{k}}} + u_{{{k}}}" for k in range(40)]
    report = checked(tmp_path, paper(DECLARED, align([*FORWARD, *doubled, r"\frac{\partial L}{\partial b} &= u_{40}"])))
    assert verdicts(report) == ["undefined"]


@pytest.mark.parametrize(
    "derivative", [r"\nabla_{%s} \mathcal{J}", r"\frac{\partial J}{\partial %s}", r"\frac{d J}{d %s}"]
)
def test_the_loss_is_what_the_derivatives_are_of(tmp_path, derivative):
    lines = [derivative % "h" + " &= h", derivative % "a" + " &= " + derivative % "h" + r" \odot (1 - h)"]
    report = checked(tmp_path, paper(DECLARED, align([*FORWARD[:2], FORWARD[2].replace("L", r"\mathcal{J}"), *lines])))
    assert verdicts(report) == ["right", "wrong"]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [("\n% tinyad: declare function softmax: softmax_rows", ["right"] * 2), ("", ["wrong", "right"])],
)
def test_a_softmax_over_rows(tmp_path, declared, expected):
    lines = [
        r"P &= \operatorname{softmax}(S)",
        r"O &= P V",
        r"dS &= P \odot (dP - (P \odot dP) 1_{(n,n)})",
        r"dP &= dO V^\top",
    ]
    report = checked(tmp_path, paper("% tinyad: declare S: n×n, V: n×p; constant: V" + declared + "\n", align(lines)))
    assert verdicts(report) == expected


def test_two_derivations_in_one_document(tmp_path):
    second = ["u &= V y", r"L &= u^\top u", r"\frac{\partial L}{\partial u} &= 2 u"]
    second.append(r"\frac{\partial L}{\partial V} &= \frac{\partial L}{\partial u} y^\top")
    second.append(r"\frac{\partial L}{\partial y} &= V \frac{\partial L}{\partial u}")
    text = paper(DECLARED, align(EQUATIONS), "% tinyad: declare V: N×M, y: M×1\n", align(second))
    report = checked(tmp_path, text)
    assert [len(lines.verdicts) for _, lines in report.parts] == [5, 3]
    assert verdicts(report) == ["right"] * 7 + ["does not fit"]


# Declarations


def test_declarations_in_several_comments(tmp_path):
    declared = "% tinyad: declare\n%  W, V: N×M  # weights\n%   x: M×1\n%\n% of the model\n"
    declared += "% tinyad: declare b: N×1; constant: x\n"
    report = checked(tmp_path, paper(declared, align([*FORWARD, *BACKWARD[:4]])))
    assert report.ok
    assert list(report.parts[0][0].declarations.shapes) == ["W", "V", "x", "b"]


def test_sizes_and_what_is_given_may_follow(tmp_path):
    text = paper("% tinyad: declare W: N×M, h: N×1\n", align([FORWARD[0], r"h &= \tanh(a)", *BACKWARD[1:4]]))
    report = checked(tmp_path, text)
    assert verdicts(report) == ["right"] * 3
    shown = report.text()
    assert "size that follows: x: M×1" in shown
    assert "size that follows: b: N×1" in shown
    assert r"taken as given: \frac{\partial L}{\partial h}" in shown


def test_a_bias_of_a_batch_is_asked_for(tmp_path):
    forward = [r"a &= W X + b", *FORWARD[1:2], r"L &= \operatorname{tr}(h^\top h)"]
    with pytest.raises(DerivationError, match="no size follows for b; declare them, perhaps b:"):
        checked(tmp_path, paper("% tinyad: declare W: N×M, X: M×B\n", align([*forward, *BACKWARD[:2]])))


def test_all_sizes_that_do_not_follow_are_asked_for_at_once(tmp_path):
    with pytest.raises(DerivationError) as caught:
        checked(tmp_path, paper("% tinyad: declare x: M×1\n", align(EQUATIONS)))
    assert caught.value.message == "no size follows for W, b; declare them, perhaps W: N×M, b: N×1"
    assert (caught.value.line, caught.value.column) == (6, 6)


@pytest.mark.parametrize("name", ["paper.tex", "paper.md", "paper.rst", "paper.ipynb"])
def test_what_is_proposed_can_be_pasted(tmp_path, name):
    formulas = align(EQUATIONS)
    bare = text_of(name, formulas)
    (tmp_path / name).write_text(bare, encoding="utf-8")
    proposed = proposed_declarations(opened(tmp_path / name))
    inside = [line.strip(" %") for line in proposed.split("\n") if ":" in line and "tinyad" not in line]
    assert inside == ["layout: same   # or row", "W: N×M", "x: M×1", "b: N×1"]
    report = checked(tmp_path, text_of(name, formulas, proposed), name)
    assert report.ok
    assert verdicts(report) == ["right"] * 5
    assert proposed_declarations(opened(tmp_path / name)) == ""


def text_of(name, formulas, declared=""):
    """A document of a kind, with declarations of its form."""
    if name.endswith(".tex"):
        return paper(declared, formulas)
    if name.endswith(".rst"):
        inner = formulas.replace("\\begin{align}\n", "").replace("\\end{align}\n", "")
        indented = "\n".join("   " + line for line in inner.strip().split("\n"))
        return f"Layers\n======\n\n{declared}\n\n.. math::\n   :label: all\n\n{indented}\n\nAs we see.\n"
    markdown = f"# Layers\n\n{declared}\n\n```python\nx = '$$'\n```\nCosts $5, or:\n\n$$\n{formulas}$$\n"
    if name.endswith(".md"):
        return markdown
    cells = [
        {"cell_type": "code", "source": "1"},
        {"cell_type": "markdown", "source": markdown.splitlines(keepends=True)},
    ]
    return json.dumps({"cells": cells, "nbformat": 4})


def test_a_sequence_and_indices_are_proposed(tmp_path):
    text = paper(align([r"s_t &= \tanh(R s_{t-1} + u_t)", r"m &= \frac{1}{n} \sum_{i=1}^n \log(v_i)",
                        r"\frac{\partial J}{\partial u_t} &= \frac{\partial J}{\partial s_t} \odot (1 - s_t^2)",
                        r"\frac{\partial J}{\partial v_i} &= \frac{1}{n} \frac{\partial J}{\partial m}"]))  # fmt: skip
    (tmp_path / "p.tex").write_text(text, encoding="utf-8")
    proposed = proposed_declarations(opened(tmp_path / "p.tex")).split("\n")
    expected = ["loss: J", "time: t = 1..T", "indices: i", "v: n×1", "positive: v"]
    assert [row for row in expected if f"%   {row}" not in proposed] == []
    assert any(row.startswith("%   s_t: N×1") for row in proposed)
    assert any(row.startswith("%   given: ") for row in proposed)


def test_the_proposal_for_a_text_with_blocks(tmp_path):
    fences = "```forward\na = W x + b\nh = tanh(a)\n```\n```backward\n∇a = ∇h ∘ (1 - h²)ᵀ\n```\n"
    (tmp_path / "p.md").write_text(fences, encoding="utf-8")
    proposed = proposed_declarations(opened(tmp_path / "p.md"))
    assert proposed.startswith("```declare\n")
    assert "W: N×M\n" in proposed
    assert "given: ∇h" in proposed


# Markdown, notebooks, reStructuredText


def wrong_in(name, begin):
    formulas = begin + rows([*FORWARD, *BACKWARD[:2], WRONG, *BACKWARD[3:]]) + "\n"
    declared = {
        ".md": "<!-- tinyad: declare W: N×M, x: M×1, b: N×1 -->",
        ".rst": ".. tinyad: declare W: N×M, x: M×1, b: N×1",
    }
    kind = ".rst" if name.endswith(".rst") else ".md"
    return text_of(name, "\\begin{align}\n" * (kind == ".rst") + formulas, declared[kind])


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("p.md", "line 16, column 64"),
        ("p.ipynb", "line 16 of cell 2, column 64"),
        ("p.rst", "line 14, column 67 (all)"),
    ],
)
def test_a_wrong_line_at_its_place(tmp_path, name, place):
    report = checked(tmp_path, wrong_in(name, ""), name)
    assert verdicts(report) == ["right", "right", "does not fit", "right", "right"]
    assert f"{place}" in report.text()
    assert report.text().startswith("Layers: 4 of 5")


def test_the_place_of_an_error_in_a_notebook(tmp_path):
    with pytest.raises(DerivationError) as caught:
        checked(tmp_path, wrong_in("p.ipynb", "a &= 3 \\foo \\\\\n").replace("W: N", "W: 999"), "p.ipynb")
    assert (
        str(caught.value)
        .split("\n")[0]
        .endswith("p.ipynb, cell 2:3:25: a size of 999: a number must be from 1 to 64; for a letter, a size is chosen")
    )


def notebook_of(tmp_path, *cells):
    """A notebook with (kind, text) in its cells, as it is opened."""
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": kind, "source": text} for kind, text in cells]}), "utf-8")
    return opened(path)


BLOCKS = "```declare\nx: N×1\ngiven: ∇h\n```\n```forward\nh = tanh(x)\n```\n"
LINES = "```backward\n∇x = ∇h ∘ (1 - h)ᵀ\n```\n"


@pytest.mark.parametrize(("cells", "place"), [
    ([("markdown", "# A"), ("markdown", BLOCKS + LINES), ("markdown", "```python\n1\n```")], "line 9 of cell 2"),
    ([("markdown", BLOCKS), ("code", "1"), ("markdown", "Now\r\n" + LINES)], "line 3 of cell 3"),
    ([("code", "1"), ("code", "%%derivation\n" + BLOCKS + LINES)], "line 10 of cell 2"),
])  # fmt: skip
def test_blocks_in_the_cells_of_a_notebook(tmp_path, cells, place):
    source = notebook_of(tmp_path, *cells)
    report = check_source(source, suggest=False)
    assert verdicts(report) == ["wrong"]
    assert place in report.text()


def test_code_of_a_notebook_is_no_derivation(tmp_path):
    with pytest.raises(DerivationError, match="no forward block"):
        check_source(notebook_of(tmp_path, ("code", BLOCKS), ("markdown", "```declare\nx: N×1\n```\n" + LINES)))


@pytest.mark.parametrize(
    "fence",
    ["```math\n%s\n```", "~~~latex\n%s\n~~~", "\\\\[ %s \\\\]", "\\[\n%s\n\\]", "\\begin{align*}%s\\end{align*}"],
)
def test_markdown_formulas(tmp_path, fence):
    text = "<!-- tinyad: declare W: N×M, x: M×1, b: N×1 -->\n" + fence % rows(EQUATIONS)
    assert checked(tmp_path, text, "p.md").ok


def test_inline_formulas_and_roles_that_are_asked_for(tmp_path):
    text = (
        "<!-- tinyad: declare W: N×M, x: M×1, b: N×1 -->\nWith $a = W x + b$ <!-- tinyad: forward --> we have\n\n$$\n"
    )
    report = checked(tmp_path, text + rows([*FORWARD[1:], *BACKWARD]) + "\n$$\nand $x = 3$.\n", "p.md")
    assert report.ok
    assert report.source.count["forward"] == 3


def test_a_derivation_file_with_formulas_in_its_prose_is_read_as_before():
    text = "$$ a = 3 $$\n```declare\nW: N×M\nx: M×1\ngiven: ∇h\n```\n```forward\nh = W x\n```\n"
    text += "```backward\n∇W = x ∇h\n∇x = ∇h W\n```\n"
    report = check_derivation(text)
    assert report.ok
    assert not report.source.is_document


# What is refused

# fmt: off
REFUSED = [
    ("\\begin{align}\na &= b", 4, r"\begin{align} has no \end{align}"), ("\\[ a = b", 4, r"\[ has no \]"),
    ("$$ a = b", 4, "$$ has no $$"), ("\\begin{equation*}", 4, r"\begin{equation*} has no \end{equation*}"),
    ("% tinyad: forwad", 4, "tinyad: 'forwad' is not known; there are declare, forward"),
    ("", 3, "no equation that the lines need was found; there are no formulas in displays here"),
    (align(FORWARD), 3, "no line that sets a derivative of a declared name was found"),
    (align(BACKWARD), 3, "no equation that the lines need was found"),
]
# fmt: on


@pytest.mark.parametrize(("body", "line", "said"), REFUSED)
def test_refused(tmp_path, body, line, said):
    with pytest.raises(DerivationError) as caught:
        checked(tmp_path, paper(DECLARED.strip(), body))
    assert said in caught.value.message
    assert caught.value.line == line


def test_a_document_without_declarations_is_read_with_those_that_are_proposed(tmp_path):
    report = checked(tmp_path, paper(align(EQUATIONS)))
    assert report.ok, report
    assert "nothing is declared; taken: layout: same; " in str(report)
    declared = checked(tmp_path, paper(DECLARED.strip(), align(EQUATIONS)))
    assert len(report.verdicts) == len(declared.verdicts)


def test_a_wrong_line_of_a_document_without_declarations_has_its_own_place(tmp_path):
    text = paper(align([WRONG if "partial W" in row else row for row in EQUATIONS]))
    report = checked(tmp_path, text)
    assert not report.ok
    assert f"line {text[: text.index(WRONG)].count(chr(10)) + 1}, column" in str(report)


def test_names_whose_derivatives_no_line_sets_are_taken_as_constant(tmp_path):
    """Data and labels of a paper have none."""
    text = paper(align([r"z = W x", r"L = \frac{1}{2} \lVert z - y \rVert^2", r"\partial L / \partial z = z - y",
                        r"\partial L / \partial W = (z - y) x^\top"]))  # fmt: skip
    report = checked(tmp_path, text)
    assert report.ok, report
    assert "constant: x, y" in str(report)
    assert "positive" not in str(report)


def test_files_that_are_no_text(tmp_path):
    (tmp_path / "binary.tex").write_bytes(b"\\documentclass{a}\n\x00\x01\x02")
    with pytest.raises(DerivationError, match="contains zero bytes"):
        check_derivation(tmp_path / "binary.tex")
    (tmp_path / "latin.tex").write_bytes("\\documentclass{a}\n% Müller".encode("latin-1"))
    with pytest.raises(DerivationError, match="byte 0xfc in line 2 is not UTF-8"):
        check_derivation(tmp_path / "latin.tex")
    (tmp_path / "huge.tex").write_text("x" * 1_000_001, encoding="utf-8")
    with pytest.raises(DerivationError, match="1000001 characters; at most 1000000 are read"):
        check_derivation(tmp_path / "huge.tex")
    (tmp_path / "broken.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(DerivationError, match="this is not a notebook"):
        check_derivation(tmp_path / "broken.ipynb")


def test_included_files_are_bounded(tmp_path):
    (tmp_path / "part.tex").write_text("x" * 400_000, encoding="utf-8")
    with pytest.raises(DerivationError, match="at most 1000000 in 200 are read"):
        checked(tmp_path, paper(*["\\input{part}"] * 3, DECLARED))
    (tmp_path / "part.tex").write_text("x", encoding="utf-8")
    with pytest.raises(DerivationError, match="in 201 files"):
        checked(tmp_path, paper(*["\\input{part}"] * 201, DECLARED))


# Anything

FRAGMENTS = r"""
% tinyad: forward
% tinyad: backward
% tinyad: ignore
% tinyad: end
\begin{align}
\end{align}
\[
\]
$$
$
\\
&
%
{
}
\newcommand{\a}[1]{#1 \b}
\def\b{\a{x}}
\a{x}
\a
\label{forward}
\text{and}
\intertext{so}
\quad
,
\begin{aligned}
\end{aligned}
\begin{bmatrix}
\end{bmatrix}
\left(
\right)
\tag{1}
\section{x}
\input{a}
<!-- tinyad: declare W: N×M -->
```math
```
.. math::
.. tinyad: declare x: 1×1
=
\sum_{i=1}^n x_i
""".split("\n")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*FRAGMENTS, *EQUATIONS, *SHORT, DECLARED]), max_size=25),
    st.sampled_from([".tex", ".md", ".rst"]),
)
def test_any_document_gives_a_report_or_an_error_with_its_place(tmp_path_factory, parts, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_text("\n".join([DECLARED, align(EQUATIONS), *parts]), encoding="utf-8")
    lines = []
    for look in (check_without_corrections, proposed_declarations):
        try:
            look(opened(path))
        except DerivationError as error:
            lines.append(error.line)
    assert all(1 <= line <= path.read_text(encoding="utf-8").count("\n") + 1 for line in lines)
