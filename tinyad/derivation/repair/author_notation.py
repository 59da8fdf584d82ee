"""The notation of an author: how names, derivatives, products and transpositions look in one derivation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tinyad.derivation.language.abbreviations import abbreviated
from tinyad.derivation.language.names import Names
from tinyad.derivation.language.plain_tokens import SUBSCRIPTS
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, Vec, walk
from tinyad.derivation.language.tokenizer import tokens_of
from tinyad.derivation.repair import limits

OPEN, CLOSE = Token("open", "(", 0, 0), Token("close", ")", 0, 0)
PROGRAM = re.compile(r"\*\*|\.T\b|\bnp\.\w")
WITH_INVERSES = ("inv", "det", "logdet", "bars")  # functions with an inverse in their derivatives
TRANSPOSED = ("⊤", "T", "'")


class Fragment(NamedTuple):
    """A formula, or a part of one, as its author writes it: its tokens and its text."""

    tokens: tuple[Token, ...]
    text: str


def joined(*fragments: Fragment | str) -> Fragment:
    """Return fragments side by side; a str is white space between them."""
    tokens = tuple(token for part in fragments if isinstance(part, Fragment) for token in part.tokens)
    return Fragment(tokens, "".join(part if isinstance(part, str) else part.text for part in fragments))


def bracketed(fragment: Fragment) -> Fragment:
    """Return a fragment in brackets."""
    return Fragment((OPEN, *fragment.tokens, CLOSE), f"({fragment.text})")


def sign_token(text: str) -> Token:
    """Return a sign that stands nowhere in the file yet."""
    return Token("op", text, 0, 0)


def number_token(text: str) -> Token:
    """Return a number that stands nowhere in the file yet."""
    return Token("number", text, 0, 0)


def tokenized(text: str, title: str, of: Source) -> tuple[Token, ...]:
    """Return the tokens of a text that stands in no file, as it is read in a source, with its macros."""
    source = Source(text, title)
    source.macros = of.macros
    return tuple(t for t in tokens_of(source, 0, len(text), latex=of.is_document) if t.kind not in ("end", "quad"))


def token_span(tokens: Sequence[Token], node: Node) -> tuple[int, int]:
    """Return which tokens a node was read from, first to last (not included).

    Scripts without braces have group tokens of no length at their ends.
    """
    first = next(k for k, t in enumerate(tokens) if t.start >= node.start and t.end > t.start)
    last = next((k for k in range(first, len(tokens)) if tokens[k].start >= node.end), len(tokens))
    while last < len(tokens) and _open_groups(tokens[first:last]) > 0:
        last += 1
    return first, last


def _open_groups(tokens: Sequence[Token]) -> int:
    return sum({"group(": 1, ")group": -1}.get(t.kind, 0) for t in tokens)


def fragment_of(source: Source, line: Statement, node: Node) -> Fragment:
    """Return a part of a line as it stands in the file."""
    return Fragment(line.tokens[slice(*token_span(line.tokens, node))], source.text[node.start : node.end])


def equals_sign(tokens: Sequence[Token]) -> int:
    """Return where the sign behind the left-hand side stands."""
    return next(k for k, t in enumerate(tokens) if t.kind == "op" and t.text in ("=", "+=", "≡"))


def names_in(node: Node) -> Iterator[Node]:
    """Yield the names and derivatives in a formula, without those in dX, a sign of its own."""
    rest = [node]
    while rest:
        node = rest.pop()
        if node.kind in ("name", "d"):
            yield node
        elif node.parts and not abbreviated(node) and not is_differential_of_name(node):
            rest += node.parts[::-1]


def is_differential_of_name(node: Node) -> bool:
    """Return whether a formula is dX, of which X is no part that stands for itself."""
    return node.kind == "differential" and node.parts[0].kind == "name"


def is_ratio(node: Node, above: float, below: float) -> bool:
    """Return whether a formula is a fraction of these two numbers."""
    numbers = [(part.kind, part.value) for part in node.parts]
    return node.kind == "/" and numbers == [("number", above), ("number", below)]


def ref_of(node: Node) -> Ref:
    """Return what a name, or a derivative, is the name or derivative of."""
    ref: Ref = node.value if node.kind == "name" else node.value[0]
    return ref


class AuthorNotation:
    """The notation of one author, as the lines of a derivation show it."""

    def __init__(
        self,
        source: Source,
        names: Names,
        lines: Sequence[Statement],
        latex: bool,
        given: Sequence[tuple[Ref, Fragment]] = (),
    ) -> None:
        self.source, self.names, self.latex = source, names, latex
        self.known: dict[tuple[str, Ref], Fragment] = {}  # ("name" or "d", what of) → how it is written
        self.labelled: dict[tuple[Ref, str], Fragment] = {}  # parts of derivatives, by their labels
        self._fragments: dict[str, Fragment] = {}  # texts with their tokens
        self.patterns: list[tuple[Fragment, Ref]] = []  # derivatives, for others to be made after
        for line in lines:
            for part in (*(line.left if line.vec in (None, Vec.OF_DERIVATIVE) else ()), *line.members):
                for node in names_in(part):
                    self._learn(line, node)
        for ref, fragment in given:
            if ("d", ref) not in self.known:
                self.known["d", ref] = fragment
                self.patterns.append((fragment, ref))
        nodes = [n for line in lines for member in line.members for n in walk(member)]
        self.primed = {n.value.key for n in nodes if n.kind == "prime"}  # functions whose derivative is f'(x)
        self.has_primes = bool(self.primed)
        self._calls = Counter(self._plain(source.text[n.start : n.end]) for n in nodes if n.kind == "call")
        self.factor_pairs = {(_factor_key(n.parts[0]), _factor_key(n.parts[1])) for n in nodes if n.kind == "∘"}
        self.has_sum_over_time = True
        self.product_text = self._product_text(nodes)
        self.sum_over_time = self._sum_over_time(nodes)
        self.program = any(PROGRAM.search(source.text, line.start, line.end) for line in lines)  # W.T, h**2
        self.square_text = "^2" if latex else "**2" if self.program else "²"
        self.transpose_mark = self._transpose_mark(lines)
        self.circle = self._circle(lines)
        called = {names.functions.get(n.value.key, n.value.key) for n in nodes if n.kind == "call"}
        self._moved = [
            n for line in lines for f in (*line.left, *line.members) for n in walk(f) if is_differential_of_name(n)
        ]
        self.has_inverses = any(n.kind == "inverse" for n in nodes) or not called.isdisjoint(WITH_INVERSES)
        self.inverse_text, self.transposed_inverse_text = self._inverse_texts(nodes)
        self.reciprocals = {
            n.parts[1].value: source.text[n.start : n.end]
            for n in nodes
            if n.kind == "/" and n.parts[1].kind == "name" and (n.parts[0].kind, n.parts[0].value) == ("number", 1.0)
        }
        self.has_fractions = latex and any(n.kind == "/" and n.value is None for n in nodes)
        self.ones_text = next((source.text[n.start : n.end] for n in nodes if (n.kind, n.value) == ("ones", None)), "")
        halves = [n for n in nodes if (n.kind, n.value) == ("number", limits.HALF) or is_ratio(n, 1.0, 2.0)]
        self.has_halves = latex or bool(halves)
        self.half_text = self._half_text(halves)
        self.axis_sums = self._axis_sums(nodes)
        self._inner_signs = self._signs_of_inner_products(nodes)
        eyes = [(n.value, source.text[n.start : n.end]) for n in nodes if n.kind == "eye" and n.value is not None]
        self.sized_eye = next(((size, text) for size, text in eyes if size.isalpha()), ("", ""))
        krons = [n for n in nodes if n.kind == "call" and n.value.key == "kron"]
        calls = (source.text[n.start : n.parts[0].start].strip() for n in krons)
        plain = "np.kron" if self.program else "kron"
        self.kron_call = next((text[:-1] for text in calls if text.endswith("(")), plain)
        self.scale_text = self._scale_text(nodes)

    def _learn(self, line: Statement, node: Node) -> None:
        ref, fragment = ref_of(node), fragment_of(self.source, line, node)
        if node.kind == "d" and node.value[1] is not None:
            self.labelled.setdefault(node.value, fragment)
            return
        self.known.setdefault((node.kind, ref), fragment)
        if node.kind == "d":
            self.patterns.append((self._without_arguments(fragment), ref))

    def _without_arguments(self, fragment: Fragment) -> Fragment:
        """Return a derivative without the (w) of ∇_w J(w)."""
        for token, after in pairwise(fragment.tokens):
            if token.text == self.names.loss and after.kind == "open":
                k, end = fragment.tokens.index(after), token.end - fragment.tokens[0].start
                return Fragment(fragment.tokens[:k], fragment.text[:end])
        return fragment

    def _transpose_mark(self, lines: Sequence[Statement]) -> Fragment:
        for line in lines:
            for k, token in enumerate(line.tokens):
                if token[:2] == ("op", "^") and k + 3 < len(line.tokens) and not _is_limit_of_sum(line.tokens, k):
                    inner = line.tokens[k + 2]
                    if inner.text in TRANSPOSED and line.tokens[k + 3].kind == ")group":
                        end = max(t.end for t in line.tokens[k : k + 4])
                        return Fragment(line.tokens[k : k + 4], self.source.text[token.start : end])
        plain = ".T" if self.program else "ᵀ"
        return Fragment(exponent(Token("word", "T", 0, 0)), r"^\top" if self.latex else plain)

    def _inverse_texts(self, nodes: Sequence[Node]) -> tuple[str, str]:
        """Return what makes an inverse of a name, and a transposed inverse."""
        turned = {id(n.parts[0]) for n in nodes if n.kind == "transpose" and n.parts[0].end == n.end}
        texts = {id(n) in turned: self.source.text[n.parts[0].end : n.end] for n in nodes if n.kind == "inverse"}
        script = self.latex or any("^" in text for text in texts.values())
        mark = r"\top" if self.latex and self.transpose_mark.text != "^T" else "T"
        plain = ("^{-1}", f"^{{-{mark}}}") if script else ("⁻¹", "⁻ᵀ")
        return texts.get(False, plain[0]), texts.get(True, plain[1])

    def _axis_sums(self, nodes: Sequence[Node]) -> tuple[str, str] | None:
        """Return what stands before and behind the argument of a sum over the rows, np.sum( and , axis=0)."""
        for n in (n for n in nodes if n.kind == "call" and n.value.key in ("sum_axis0", "sum_axis1")):
            head = self.source.text[n.start : n.parts[0].start].strip()
            tail = self.source.text[n.parts[0].end : n.end]
            if not head and tail.startswith(".sum("):
                head, tail = "(", f"){tail}"
            if head.endswith("(") and tail.startswith((",", ").")):
                return head, tail.replace("1", "0") if n.value.key == "sum_axis1" else tail
        return None

    def _signs_of_inner_products(self, nodes: Sequence[Node]) -> tuple[str, str, str] | None:
        """Return what stands before, between and behind the factors of an inner product; None where there is none."""
        text = self.source.text
        for n in nodes:
            if n.kind == "call" and n.value.key == "inner" and n.start < n.parts[0].start:
                first, second = n.parts
                signs = text[n.start : first.start], text[first.end : second.start], text[second.end : n.end]
                if not signs[0].startswith("inner"):
                    return signs
        return None

    def inner_signs(self, of_matrices: bool) -> tuple[str, str, str] | None:
        """Return the same, with the F of an inner product of matrices only there."""
        if self._inner_signs is None or of_matrices:
            return self._inner_signs
        before, between, behind = self._inner_signs
        return before, between, behind.partition("_")[0]

    def sum_along(self, text: str, axis: int) -> str:
        """Return the sums of a formula over its rows (axis 0) or columns as the author calls them, or ""."""
        head, tail = self.axis_sums or ("", "")
        return f"{head}{text}{tail.replace('0', str(axis))}" if head else ""

    def _half_text(self, halves: Sequence[Node]) -> str:
        """Return how one half is written."""
        if halves:
            return self.source.text[halves[0].start : halves[0].end]
        return r"\frac12" if self.latex else "0.5" if self.program else "1/2"

    def _scale_text(self, nodes: Sequence[Node]) -> str:
        """Return what stands between a number and what it multiplies."""
        gaps = Counter(
            self.source.text[n.parts[0].end : n.parts[1].start].strip()
            for n in nodes
            if n.kind in ("*", "∘") and n.parts[0].kind == "number" and n.parts[0].value != 1
        )
        sign = max(gaps, key=lambda gap: gaps[gap], default="*" if self.program else self.product_text.strip())
        return f" {sign} " if sign else " "

    def plain(self, text: str) -> Fragment:
        """Return a text with its tokens."""
        if text not in self._fragments:
            tokens = tokenized(text, "plain", self.source) if text.strip() else ()
            self._fragments[text] = Fragment(tokens, text)
        return self._fragments[text]

    def mark(self, text: str) -> Fragment:
        """Return what stands behind a name, such as an exponent, with its tokens."""
        return Fragment(self.plain(f"x{text}").tokens[1:], text)

    def comparison_text(self, sign: str) -> str:
        """Return a comparison as it is written."""
        words = {"≥": ">=", "≤": "<="} if self.program else {"≥": r"\geq ", "≤": r"\leq "} if self.latex else {}
        return words.get(sign, sign)

    def power_text(self, exponent: float) -> str:
        """Return what makes a power of a name."""
        whole = exponent == int(exponent)
        if exponent == 2:
            return self.square_text
        shown = f"{exponent:g}" if whole else f"{2 * exponent:g}/2"
        if self.program:
            return f"**{shown}" if whole and exponent > 0 else f"**({shown})"
        return f"^{shown}" if len(shown) == 1 else f"^{{{shown}}}"

    @staticmethod
    def _plain(text: str) -> str:
        return "".join(text.split())

    @property
    def product(self) -> Fragment:
        """Return what stands between the factors of a matrix product: the author's sign for it, or a space."""
        return Fragment(
            tokenized(self.product_text, "product", self.source) if self.product_text.strip() else (), self.product_text
        )

    def uses_call(self, text: str) -> bool:
        """Return whether a call that stands in the forward stands in a line as well."""
        return self._calls[self._plain(text)] > 1

    def _product_text(self, nodes: Sequence[Node]) -> str:
        """Return what stands between the factors of a matrix product: the sign that most of them have, or a space."""
        signs = Counter("" if n.value is None else self.source.text[slice(*n.value)] for n in nodes if n.kind == "*")
        sign = max(signs, key=lambda text: signs[text], default="")
        return f" {sign} " if sign else " "

    def _sum_over_time(self, nodes: Sequence[Node]) -> str:
        """Return how a sum over all times begins."""
        heads = [n for n in nodes if n.kind == "sum" and n.value[0] == "time" and n.value[1] in (None, ("=", 1))]
        if heads:
            return self.source.text[heads[0].start : heads[0].parts[0].start].strip()
        self.has_sum_over_time = False
        return rf"\sum_{self.names.time}" if self.latex else f"Σ_{self.names.time}"

    def sum_over(self, letter: str) -> str:
        """Return how a sum over an index, or over the members of a family, begins."""
        return rf"\sum_{letter}" if self.latex else f"Σ_{letter}"

    def _circle(self, lines: Sequence[Statement]) -> Fragment:
        """Return the component-wise product, with a space on either side."""
        for line in lines:
            for node in (n for member in line.members for n in walk(member)):
                if node.kind == "∘" and node.value is not None:
                    text = self.source.text[slice(*node.value)]
                    token = next(t for t in line.tokens if t.start == node.value[0] and t.end > t.start)
                    return Fragment((token,), f" {text} ")
        return Fragment((sign_token("∘"),), r" \circ " if self.latex else " ∘ ")

    def transposed(self, fragment: Fragment) -> Fragment:
        """Return a name with the sign of a transpose, in brackets if it has a superscript."""
        inner = bracketed(fragment) if has_superscript(fragment) else fragment
        return joined(inner, self.transpose_mark)

    def fragment(self, kind: str, ref: Ref) -> Fragment | None:
        """Return the name ("name") or the derivative ("d") of something; None if there is no pattern for it."""
        return self.name(ref) if kind == "name" else self.derivative(ref)

    def name(self, ref: Ref) -> Fragment | None:
        """Return a name, if need be after its pattern at another time or index; None if there is no pattern."""
        return (
            self.known.get(("name", ref))
            or self._inside_derivative(ref)
            or self._at_other_indices(ref)
            or self._at_another_time("name", ref)
        )

    def derivative(self, ref: Ref, like: Fragment | None = None, of: Ref | None = None) -> Fragment | None:
        """Return a derivative, if need be after a pattern: first the derivative `like` of another name, `of`."""
        known = self.known.get(("d", ref)) or self._at_another_time("d", ref)
        old, name = of and self.name(of), self.name(ref)
        made = with_name(like, old, name) if like and old and name else None
        if made is not None:
            return made
        return known if known is not None or name is None else self._after_patterns(name)

    def differential(self, ref: Ref) -> Fragment | None:
        """Return the differential of a name; None if there are no differentials, or the name is unknown."""
        name = self.name(ref) if self.names.differentials else None
        if name is None:
            return None
        heads = (self._head(node) for node in self._moved)
        return self.plain(next((head for head in heads if head), "d") + name.text)

    def _head(self, node: Node) -> str:
        """Return what stands before the name in dX: d, or \\mathrm{d}; "" where the name stands nowhere else."""
        text, name = self.source.text[node.start : node.end], self.name(node.parts[0].value)
        return text.removesuffix(name.text) if name is not None and text.endswith(name.text) else ""

    def _after_patterns(self, name: Fragment) -> Fragment | None:
        """Return the derivative for a name after the pattern of another one."""
        for pattern, inner in self.patterns[: limits.PATTERNS]:
            old = self.name(inner)
            made = None if old is None else with_name(pattern, old, name)
            if made is not None:
                return made
        return None

    def component(self, kind: str, ref: Ref) -> Fragment | None:
        """Return the component of a name or of a derivative, also of one that stands nowhere with indices."""
        known = self.fragment(kind, ref)
        name = self._with_indices(ref) if known is None else None
        if name is None:
            return known
        return name if kind == "name" else self._after_patterns(name)

    def labelled_derivative(self, ref: Ref, label: str) -> Fragment | None:
        """Return a part of a derivative, if need be after the pattern of another part of it."""
        known = self.labelled.get((ref, label))
        if known is None:
            pattern = next(((other, s) for (like, other), s in self.labelled.items() if like == ref), None)
            if pattern is not None:
                text = pattern[1].text.replace(pattern[0], label)
                known = Fragment(tokenized(text, "part", self.source), text)
        return known

    def _at_other_indices(self, ref: Ref) -> Fragment | None:
        """Return a name after the same name with indices, or with other ones."""
        for (kind, other), fragment in self.known.items():
            if kind == "name" and (other.key, other.time) == (ref.key, ref.time):
                if other.indices and not ref.indices:
                    return without_indices(fragment, other.indices)
                if ref.indices and len(other.indices) == len(ref.indices):
                    return with_indices(fragment, other.indices, ref.indices)
        return None

    def _with_indices(self, ref: Ref) -> Fragment | None:
        """Return a name that stands nowhere with indices as a component: x_i for x."""
        plain = self.known.get(("name", ref._replace(indices=()))) if ref.indices else None
        if plain is None:
            return None
        scripted = any((token.kind, token.text) in (("op", "_"), ("op", "^")) for token in plain.tokens)
        return self.plain(self.with_indices(f"({plain.text})" if scripted else plain.text, ref.indices))

    def with_indices(self, text: str, indices: Sequence[str]) -> str:
        """Return a name, or a formula in brackets, with indices."""
        letters = "".join(indices)
        return f"{text}_{{{letters}}}" if self.latex and len(letters) > 1 else f"{text}_{letters}"

    def _at_another_time(self, kind: str, ref: Ref) -> Fragment | None:
        """Return a name or derivative at t - 1, t or t + 1 after the same at another of these times."""
        if not self.names.last or ref.time is None or ref.time not in [("t", k) for k in (-1, 0, 1)]:
            return None
        for shift in (0, 1, -1):
            known = self.known.get((kind, ref._replace(time=("t", shift))))
            at = known and time_tokens(known.tokens, self.names.time)
            if known and at and shift != ref.time[1]:
                k, end = at
                first = known.tokens[0].start
                start, stop = known.tokens[k].start - first, known.tokens[end - 1].end - first
                new = time_fragment(known.tokens[k], ref.time[1], known.text[start - 1 : stop])
                text = known.text[:start] + new.text + known.text[stop:]
                return Fragment((*known.tokens[:k], *new.tokens, *known.tokens[end:]), text)
        return None

    def _inside_derivative(self, ref: Ref) -> Fragment | None:
        """Return a name that occurs only inside of its derivative."""
        derivative = self.known.get(("d", ref))
        if derivative is None:
            return None
        for pattern, other in self.patterns[: limits.PATTERNS]:
            inner = self.known.get(("name", other))
            if inner is None or inner.text not in pattern.text:
                continue
            k = _last_index(pattern, inner)
            head, _, tail = pattern.text.rpartition(inner.text)
            if k is not None and derivative.text.startswith(head) and derivative.text.endswith(tail):
                end = len(derivative.tokens) - (len(pattern.tokens) - k - len(inner.tokens))
                return Fragment(derivative.tokens[k:end], derivative.text[len(head) : len(derivative.text) - len(tail)])
        return None


def _is_limit_of_sum(tokens: Sequence[Token], k: int) -> bool:
    """Return whether the ^ at k has the last value of a sum above it, as in Σ_{t=1}^T."""
    depth = 0
    for j in range(k - 1, 0, -1):
        depth += (tokens[j].kind == ")group") - (tokens[j].kind == "group(")
        if not depth:
            return tokens[j].kind == "group(" and j > 1 and tokens[j - 2][:2] == ("op", "Σ")
    return False


def _factor_key(node: Node) -> str:
    """Return which name or derivative a factor is, whatever its time; "" for another formula."""
    return f"{node.kind} {ref_of(node).key}" if node.kind in ("name", "d") else ""


def has_superscript(fragment: Fragment) -> bool:
    """Return whether a superscript ends a name, beside which no other one can stand: W^f."""
    depth = 0
    for k, token in enumerate(fragment.tokens):
        depth += {"open": 1, "close": -1, "group(": 1, ")group": -1}.get(token.kind, 0)
        if depth == 0 and (token.kind, token.text) == ("op", "^") and "^" in fragment.text and k:
            return True
    return False


def exponent(token: Token) -> tuple[Token, ...]:
    """Return the tokens of an exponent."""
    return sign_token("^"), Token("group(", "", 0, 0), token, Token(")group", "", 0, 0)


def time_tokens(tokens: Sequence[Token], letter: str) -> tuple[int, int] | None:
    """Return which tokens of a name are t, t - 1 or t + 1; None if none are."""
    k = next((k for k, token in enumerate(tokens) if token.text == letter), None)
    if k is None:
        return None
    shifted = k + 2 < len(tokens) and tokens[k + 1].kind == "op" and tokens[k + 1].text in "+-"
    return k, k + 3 if shifted else k + 1


def time_fragment(token: Token, shift: int, before: str) -> Fragment:
    """Return the time t + shift, written as `before` is, which it replaces: in signs below, in brackets, or bare."""
    tokens, text = [token], f"{token.text}{shift:+d}" if shift else token.text
    if shift:
        tokens += [sign_token(text[1]), number_token("1")]
    if before[1:] and before[1] in SUBSCRIPTS:
        low = {plain: sign for sign, plain in SUBSCRIPTS.items()}
        return Fragment(tuple(tokens), "".join(low[c] for c in text))
    return Fragment(tuple(tokens), text if before[0] in "({<" or not shift else "{" + text + "}")


def with_indices(fragment: Fragment, old: Sequence[str], new: Sequence[str]) -> Fragment:
    """Return a name with other component indices."""
    letters = dict(zip(old, new, strict=True))
    tokens, text, start = [], fragment.text, fragment.tokens[0].start
    for token in reversed(fragment.tokens):
        if token.text and all(c in letters for c in token.text) and token is not fragment.tokens[0]:
            word = "".join(letters[c] for c in token.text)
            text = text[: token.start - start] + word + text[token.end - start :]
            token = token._replace(text=word)
        tokens.append(token)
    return Fragment(tuple(reversed(tokens)), text)


def without_indices(fragment: Fragment, indices: Sequence[str]) -> Fragment | None:
    """Return a name without its component indices; None where they stand in no script of their own."""
    tokens, start = fragment.tokens, fragment.tokens[0].start
    for k, token in enumerate(tokens[:-3]):
        last = next((j for j in range(k, len(tokens)) if tokens[j].kind == ")group"), k)
        inside = "".join(t.text for t in tokens[k + 2 : last])
        if (token.kind, token.text) == ("op", "_") and inside == "".join(indices):
            end = tokens[last].end
            text = fragment.text[: token.start - start] + fragment.text[end - start :]
            return Fragment((*tokens[:k], *tokens[last + 1 :]), text)
    return None


def with_name(pattern: Fragment, old: Fragment, new: Fragment) -> Fragment | None:
    """Return a derivative with another name in it; None where its old name does not stand apart."""
    k = _last_index(pattern, old)
    if k is not None and old.text and old.text in pattern.text:
        head, _, tail = pattern.text.rpartition(old.text)
        tokens = *pattern.tokens[:k], *new.tokens, *pattern.tokens[k + len(old.tokens) :]
        braced = f"{{{new.text}}}" if head.endswith(("_", "^")) and len(new.tokens) > 1 else new.text
        return Fragment(tokens, head + braced + tail)
    return _with_name_behind_d(pattern, old, new)


def _with_name_behind_d(pattern: Fragment, old: Fragment, new: Fragment) -> Fragment | None:
    """Return the same where d and the name are one word: dz, or dL/dz."""
    texts, inner = _texts(pattern.tokens), _texts(old.tokens)
    for k in range(len(texts) - len(inner), -1, -1):
        token = pattern.tokens[k]
        if token.kind != "word" or token.text[:1] not in ("d", "δ", "∂") or token.text[1:] != inner[0]:
            continue
        if texts[k + 1 : k + len(inner)] == inner[1:]:
            word = new.tokens[0]._replace(text=token.text[0] + new.tokens[0].text)
            end = k + len(inner)
            at = token.start - pattern.tokens[0].start + 1
            last = pattern.tokens[end - 1].end - pattern.tokens[0].start
            if pattern.text[at - 1] != token.text[0]:
                continue
            text = pattern.text[:at] + new.text + pattern.text[last:]
            return Fragment((*pattern.tokens[:k], word, *new.tokens[1:], *pattern.tokens[end:]), text)
    return None


def _last_index(pattern: Fragment, part: Fragment) -> int | None:
    """Return at which token of a fragment another one stands in it for the last time."""
    texts, inner = _texts(pattern.tokens), _texts(part.tokens)
    return next((k for k in range(len(texts) - len(inner), -1, -1) if texts[k : k + len(inner)] == inner), None)


def _texts(tokens: Iterable[Token]) -> list[str]:
    return [token.text for token in tokens]
