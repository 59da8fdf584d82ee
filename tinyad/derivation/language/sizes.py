"""Sizes as people write them: N×M, (N, M), ℝ^{N×M}, an N × M matrix, a vector of length N."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tinyad.derivation.language.limits import DECLARED_SIZE, INDEX_DIGITS

Side = tuple[tuple[str, int], ...]  # a sum of multiples of symbols; a number is a multiple of "", C*H is a product
OPEN, CLOSE = "([{", ")]}"
FIELD = re.compile(
    r"(?:ℝ|\\math(?:bb|bf|cal|rm)\s*(?:\{\s*R\s*\}|R)|\\R(?![A-Za-z])|R(?![A-Za-z])"
    r"|\\?\{\s*[-+−]?[01]\s*,\s*\+?1\s*\\?\}|\[\s*0\s*,\s*1\s*\])\s*(?:_\{?[+>0]{1,2}\}?)?\s*"
)
MEMBER = re.compile(r"∈|\\in(?![A-Za-z])")
LISTED = re.compile(r"[(\[]\s*([^,\[\]]+?)\s*,\s*([^,\[\]]+?)?\s*[)\]]")  # (N, M) and (N,)
LETTER_X = re.compile(r"([^\W_]\w*?)\s*[xX*]\s*([^\W_]\w*)")  # NxM and N*M
UPRIGHT = re.compile(r"\\(?:text|textrm|textit|mathrm|mathit|operatorname|rm|mathsf)(?![A-Za-z])")
SIGN = re.compile(r"\s*([-+−])\s*")
FACTOR_SIGN = re.compile(r"\s*(?:\*|·|\\cdot)\s*")
ARTICLES = ("a", "an", "the", "real", "real-valued", "some", "dense", "constant", "fixed", "single")
OF_SIZE = re.compile(
    r"(?:(?:of|with|has|having)\s+)?(?:an?\s+)?(?:the\s+)?(?:size|shape|length|dimensions?|dimensionality)\s+(.+)"
)
WITH_ENTRIES = re.compile(
    r"(?:with|of|has|having)\s+(\S+)\s+(?:entries|elements|components|dimensions|numbers|features)"
)
BEFORE_VECTOR = re.compile(r"(\S+?)(?:-|\s+)(?:dimensional|vector)")


class SizeError(ValueError):
    """Say that a text is no side of a size, and why."""


def side_of(text: str) -> Side:
    """Return N, 4N, N+M, N-1, C*9 or 3 as ((symbol, factor), ...); raise SizeError for anything else."""
    plain = UPRIGHT.sub("", text.strip("$ ")).replace("\\,", "").replace("\\_", "_")
    terms: Counter[str] = Counter()
    parts = SIGN.split(plain.strip(OPEN + CLOSE) if plain[:1] + plain[-1:] in ("()", "{}") else plain)
    for sign, term in zip(["+", *parts[1::2]], parts[::2], strict=True):
        symbol, factor = _product(term, text)
        terms[symbol] += -factor if sign in "-−" else factor
    return tuple(sorted((symbol, factor) for symbol, factor in terms.items() if factor))


def _product(term: str, text: str) -> tuple[str, int]:
    """Return the symbols of a product such as 4N or C*9, with * between them, and its number."""
    symbols, number = list[str](), 1
    for factor in FACTOR_SIGN.split(term.strip()):
        symbol = factor.strip("| ").lstrip("0123456789")
        digits = factor.strip("| ")[: len(factor.strip("| ")) - len(symbol)]
        plain = re.sub(r"[{}_\\^\[\]()]", "", symbol.strip())
        if not factor.strip() or (symbol and not (plain[:1].isalpha() and plain.isalnum())):
            raise SizeError(f"'{text}' is not a size: write N, 4N, N+M, N-1, C*9 or a number")
        times = int(digits or 1) if len(digits) <= INDEX_DIGITS else 0
        if not 0 < times <= DECLARED_SIZE:
            limits = f"a number must be from 1 to {DECLARED_SIZE}; for a letter, a size is chosen"
            raise SizeError(f"a size of {digits}: {limits}")
        number *= times
        symbols += [plain] if plain else []
    return "*".join(sorted(symbols)), number


def size_text(side: Side) -> str:
    """Return a side as it is declared: N, 4N, N+M or 3."""
    text = "".join(
        f"{factor:+d}{symbol}" if abs(factor) != 1 or not symbol else f"{factor:+d}"[0] + symbol
        for symbol, factor in sorted(side, key=lambda term: (not term[0], -term[1]))
    )
    return text.removeprefix("+")


def sides_of_size(text: str) -> tuple[str, str] | None:
    """Return the rows and columns that a size gives, as text; None of anything else."""
    text = text.strip("$ .").replace("\\times", "×").replace(" x ", "×").replace(" by ", "×").replace("\\;", "")
    words = text.split()
    while words and words[0].lower() in ARTICLES:
        words = words[1:]
    text = " ".join(words)
    if text in ("scalar", "number", "real number", "1-dimensional"):
        return "1", "1"
    return _of_vector(text) or _of_matrix(text)


def _of_vector(text: str) -> tuple[str, str] | None:
    """Return the size of a vector of length N, an N-dimensional vector, an N-vector; None of anything else."""
    before, found, after = text.partition("vector")
    if not found or "×" in before:
        return None
    entries, shown = WITH_ENTRIES.match(after.strip()), OF_SIZE.match(after.strip())
    count = BEFORE_VECTOR.match(before.removeprefix("column ").removeprefix("row ").strip() + "-vector")
    field = FIELD.match(rest) if (rest := after.strip().removeprefix("in").strip()) else None
    if entries or shown:
        match = entries or shown
        assert match
        length = match[1].strip("$ ")
    elif field:
        return sides_of_size(rest)
    elif count and count[1] not in ("column", "row", ""):
        length = count[1].strip("$ ")
    else:
        return None
    if "×" in length or LISTED.fullmatch(length):
        return _of_matrix(length)
    return ("1", length) if before.strip().endswith("row") or before.startswith("row ") else (length, "1")


def _of_matrix(text: str) -> tuple[str, str] | None:
    """Return the size of N×M, NxM, (N, M), (N,), ℝ^{N×M}, an N×M matrix, a matrix of shape N×M; None of others."""
    text = text.removeprefix("matrix").strip()
    text = (match[1] if (match := OF_SIZE.match(text)) else text).removesuffix("matrix").strip("$ ")
    field = FIELD.match(text)
    if field and field[0] == "R" and text[field.end() :].lstrip().startswith("×"):  # R×M, of which R is a letter
        field = None
    inner = text
    if field:
        inner = _raised(text[field.end() :])
        if inner is None:
            return None
        inner = inner or "1"
    listed = LISTED.fullmatch(inner) or (LISTED.fullmatch(f"({inner})") if field else None)
    if listed:
        return listed[1].strip(), (listed[2] or "1").strip()
    rows, found, columns = inner.partition("×")
    if not found:
        letters = LETTER_X.fullmatch(inner)
        if letters and not field:
            return letters[1], letters[2]
        return (rows.strip(), "1") if field else None
    return None if "×" in columns else (_unbracketed(rows), _unbracketed(columns))


def _raised(text: str) -> str | None:
    """Return what stands in the exponent ^{N×M}, ^N or ^(N, M), "" if there is none; None if more follows it."""
    if not text:
        return ""
    if text[0] != "^":
        return None
    inner = text[1:].strip()
    if inner[:1] in ("{", "(") and _group(inner, 0) == len(inner):
        return inner[1:-1].strip()
    return inner if re.fullmatch(r"\w|\\[A-Za-z]+", inner) else None


def _group(text: str, at: int) -> int:
    """Return where the bracket closes that opens at a position; -1 if it does not."""
    depth = 0
    for k in range(at, len(text)):
        depth += (text[k] in OPEN) - (text[k] in CLOSE)
        if depth == 0:
            return k + 1
    return -1


def _unbracketed(side: str) -> str:
    """Return a side without the brackets around it: (H+M)."""
    side = side.strip()
    return side[1:-1] if side[:1] == "(" and side[-1:] == ")" else side


def members(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield where names stand and where their field does in W ∈ ℝ^{N×M}, x, y ∈ ℝ^M."""
    items, depth, start = list[tuple[int, int]](), 0, 0
    for k, c in enumerate(text):
        depth += (c in OPEN) - (c in CLOSE)
        if depth == 0 and c in ",;":
            items.append((start, k))
            start = k + 1
    first: int | None = None
    for begun, end in (*items, (start, len(text))):
        sign = MEMBER.search(text, begun, end)
        first = begun if first is None else first
        if sign:
            yield _trimmed(text, first, sign.start()), _trimmed(text, sign.end(), end)
            first = None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
