"""Files that cannot be read: errors that point at the sign they are about, and what editors do to a file."""

from pathlib import Path

import pytest

from tests.support.derivation_texts import RIGHT, fenced, judged
from tinyad.derivation import DerivationError, check_derivation
from tinyad.derivation.language.source import read

# Errors.  » stands before the sign that they point at.


def placed(text):
    """The text without », and the line and column where it stood."""
    before, _, after = text.partition("»")
    return before + after, (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def error(text):
    with pytest.raises(DerivationError) as raised:
        check_derivation(text)
    return raised.value


def declared(text):
    return fenced(text, "z = σ(x)", "∇x = ∇z ∘ σ'(x)ᵀ")


BLOCKS = [
    ("»prose\nand no more\n", "no block"), ("a\n»```declaer\nx: N×1\n```\n", "did you mean declare"),
    ("a\n\n»  ```python\n```\n", "put text that is not a derivation between ~~~"),
    ("a\n```declare»\nx: N×1\n", "this block has no end"),
    ("```forward\n»z = x\n```\n```declare\n```\n", "before any declare block"),
    ("```declare\n»x: N×1\n```\n", "no forward block"),
    ("```declare\nx: N×1\n```\n```forward\n»z = σ(x)\n```\n", "no backward block"),
    (declared("layout: »column\nx: N×1"), "layout: 'column' is not known; write row"),
    (declared("  layout:   »column\nx: N×1"), "layout: 'column'"),
    (declared("time: »t from 1 to T\nx: N×1"), "time: t = 1..T"),
    (declared("»nonsense"), "a declaration is `what: value`"),
    (declared("x: »N"), "'N' is not a size"), (declared("x: »N×N×N"), "'N×N×N' is not a size"),
    (declared("x: »4N x_M"), "'4N x_M' is not a size: write N×1"),
    (declared("time: »T\nx: N×1"), "time: write `time: t = 1..T` for a sequence"),
    (declared("x: »65×1"), "a size of 65: a number must be from 1 to 64"),
    (declared("x: »N/2×1"), "'N/2' is not a size"),
    (declared("x: N×1\ny, »x: M×1"), "x is declared twice, with different sizes"),
    (declared("x: N×1\n*: »product"), "write `*: matrix product` or"),
    (declared("x: N×1\ngiven: »z"), "expected a derivative, as in `given: ∇h_t`"),
    (declared("x: N×1\ngiven: »∇q"), "q is neither declared nor computed"),
    (declared("x: N×1\nfunction g: »tahn"), "'tahn' is not known; did you mean tanh?"),
    (declared("x: N×1\nfamily θ:»"), "write its members"), (declared("x: N×1\n»at x: z"), "write `at x in f: formula`"),
    (declared("x: N×1\nloss: »J K"), "expected one name"), (declared("»x, : N×1"), "expected a name"),
    (declared("x »+ y: N×1"), "names are separated by commas"),
    (declared("x »y: N×1"), "names are separated by commas"),
]  # fmt: skip
EQUATIONS = [
    ("»z σ(x)", "a forward equation is `name = formula`"),
    ("z = σ(»y)", "y is not declared; declare its size, `y: N×1`"),
    ("z = »W x", "W is 3×7 and x is 5×1: inner sizes 7 and 5"), ("z = σ(x)\n»z = tanh(x)", "z is computed twice"),
    ("»q = σ(x)", "q comes out as 5×1, and was declared 3×1"), ("z = »log(x)", "declare `positive:"),
    ("z = (x xᵀ) »* (x xᵀ) x", "* has two readings, the matrix product and component-wise: declare one"),
    ("z = x »· x", "· of two columns has two readings, ⟨x, x⟩ and x ∘ x: write one of these"),
    ("z = (x xᵀ) »· (x xᵀ) x", "· has two readings, the matrix product and component-wise: declare one"),
]  # fmt: skip
SIGNS = [
    ("∇x = »(∇z", "this bracket is not closed: ) is missing"), ("∇x = ∇z»)", ") has no opening bracket"),
    ("∇x = (∇z»]", "] where ) is expected, for the bracket opened in line 9, column 6"),
    ("∇x = ∇z »€ 2", "'€' is not a known sign"),
    ("∇x = ∇z»_", "this script is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BLOCKS)
def test_blocks_and_declarations_that_cannot_be_read(text, message):
    text, place = placed(text)
    found = error(text)
    assert message in str(found)
    assert (found.line, found.column) == place
    assert str(found).startswith(f"derivation:{place[0]}:{place[1]}: ")


@pytest.mark.parametrize(("equations", "message"), EQUATIONS)
def test_forwards_that_cannot_be_computed(equations, message):
    text, place = placed(fenced("x: N×1\nq: M×1\nW: M×K\ngiven: ∇x", equations, "∇x = 1"))
    found = error(text)
    assert message in str(found)
    assert (found.line, found.column) == place


@pytest.mark.parametrize(("line", "message"), SIGNS)
def test_signs_that_cannot_be_read(line, message):
    text, place = placed(fenced("x: N×1\ngiven: ∇z", "z = σ(x)", line))
    found = error(text)
    assert message in str(found)
    assert (found.line, found.column) == place


def test_an_error_shows_the_line_and_underlines_the_part():
    shown = str(error(declared("x: N×1\nlayout: column"))).split("\n")
    assert shown[1:] == ["    layout: column", "            ^^^^^^"]


@pytest.mark.parametrize("sign", ["*", "·"])
def test_a_product_sign_needs_a_meaning_in_the_line_too(sign):
    text = fenced("layout: same\nx: N×N\ngiven: ∇z", "z = x ∘ x", f"∇x = 2 ∇z {sign} x")
    (found,) = check_derivation(text).verdicts
    assert found.verdict == "ambiguous"
    assert "the matrix product and component-wise: declare one" in found.message
    assert text[found.at[0] : found.at[1]] == sign
    for meaning, verdict in (("matrix product", "wrong"), ("component-wise", "right")):
        assert check_derivation(text.replace("x: N×N", f"x: N×N\n{sign}: {meaning}")).verdicts[0].verdict == verdict


@pytest.mark.parametrize("sign", ["*", "·", r"\cdot"])
def test_a_product_with_a_number_has_one_reading(sign):
    assert [v.verdict for v in judged(f"∇x = 2 {sign} ∇z ∘ x", "layout: same\nx: N×1\ngiven: ∇z", "z = x ∘ x")] == [
        "right"
    ]


def test_a_product_sign_is_the_matrix_product_where_only_that_fits():
    declare = "layout: same\nW: N×M\nx: M×1\ngiven: ∇z"
    assert [v.verdict for v in judged("∇x = Wᵀ · ∇z", declare, "z = W · x")] == ["right"]
    assert [v.verdict for v in judged("∇x = Wᵀ * ∇z", declare, "z = W x")] == ["right"]
    assert [v.verdict for v in judged("∇W = ∇z * xᵀ", declare, "z = W * x")] == ["right"]


def test_a_star_with_two_meanings_in_one_derivation_is_refused():
    declare = "layout: same\nW: N×M\nx: M×1\ngiven: ∇h"
    forward, lines = "h = tanh(W * x)", "∇x = Wᵀ * (∇h {} (1 - h²))"
    assert [v.verdict for v in judged(lines.format("∘"), declare, forward)] == ["right"]
    assert [v.verdict for v in judged(lines.format("*"), declare, forward)] == ["ambiguous"]
    assert [v.verdict for v in judged(lines.format("*"), declare, "h = tanh(W x)")] == ["right"]
    assert [v.verdict for v in judged("∇x = Wᵀ @ (∇h * (1 - h²))", declare, "h = tanh(W @ x)")] == ["right"]
    assert [v.verdict for v in judged("∇x = Wᵀ * (∇h * (1 - h²))", declare, "h = tanh(W @ x)")] != ["right"]
    assert [v.verdict for v in judged("∇x = Wᵀ * (∇h .* (1 - h.^2))", declare, "h = tanh(W * x)")] == ["right"]
    assert [v.verdict for v in judged("∇x = Wᵀ * (∇h * (1 - h.*h))", declare, "h = tanh(W * x)")] != ["right"]


@pytest.mark.parametrize(
    ("names", "forward", "line", "first", "second"),
    [
        ("z, dz: N×1", "y = z ∘ dz", "∇z = ∇y ∘ (dz)ᵀ", "the name dz", "the derivative of z"),
        ("WfC, W_fC: N×1", "y = W_fC ∘ WfC", "∇q = WfCq", "WfC q", "W_fC q"),
        ("a, b, ab, c, bc: N×1", "y = a ∘ b", "∇a = abc", "a bc", "ab c"),
    ],
)
def test_two_readings_are_both_shown(names, forward, line, first, second):
    text = fenced(f"q: N×1\ngiven: ∇y\n{names}", forward, line)
    try:
        message = check_derivation(text).verdicts[0].message
    except DerivationError as reason:
        message = str(reason)
    assert "has two readings" in message
    assert first in message
    assert second in message


@pytest.mark.parametrize("many", [59, 60, 61, 5000])
def test_how_deep_brackets_may_be(many):
    text = fenced("x: N×1\ngiven: ∇z", "z = σ(x)", "∇x = " + "(" * many + "∇z ∘ σ'(x)ᵀ" + ")" * many)
    if many == 59:
        assert check_derivation(text).verdicts[0].verdict == "right"
    else:
        assert "more than 60 brackets inside one another; name a part of it" in str(error(text))


@pytest.mark.parametrize(("more", "deep"), [(" + 0 ∇z", 90), (" ∘ 1", 90), (".T.T", 40)])
def test_how_long_a_formula_may_be(more, deep):
    for many, wanted in ((deep, "right"), (5000, "unreadable")):
        (found,) = judged("∇x = (∇z ∘ σ'(x)ᵀ)" + more * many, declare="x: N×1\ngiven: ∇z", forward="z = σ(x)")
        assert found.verdict == wanted
    assert "operations inside one another; name a part of it" in found.message


def test_how_long_a_file_may_be():
    assert "4001 lines in blocks; at most 4000 are read" in str(
        error("```declare\n" + "# c\n" * 4000 + "x: N×1\n```\n")
    )
    assert "1000002 characters; at most 1000000 are read" in str(error("x\n" * 500_001))


GOOD = fenced(backward=f"12. ∇z1 = {RIGHT}\n13. ∇W = x ∇f_t")


def told(report):
    return [(v.line, v.number, v.verdict, report.source.place(v.at[0])) for v in report.verdicts]


@pytest.mark.parametrize(
    "changed",
    [
        GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, GOOD.replace("```", "````"), GOOD.replace("```d", "``` d"),
        GOOD.replace("∇z1 = ", "∇z1\t=\t"), GOOD.replace(" = ", "  =  ", 1), GOOD + "~~~\n```declaer\n~~~\n",
    ],
)  # fmt: skip
def test_what_editors_do_to_a_file(changed, tmp_path):
    path = tmp_path / "a.md"
    right = told(check_derivation(GOOD))
    assert [v[2] for v in right] == ["right", "wrong"]
    assert told(check_derivation(changed)) == right
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(changed.removeprefix("\ufeff").encode(encoding))
        assert told(check_derivation(path)) == right
    assert told(check_derivation(str(path))) == right


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "byte 0x89 in line 1 is not UTF-8"),
        (b"a\n\nb \xe9\n", "byte 0xe9 in line 3 is not UTF-8"),
        (b"abc\0def\n", ":1:4: this is not a text: it contains zero bytes"), (b"", "no block"),
    ],
)  # fmt: skip
def test_files_that_are_no_text(raw, message, tmp_path):
    path = tmp_path / "a.md"
    path.write_bytes(raw)
    found = error(path)
    assert message in str(found)
    assert str(path) in str(found)


def test_no_text_at_all():
    assert str(error("")) == "an empty text, without ```declare, ```forward and ```backward"


@pytest.mark.parametrize("path", ["no/such/file.md", Path("no/such/file.md"), "."])
def test_files_that_are_not_there(path):
    advice = "; give a file, or a text of more than one line"
    assert str(error(path)).endswith(advice) == isinstance(path, str)
    assert str(error(path)).removesuffix(advice).endswith(" directory")


def test_places():
    source = read("ab\n∇c\n")
    assert [source.place(k) for k in range(7)] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1)]
    assert [source.line(n) for n in (1, 2, 3)] == ["ab", "∇c", ""]


@pytest.mark.parametrize(
    "factor",
    [
        "1[x>0]", "(x > 0)", "[x > 0]", "(x ≥ 0)", "(0 < x)", "𝟙_{x > 0}", r"\mathbf{1}[x > 0]", r"\mathbf 1\{x>0\}",
        r"\mathbb{1}_{x \geq 0}", r"\mathbb{I}(x > 0)", "(z > 0)", "(1 + sign(x))/2", "step(x)",
        r"\begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases}",
        r"\begin{cases} 1, & \text{if } x > 0 \\ 0, & \text{otherwise} \end{cases}",
    ],
)  # fmt: skip
def test_a_comparison_is_the_slope_of_relu(factor):
    (only,) = judged(f"∇x = ∇z ∘ {factor}", "layout: same\nx: N×1\ngiven: ∇z", "z = relu(x)")
    assert only.verdict == "right"
    (only,) = judged(f"∇x = ∇z ∘ (1 - {factor})", "layout: same\nx: N×1\ngiven: ∇z", "z = relu(x)")
    assert only.verdict == "wrong"


def test_what_an_unreadable_line_would_set_is_not_said_to_be_missing():
    declare, forward = "layout: same\nW: N×M\nx: M×1\ngiven: dh", "a = W x\nh = relu(a)"
    report = check_derivation(fenced(declare, forward, "da = dh ∘ (a >)\ndW = da xᵀ\ndx = Wᵀ da"))
    assert [v.verdict for v in report.verdicts] == ["unreadable", "right", "right"]
    assert report.parts[0][1].faults == []
    report = check_derivation(fenced(declare, forward, "dW = da xᵀ\ndx = Wᵀ da"))
    assert report.parts[0][1].faults == ["line 12 uses da, which no line sets"]
