"""How formulas are written: as text, as LaTeX, as MathML."""

from __future__ import annotations

import re

from markupsafe import Markup

from tinyad.printing.formula import POWER, Grammar, Notation, Precedence
from tinyad.printing.markup import filled
from tinyad.printing.text import one_line

ESCAPED = {c: f"\\{c}" for c in "#$%&_{}"} | {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
GREEK = dict(
    alpha="α", beta="β", gamma="γ", delta="δ", epsilon="ε", zeta="ζ", eta="η", theta="θ", kappa="κ", mu="μ", nu="ν",
    xi="ξ", pi="π", rho="ρ", sigma="σ", tau="τ", phi="φ", chi="χ", psi="ψ", omega="ω", **{"lambda": "λ"},
)  # fmt: skip
NAME = re.compile(r"([^\W\d_]+)(\d*)(?:_(\w+))?(?:\[(\w+)\])?")  # z12, W_fC, C_prev[2]
ACCENTS = {"tilde": "~", "hat": "^"}


def latex_name(name: str) -> str:
    r"""z12: z_{12}, W_fC: W_{fC}, C_tilde: \tilde{C}, C_prev[2]: C_{\mathrm{prev}}^{(2)}; what is no name is text."""
    parts = NAME.fullmatch(name)
    if not parts:
        return name if re.fullmatch(r"-?[\d.]+", name) else _latex_word(name)
    letter, digits, low, step = parts.groups()
    base = _latex_letter(letter)
    if low in ACCENTS:
        base, low = rf"\{low}{{{base}}}", None
    subscript = digits + (low if low and len(low) <= 2 else rf"\mathrm{{{low}}}" if low else "").replace("_", r"\_")
    return base + f"_{{{subscript}}}" * bool(subscript) + (f"^{{({step})}}" if step else "")


def _latex_letter(letter: str) -> str:
    """α and alpha are \\alpha; a word is upright."""
    greek = _greek(letter)
    return f"\\{greek}" if greek else letter if len(letter) == 1 else rf"\mathrm{{{letter}}}"


def _greek(letter: str) -> str:
    """alpha for α and alpha, "" for what is no Greek letter."""
    return next((word for word, sign in GREEK.items() if letter in (word, sign)), "")


def _latex_number(number: str) -> str:
    power = POWER.fullmatch(number)
    return rf"{power[1]} \cdot 10^{{{int(power[2])}}}" if power else number


def _latex_word(text: str) -> str:
    return r"\text{%s}" % "".join(ESCAPED.get(c, c) for c in one_line(text))


def _mathml_name(name: str) -> Markup:
    """The same as latex_name; <mi> sets one letter slanted and a word upright."""
    parts = NAME.fullmatch(name)
    if not parts:
        return _mathml_word(name)
    letter, digits, low, step = parts.groups()
    greek = _greek(letter)
    base = filled("<mi>%s</mi>", GREEK[greek] if greek else letter)
    if low in ACCENTS:
        base, low = filled('<mover accent="true">%s<mo>%s</mo></mover>', base, ACCENTS[low]), None
    under = filled("<mn>%s</mn>" if digits else "%s", digits) + filled("<mi>%s</mi>" if low else "%s", low or "")
    over = filled("<mrow><mo>(</mo><mn>%s</mn><mo>)</mo></mrow>", step) if step else ""
    if under and over:
        return filled("<msubsup>%s<mrow>%s</mrow>%s</msubsup>", base, under, over)
    if under:
        return filled("<msub>%s<mrow>%s</mrow></msub>", base, under)
    return filled("<msup>%s%s</msup>", base, over) if over else base


def _mathml_number(number: str) -> Markup:
    power = POWER.fullmatch(number)
    if power:
        digits, exponent = _mathml_number(power[1]), _mathml_number(str(int(power[2])))
        return filled("%s<mo>·</mo><msup><mn>10</mn><mrow>%s</mrow></msup>", digits, exponent)
    if number.startswith("-"):
        return filled("<mo>−</mo><mn>%s</mn>", number[1:])
    return filled("<mn>%s</mn>", number)


def _mathml_word(text: str) -> Markup:
    return filled("<mtext>%s</mtext>", one_line(text))


COMPARISON, SUM, PRODUCT, POSTFIX, ATOM = (
    Precedence.COMPARISON, Precedence.SUM, Precedence.PRODUCT, Precedence.POSTFIX, Precedence.ATOM,
)  # fmt: skip
MATHEMATICS = Grammar(
    {"+": SUM, "-": SUM, "∘": PRODUCT, "*": PRODUCT, "/": PRODUCT},
    {"neg": (PRODUCT, SUM), "transpose": (ATOM, POSTFIX), "inv": (ATOM, POSTFIX)},
    SUM,
    True,
    {">": (SUM, SUM, COMPARISON), "≥": (SUM, SUM, COMPARISON), "**": (ATOM, ATOM, POSTFIX),
     "rows": (ATOM, ATOM, ATOM)},
)  # fmt: skip
RAISED = MATHEMATICS._replace(binary={**MATHEMATICS.binary, "**": (ATOM, COMPARISON, POSTFIX)})  # a raised exponent

TEXT = Notation({
    "+": "%s + %s", "-": "%s - %s", "∘": "%s ∘ %s", "*": "%s * %s", "/": "%s / %s", "neg": "-%s", "none": "%s",
    "transpose": "%sᵀ", "inv": "%s⁻¹", "square": "%s²", "power": "%s²", "stack": "[%s; %s]", "1": "1", "0": "0",
    "∇": "∇%s", "()": "(%s)", "call": "%s(%s)", "deriv": "deriv(%s, '%s')", "x": "%s[0]", "y": "%s[1]",
    ">": "%s > %s", "≥": "%s ≥ %s", "**": "%s^%s", "reciprocal": "%s^(-1)", "abs": "|%s|", "rows": "%s[%s]",
}, {"sigmoid": "σ", "maximum": "max", "minimum": "min"}, one_line, str, one_line, MATHEMATICS)  # fmt: skip

LATEX = Notation({
    "+": "%s + %s", "-": "%s - %s", "∘": r"%s \circ %s", "*": r"%s \, %s", "/": r"%s \oslash %s", "neg": "-%s",
    "none": "%s", "transpose": r"{%s}^\top", "inv": "{%s}^{-1}", "square": "{%s}^2", "power": "%s^2",
    "sqrt": r"\sqrt{%s}", "stack": r"\begin{bmatrix} %s \\ %s \end{bmatrix}", "1": r"\mathbf{1}", "0": "0",
    "∇": r"\nabla_{%s} L", "()": "(%s)", "call": "%s(%s)", "deriv": r"\mathrm{deriv}(%s, %s)",
    "x": "{%s}_{x}", "y": "{%s}_{y}", ">": "%s > %s", "≥": r"%s \geq %s", "**": "{%s}^{%s}",
    "reciprocal": r"{%s}^{\circ -1}", "abs": r"\lvert %s \rvert", "rows": "{%s}_{[%s]}",
}, {"sigmoid": r"\sigma", "maximum": r"\max", "minimum": r"\min",
    **{name: rf"\{name}" for name in ("tanh", "exp", "log", "sin", "cos", "sinh", "cosh")}},
    latex_name, _latex_number, _latex_word, RAISED)  # fmt: skip

MATHML = Notation({symbol: Markup(template) for symbol, template in {
    "+": "%s<mo>+</mo>%s", "-": "%s<mo>−</mo>%s", "∘": "%s<mo>∘</mo>%s", "*": '%s<mspace width="0.2em"/>%s',
    "/": "%s<mo>⊘</mo>%s", "neg": "<mo>−</mo>%s", "none": "%s",
    "transpose": "<msup><mrow>%s</mrow><mo>⊤</mo></msup>",
    "inv": "<msup><mrow>%s</mrow><mrow><mo>−</mo><mn>1</mn></mrow></msup>",
    "square": "<msup><mrow>%s</mrow><mn>2</mn></msup>", "power": "<msup>%s<mn>2</mn></msup>",
    "sqrt": "<msqrt>%s</msqrt>",
    "stack": "<mo>[</mo><mtable><mtr><mtd>%s</mtd></mtr><mtr><mtd>%s</mtd></mtr></mtable><mo>]</mo>",
    "1": '<mn style="font-weight:bold">1</mn>', "0": "<mn>0</mn>",
    "∇": "<msub><mo>∇</mo><mrow>%s</mrow></msub><mi>L</mi>", "()": "<mrow><mo>(</mo>%s<mo>)</mo></mrow>",
    "call": "%s<mo>&#8289;</mo><mrow><mo>(</mo>%s<mo>)</mo></mrow>",
    "deriv": "<mi>deriv</mi><mo>&#8289;</mo><mrow><mo>(</mo>%s<mo>,</mo>%s<mo>)</mo></mrow>",
    "x": "<msub><mrow>%s</mrow><mi>x</mi></msub>", "y": "<msub><mrow>%s</mrow><mi>y</mi></msub>",
    ">": "%s<mo>&gt;</mo>%s", "≥": "%s<mo>≥</mo>%s", "**": "<msup><mrow>%s</mrow><mrow>%s</mrow></msup>",
    "reciprocal": "<msup><mrow>%s</mrow><mrow><mo>∘</mo><mo>−</mo><mn>1</mn></mrow></msup>",
    "abs": "<mrow><mo>|</mo>%s<mo>|</mo></mrow>",
    "rows": "<msub><mrow>%s</mrow><mrow><mo>[</mo>%s<mo>]</mo></mrow></msub>",
}.items()},
    {"sigmoid": filled("<mi>σ</mi>"), "maximum": filled("<mi>max</mi>"), "minimum": filled("<mi>min</mi>"),
     **{name: filled("<mi>%s</mi>", name) for name in ("tanh", "exp", "log", "softmax", "sin", "cos", "sinh", "cosh")}},
    _mathml_name, _mathml_number, _mathml_word, RAISED, Markup("<mo>,</mo>"))  # fmt: skip
