"""The table of LaTeX signs and commands: the token of each, or the class of commands that it belongs to."""

from __future__ import annotations

# fmt: off
GREEK = dict(zip(
    r"""alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho varrho sigma
    varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega""".split(),
    "αβγδεεζηθϑικλμνξπρϱσςτυφφχψωΓΔΘΛΞΠΣΥΦΨΩ", strict=True,
))
COMMAND_TOKENS = {
    name: ("word", name)
    for name in "tanh exp log softmax diag tr sigmoid sinh cosh sin cos tan arctan det max min".split()
}
COMMAND_TOKENS |= {name: ("word", word) for name, word in (*GREEK.items(), ("ln", "log"), ("Tr", "tr"))}
COMMAND_TOKENS |= {"ell": ("word", "ℓ"), "infty": ("word", "∞")}
COMMAND_TOKENS |= {name: ("op", text) for name, text in {
    "nabla": "∇", "partial": "∂", "sum": "Σ", "odot": "∘", "circ": "∘", "ast": "*", "times": "×", "cdot": "·",
    "otimes": "⊗", "oplus": "⊕", "oslash": "/", "div": "/", "equiv": "≡", "coloneqq": "=", "Rightarrow": "⇒",
    "Longrightarrow": "⇒", "implies": "⇒", "in": "∈", "lt": "<", "gt": ">", "prime": "'",
    "colon": ":", "&": "&", "%": "%", "#": "#", "vert": "|", "lvert": "|", "rvert": "|", "mid": "|", "|": "‖",
    "Vert": "‖", "lVert": "‖", "rVert": "‖", "ge": "≥", "geq": "≥", "geqslant": "≥", "le": "≤", "leq": "≤",
    "leqslant": "≤", "ne": "≠", "neq": "≠", "triangleq": "=", "leftarrow": "=", "gets": "=", "prod": "Π",
}.items()}
COMMAND_TOKENS |= {"{": ("open", "{"), "}": ("close", "}"), "lbrace": ("open", "{"), "rbrace": ("close", "}")}
COMMAND_TOKENS |= {"langle": ("open", "⟨"), "rangle": ("close", "⟩")}
COMMAND_TOKENS |= dict.fromkeys(("top", "intercal"), ("word", "⊤"))
COMMAND_TOKENS |= dict.fromkeys("cdots ldots dots vdots ddots dotsc dotsb".split(), ("dots", "…"))
CHARACTER_TOKENS = {c: ("op", c) for c in "+-*@/,;|‖'.:<>=∘·×⊗⊕≡⇒∈∇∂Σ≥≤≠"}
CHARACTER_TOKENS |= {c: ("op", text) for c, text in zip("⊙◦○⊘⋅•∙−–∗∑≔∣′’‘", "∘∘∘/···--*Σ=|'''", strict=True)}
CHARACTER_TOKENS |= {c: ("op", text) for c, text in zip("⩾⩽≜←∏", "≥≤==Π", strict=True)}
CHARACTER_TOKENS |= {c: ("open", c) for c in "([⟨"} | {c: ("close", c) for c in ")]⟩"}
CHARACTER_TOKENS |= dict.fromkeys("…⋯⋮⋱", ("dots", "…")) | dict.fromkeys("𝟏𝟙", ("ones", "1")) | {"⊤": ("word", "⊤")}
WORD_PARTS = {("char", True), ("command", "_")}
KIND_LETTERS = {"word": "w", "group(": "(", ")group": ")"}
JOINED_SIGNS = {"+=": "+=", ":=": "=", "=>": "⇒", ">=": "≥", "<=": "≤", "==": "=", "||": "‖"}
ACCENTS = {"tilde": "\u0303", "widetilde": "\u0303", "hat": "\u0302", "widehat": "\u0302", "bar": "\u0304",
           "overline": "\u0304", "dot": "\u0307", "ddot": "\u0308", "check": "\u030c"}
SPACES = {*", ; : ! > ~".split(), " ", "quad", "qquad", "enspace", "thinspace"}
IGNORED = set("nonumber notag limits nolimits displaystyle textstyle scriptstyle hline bf it sf cal".split())
SIZES = {size + side for size in "big Big bigg Bigg".split() for side in ("", "l", "r", "m")} | {"left", "right"}
BOLD = set("mathbf boldsymbol bm pmb mathbb mathbbm mathds".split())
FONTS = BOLD | set("vec mathcal mathscr mathfrak boxed mathrel mathbin mathop mathord mathopen mathclose".split())
UPRIGHT = set("mathrm mathit mathsf mathtt mathnormal operatorname".split())  # their letters make one word
TEXTS = set("text textrm textbf textit textsf texttt textnormal mbox".split())
CASES = {"cases", "dcases", "rcases"}
LINES = set("align alignat aligned alignedat split equation gather gathered multline flalign eqnarray".split())
MATRICES = set("bmatrix pmatrix matrix Bmatrix smallmatrix array".split())
# fmt: on
