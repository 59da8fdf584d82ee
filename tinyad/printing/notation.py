"""How formulas are written: as text, as LaTeX, as MathML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tinyad.printing.text import one_line, safe

ESCAPED = {c: f"\\{c}" for c in "#$%&_{}"} | {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
GREEK = dict(
    alpha="α", beta="β", gamma="γ", delta="δ", epsilon="ε", zeta="ζ", eta="η", theta="θ", kappa="κ", mu="μ", nu="ν",
    xi="ξ", pi="π", rho="ρ", sigma="σ", tau="τ", phi="φ", chi="χ", psi="ψ", omega="ω", **{"lambda": "λ"},
)  # fmt: skip
POWER = re.compile(r"(-?[\d.]+)e([-+]?\d+)")  # 1e-05
NAME = re.compile(r"([^\W\d_]+)(\d*)(?:_(\w+))?(?:\[(\w+)\])?")  # z12, W_fC, C_prev[2]
ACCENTS = {"tilde": "~", "hat": "^"}


class Notation(NamedTuple):
    """`signs`: symbol of an operation → template; `functions`: symbol → its name, if that is not the symbol itself."""

    signs: Mapping[str, str]
    functions: Mapping[str, str]
    name: Callable[[str], str]  # of a Variable
    number: Callable[[str], str]
    word: Callable[[str], str]  # what is no name
    comma: str = ", "


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


def _mathml_name(name: str) -> str:
    """The same as latex_name; <mi> sets one letter slanted and a word upright."""
    parts = NAME.fullmatch(name)
    if not parts:
        return f"<mtext>{safe(one_line(name))}</mtext>"
    letter, digits, low, step = parts.groups()
    greek = _greek(letter)
    base = f"<mi>{GREEK[greek] if greek else safe(letter)}</mi>"
    if low in ACCENTS:
        base, low = f'<mover accent="true">{base}<mo>{ACCENTS[low]}</mo></mover>', None
    under = "".join([f"<mn>{digits}</mn>" * bool(digits), f"<mi>{safe(low)}</mi>" if low else ""])
    over = f"<mrow><mo>(</mo><mn>{safe(step)}</mn><mo>)</mo></mrow>" if step else ""
    if under and over:
        return f"<msubsup>{base}<mrow>{under}</mrow>{over}</msubsup>"
    return f"<msub>{base}<mrow>{under}</mrow></msub>" if under else f"<msup>{base}{over}</msup>" if over else base


def _mathml_number(number: str) -> str:
    power = POWER.fullmatch(number)
    if not power:
        return f"<mo>−</mo><mn>{safe(number[1:])}</mn>" if number[:1] == "-" else f"<mn>{safe(number)}</mn>"
    return (
        f"{_mathml_number(power[1])}<mo>·</mo><msup><mn>10</mn><mrow>{_mathml_number(str(int(power[2])))}</mrow></msup>"
    )


def _mathml_word(text: str) -> str:
    return f"<mtext>{safe(one_line(text))}</mtext>"


TEXT = Notation({
    "+": "%s + %s", "-": "%s - %s", "∘": "%s ∘ %s", "*": "%s * %s", "/": "%s / %s", "neg": "-%s", "none": "%s",
    "transpose": "%sᵀ", "inv": "%s⁻¹", "square": "%s²", "power": "%s²", "stack": "[%s; %s]", "1": "1", "0": "0",
    "∇": "∇%s", "()": "(%s)", "call": "%s(%s)", "deriv": "deriv(%s, '%s')", "x": "%s[0]", "y": "%s[1]",
}, {"sigmoid": "σ"}, one_line, str, one_line)  # fmt: skip

LATEX = Notation({
    "+": "%s + %s", "-": "%s - %s", "∘": r"%s \circ %s", "*": r"%s \, %s", "/": r"%s \oslash %s", "neg": "-%s",
    "none": "%s", "transpose": r"{%s}^\top", "inv": "{%s}^{-1}", "square": "{%s}^2", "power": "%s^2",
    "sqrt": r"\sqrt{%s}", "stack": r"\begin{bmatrix} %s \\ %s \end{bmatrix}", "1": r"\mathbf{1}", "0": "0",
    "∇": r"\nabla_{%s} L", "()": "(%s)", "call": "%s(%s)", "deriv": r"\mathrm{deriv}(%s, %s)",
    "x": "{%s}_{x}", "y": "{%s}_{y}",
}, {"sigmoid": r"\sigma", "tanh": r"\tanh", "exp": r"\exp", "log": r"\log"},
    latex_name, _latex_number, _latex_word)  # fmt: skip

MATHML = Notation({
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
}, {"sigmoid": "<mi>σ</mi>", **{name: f"<mi>{name}</mi>" for name in ("tanh", "exp", "log", "softmax")}},
    _mathml_name, _mathml_number, _mathml_word, "<mo>,</mo>")  # fmt: skip
