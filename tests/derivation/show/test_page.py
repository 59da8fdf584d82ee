"""Reports as HTML: formulas in MathML, every line there, nothing of the file unescaped."""

import re
from functools import cache

import pytest
from markupsafe import Markup

from tests.support.checked_sources import checked
from tests.support.pages import Seen, harmless_page
from tinyad.derivation import check_derivation
from tinyad.derivation.judge.verdicts import Verdict, WorstEntry
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source
from tinyad.derivation.show import page
from tinyad.derivation.show.mathml import BOLD, _element, _mi, _mn, _mo, mathml, statement
from tinyad.derivation.show.prose import Prose, inline
from tinyad.derivation.show.report import Report
from tinyad.html.page import resource

NASTY = "</script></svg></math><img src=x onerror=alert(1)>\"' ]]>&lt;--><!-- \x1b[31m\x07\u202e"
SEEN = "</script></svg></math><img src=x onerror=alert(1)>\"' ]]>&lt;--><!-- \\x1b[31m\\x07\\u202e"
CELL = """\
# A `cell`

Prose with <b>tags</b> & more.

- one

~~~
~~~ left <alone>
~~~

#### Deep

```declare
*: matrix product # as usual
given: ∇h
W, V: N×M
x: M×1
b: N×1
```

```forward
1. z1 = W x
2. f = σ(z1)
3. z2 = V x
4. z3 = f ∘ z2
5. h = z3 + b
```

## Lines

```backward cell
1. ∇z3 = ∇h
2. ∇b = ∇h ∘ f
3. ∇f = ∇z3 ∘ z2ᵀ
4. ∇z2 = ∇z3 ∘ fᵀ
```

The rest.

```backward
5. ∇z1 = ∇f ∘ f
6. ∇W = x ∇z1
7. ∇V = x ∇z2 +
```
"""


@cache
def cell():
    return check_derivation(CELL)


@cache
def pages():
    """Return the reports, each with its page."""
    reports = [cell(), *(checked(f"{name}-corrected") for name in ("slides", "sancho"))]  # plain text and LaTeX
    return [(report, report.html()) for report in reports]


def derivation(declared, forward, lines):
    source = Source(f"```declare\n{declared}\n```\n```forward\n{forward}\n```\n```backward\n{lines}\n```\n")
    return source, derivations(source)[0]


# Formulas

DECLARED = """\
*: matrix product
·: component-wise
indices: j, k
given: ∇h_t
W_fx, V: N×N
x_t, c̃, h_{t-1}: N×1"""


def one(formula):
    source, it = derivation(DECLARED, f"h_t = {formula}", "∇_{x_t} = 1")
    shown = mathml(it.forward[0].members[0], source.text, it.declarations.names)
    return re.sub("</?math[^>]*>|&#8289;", "", shown).replace("<mo></mo>", "")


X = "<msub><mi>x</mi><mi>t</mi></msub>"
BEFORE = "<mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow>"
VKJ = "<msub><mi>V</mi><mrow><mi>k</mi><mi>j</mi></mrow></msub>"
QUOTIENT = "<mfrac><mrow>{0}{1}</mrow><mrow>{0}<mi>c</mi></mrow></mfrac>"
CENTER = '<mtd style="text-align:center">'


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("x_t", X),
        ("W_fx", "<msub><mi>W</mi><mi>fx</mi></msub>"),
        ("W_fxᵀ", "<msubsup><mi>W</mi><mi>fx</mi><mo>⊤</mo></msubsup>"),
        ("c̃", '<mover accent="true"><mi>c</mi><mo>~</mo></mover>'),
        ("h_{t-1}", f"<msub><mi>h</mi>{BEFORE}</msub>"),
        ("h^{(t-1)}", f"<msup><mi>h</mi><mrow><mo>(</mo>{BEFORE}<mo>)</mo></mrow></msup>"),
        ("h^{<t-1>}", f"<msup><mi>h</mi><mrow><mo>⟨</mo>{BEFORE}<mo>⟩</mo></mrow></msup>"),
        ("V x_t", f'<mrow><mi>V</mi><mspace width="0.17em"/>{X}</mrow>'),
        ("V * x_t", f"<mrow><mi>V</mi><mo>∗</mo>{X}</mrow>"),
        ("c̃ ⊙ x_t", f'<mrow><mover accent="true"><mi>c</mi><mo>~</mo></mover><mo>⊙</mo>{X}</mrow>'),
        ("x_t · x_t", f"<mrow>{X}<mo>·</mo>{X}</mrow>"),
        ("1 - x_t", f"<mrow><mn>1</mn><mo>−</mo>{X}</mrow>"),
        ("-x_t", f"<mrow><mo>−</mo>{X}</mrow>"),
        ("x_t / 2.5", f"<mrow>{X}<mo>/</mo><mn>2.5</mn></mrow>"),
        (r"\frac{x_t}{2}", f"<mfrac>{X}<mn>2</mn></mfrac>"),
        ("tanh(x_t)", f"<mrow><mi>tanh</mi><mrow><mo>(</mo>{X}<mo>)</mo></mrow></mrow>"),
        ("tanh²(x_t)", f"<mrow><msup><mi>tanh</mi><mn>2</mn></msup><mrow><mo>(</mo>{X}<mo>)</mo></mrow></mrow>"),
        ("tanh x_t", f'<mrow><mi>tanh</mi><mspace width="0.17em"/>{X}</mrow>'),
        ("σ'(x_t)", f"<mrow><msup><mi>σ</mi><mo>′</mo></msup><mrow><mo>(</mo>{X}<mo>)</mo></mrow></mrow>"),
        ("(x_t + 1)²", f"<msup><mrow><mo>(</mo><mrow>{X}<mo>+</mo><mn>1</mn></mrow><mo>)</mo></mrow><mn>2</mn></msup>"),
        ("V⁻¹", "<msup><mi>V</mi><mrow><mo>−</mo><mn>1</mn></mrow></msup>"),
        ("∑_j V_{kj}", f"<mrow><munder><mo>∑</mo><mi>j</mi></munder>{VKJ}</mrow>"),
        ("I x_t", f'<mrow><mi>I</mi><mspace width="0.17em"/>{X}</mrow>'),
        ("1_{(N,1)}", f"<msub>{BOLD}<mrow><mi>N</mi><mo>,</mo><mn>1</mn></mrow></msub>"),
        (
            "[1, 2; 3, x_t]",
            f"<mrow><mo>[</mo><mtable><mtr>{CENTER}<mn>1</mn></mtd>{CENTER}<mn>2</mn></mtd></mtr>"
            f"<mtr>{CENTER}<mn>3</mn></mtd>{CENTER}{X}</mtd></mtr></mtable><mo>]</mo></mrow>",
        ),
    ],
)  # fmt: skip
def test_a_formula(formula, shown):
    assert one(formula) == shown


def members(line):
    source, it = derivation(DECLARED, "c = V x_t\nh_t = tanh(c)", line)
    (found,) = it.backward[""]
    return re.sub("</?math[^>]*>", "", statement(found, source.text, it.declarations.names))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("∇_{c} L", "<mrow><msub><mo>∇</mo><mi>c</mi></msub><mi>L</mi></mrow>"),
        ("∇c", "<msub><mo>∇</mo><mi>c</mi></msub>"),
        ("dc", "<mrow><mi>d</mi><mi>c</mi></mrow>"),
        ("δc", "<mrow><mi>δ</mi><mi>c</mi></mrow>"),
        ("∂L/∂c", QUOTIENT.format("<mi>∂</mi>", "<mi>L</mi>")),
        ("dL/dc", QUOTIENT.format("<mi>d</mi>", "<mi>L</mi>")),
        (r"\frac{\partial h_t}{\partial c}", QUOTIENT.format("<mi>∂</mi>", "<msub><mi>h</mi><mi>t</mi></msub>")),
    ],
)
def test_a_derivative_as_it_is_written(written, shown):
    assert members(f"{written} += x_t") == f"<mrow>{shown}<mrow><mo>+=</mo>{X}</mrow></mrow>"


def test_a_power_of_a_fraction_is_put_in_brackets():
    assert "<msup><mrow><mo>(</mo><mfrac>" in members(r"∇c = {\frac{\partial L}{\partial c}}^T")


def test_members_and_the_terms_of_a_long_one_stand_below_one_another():
    shown = members("∇c = x_t = 2 x_t")
    assert shown.count("<mtr>") == shown.count("<mo>=</mo>") == 2
    assert members("∇c = " + " + ".join(["x_t - tanh(x_t)"] * 12)).count("<mtr>") == 24


def test_routine():
    shown = members("[dV, dx_t] += deriv(dc, V, x_t, '*')")
    assert "<mtext>‘*’</mtext>" in shown
    assert shown.startswith("<mrow><mrow><mo>[</mo>")
    assert members("[dx_t] += deriv(dc, V, x_t, '*')").startswith("<mrow><mrow><mo>[</mo><mrow><mi>d</mi>")


def test_a_sum_over_time():
    declared = "*: matrix product\ntime: s = 1..S\ngiven: ∇h_s\nV: N×N\nx_s: N×1"
    source, it = derivation(declared, "h_s = V x_s", "∇V = ∑_{s=1}^{S} x^{(s)} + ∑_s x^{(s+1)} + h_0")
    shown = statement(it.backward[""][0], source.text, it.declarations.names)
    assert "<munderover><mo>∑</mo><mrow><mi>s</mi><mo>=</mo><mn>1</mn></mrow><mi>S</mi></munderover>" in shown
    assert "<munder><mo>∑</mo><mi>s</mi></munder>" in shown
    assert "<msub><mi>h</mi><mn>0</mn></msub>" in shown


def test_deep_formulas_and_long_sizes():
    Seen(one("(" * 45 + "x_t" + ")ᵀ" * 45))
    Seen(members(f"∇c = I_{{{'a_' * 3000}a}} x_t"))


# Pages


def test_every_line_is_there():
    for report, html in pages():
        Seen(report._repr_html_())
        seen = Seen(html)
        unread = sum(v.statement is None for v in report.verdicts)
        ids = [value for name, value in seen.attributes if name == "id"]
        assert ids == [f"v{k}" for k in range(len(report.verdicts))]
        equations = sum(len(d.forward) for d in {id(d): d for d, _ in report.parts}.values())
        assert seen.tags.count("math") >= len(report.verdicts) - unread + equations


def test_a_page():
    html = cell().html()
    seen = Seen(html)
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert [tag for tag in seen.tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2", "h2"]
    assert "<h1>A <code>cell</code></h1>" in html
    assert "<p>Prose with &lt;b&gt;tags&lt;/b&gt; &amp; more.</p>" in html
    assert "<ul><li>one</li></ul>" in html
    assert "<p>The rest.</p>" in html
    assert seen.tags.count("caption") == seen.tags.count("thead") == seen.tags.count("table") == 3
    assert seen.tags.count("svg") == 1
    assert html.count('fill="#f4a19b"') > 0
    assert "<mark>" in html
    assert re.search(r'<span class="badge good">\d+ right</span>', html)


def test_a_page_of_what_is_right_has_no_marks():
    html = checked("slides-corrected").html()
    assert not [mark for mark in ("<mark>", 'fill="#f4a19b"', 'class="bad"') if mark in html]


def test_a_fragment_is_no_page():
    html = cell()._repr_html_()
    assert html.startswith('<div class="tinyad">')
    assert not {"html", "head", "body", "main", "h1"} & set(Seen(html).tags)
    assert len(html) < len(cell().html())
    assert " id=" not in html


def test_the_same_twice():
    other = check_derivation(CELL)
    assert (other.html(), other._repr_html_()) == (cell().html(), cell()._repr_html_())


def test_a_tape_that_is_too_long_is_not_drawn(monkeypatch):
    assert "<svg" in cell().html()
    monkeypatch.setattr(page, "DRAWN_STEPS", len(cell().parts[0][1].points[0].forward.tape) - 1)
    assert "<svg" not in cell().html()


def test_nothing_is_fetched_or_run():
    for _, html in pages():
        harmless_page(html, r"#v\d+")


def nasty():
    """A report that says nasty things wherever it can."""
    parts = []
    for derivation, part in cell().parts:
        words = dict.fromkeys(("number", "text", "message", "looks_like", "suggestion", "grade"), NASTY)
        words |= dict.fromkeys(("rules", "notes", "spoils"), (NASTY,))
        verdicts = [
            v._replace(verdict=Verdict.WRONG, worst=WorstEntry(NASTY, 1.0, 2.0), **words) for v in part.verdicts
        ]
        verdicts[0] = verdicts[0]._replace(statement=None)
        texts = {kind: [NASTY] for kind in ("faults", "notes", "not_exercised")}
        forward = [eq._replace(number=NASTY) for eq in derivation.forward]
        parts.append((derivation._replace(forward=forward), part._replace(title=NASTY, verdicts=verdicts, **texts)))
    return Report(cell().source, parts)


def written():
    """A file that says nasty things wherever it can."""
    text = CELL.replace("1. ∇z3 = ∇h", f"1. ∇z3 = ∇h # {NASTY}\n∇f = <img>\n∇z3 = deriv(∇h, z3, '<img>')")
    for words in ("Prose", "A `cell`", "## Lines", "left", "- one", "```backward cell", "# as usual"):
        text = text.replace(words, f"{words} {NASTY} `{NASTY}`")
    report = check_derivation(text)
    report.source.name = NASTY + "\udcff"
    return report


def test_what_is_said_is_escaped():
    for report in (nasty(), written()):
        harmless(report.html())
        harmless(report._repr_html_())


def test_a_plain_string_is_escaped_wherever_it_is_put():
    for put in (_mi, _mn, _mo, lambda text: _element("mtext", text), inline, lambda text: Prose().html(text)):
        assert "<img" not in put("<img src=x>"), put
        assert "&lt;img src=x&gt;" in put("<img src=x>")
        assert isinstance(put("x"), Markup)


def test_names_on_the_tape_are_escaped():
    report = check_derivation(CELL)
    tape = report.parts[0][1].points[0].forward.tape
    for position in tape.names:
        tape.names[position] = f"{NASTY}{position}"
    html = report.html()
    assert "&lt;img src=x" in html.partition("<svg")[2]
    harmless(html)


def harmless(html):
    seen = Seen(html)
    assert set(seen.tags) <= {*Seen(cell().html()).tags, "b", "mtext"}
    assert not any(name.startswith("on") for name, _ in seen.attributes)
    assert SEEN in " ".join(seen.texts)
    assert all(c == "\n" or c.isprintable() or c == "\xa0" for c in html)
    html.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
        ("### Three\ntext", "<h2>Three</h2>\n<p>text</p>"),
        ("## A ##\n#### B\n# C", "<h2>A</h2>\n<h3>B</h3>\n<h2>C</h2>"),
        ("said:\n* a\n  c\n+ b", "<p>said:</p>\n<ul><li>a c</li><li>b</li></ul>"),
        ("1) a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("-1 and **bold** #5", "<p>-1 and **bold** #5</p>"),
        ("a `<b>` `c", "<p>a <code>&lt;b&gt;</code> `c</p>"),
        ("~~~ text\n# <no>\n\n- x\n~~~\n", "<pre><code># &lt;no&gt;\n\n- x\n</code></pre>"),
        ("a\u00a0b", "<p>a b</p>"),
        ("", ""),
    ],
)
def test_prose(text, html):
    assert Prose().html(text).strip("\n") == html


def test_long_lines_of_prose_take_no_time():
    for text in ("# " + "#" * 300_000 + "x", "`" * 300_000, " " * 300_000 + "x", "- " * 150_000, "1" * 300_000):
        Prose().html(text)


def test_contrast():
    """WCAG AA: 4.5 to 1 for all text."""
    pairs = [("#ffffff", badge) for badge in re.findall(r"badge[^}]*background: (#\w+)", resource("style.css"))]
    pairs += re.findall(r"mark {[^}]*background: (#\w+); color: (#\w+)", resource("style.css"))
    for block in re.findall(r":root {([^}]*)}", resource("page.css")):
        colours = dict(re.findall(r"--(\w+): (#\w+)", block))
        inks = [colours[ink] for ink in ("ink", "dim", "link") if ink in colours]
        pairs += [(ink, colours[paper]) for ink in inks for paper in ("paper", "soft")]
    assert len(pairs) > 15
    for pair in pairs:
        light, dark = sorted((luminance(colour) for colour in pair), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, pair


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
