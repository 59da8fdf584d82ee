"""The comparison of two statements as formulas: equal up to the ways of writing the same computation.

Each expression becomes a sum of products: what is left then is the order in which Python would compute it, where a
division stands, and which of NumPy's spellings was used, and these are not compared.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable

Base = Hashable  # what a product multiplies: a name, a call, a whole sum
Factors = tuple[tuple[Base, float], ...]  # each base with its power, sorted
Terms = dict[Factors, float]  # each product with its number

MODULES = ("np", "numpy", "jnp", "torch", "math")
AS_METHODS = frozenset(
    "sum mean max min prod std var argmax argmin cumsum clip "
    "transpose reshape copy squeeze ravel repeat swapaxes".split()
)
WITH_AXIS = frozenset("sum mean max min prod std var argmax argmin cumsum".split())
LINEAR = frozenset("sum mean cumsum transpose reshape copy squeeze ravel repeat swapaxes".split())
NUMBERS_BY_NAME = frozenset("N n M m B T batch batch_size num num_examples num_train lr reg eps".split())
IN_PLACE: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def same_formula(a: str, b: str) -> bool:
    """Say whether two statements, or two expressions, are the same formula."""
    try:
        return _statement(ast.parse(a.strip())) == _statement(ast.parse(b.strip()))
    except SyntaxError:
        return False


def _statement(module: ast.Module) -> Hashable:
    return tuple(_one_statement(statement) for statement in module.body)


def _one_statement(node: ast.stmt) -> Hashable:
    if isinstance(node, ast.Assign):
        return ("assign", tuple(_target(target) for target in node.targets), _key(node.value))
    if isinstance(node, ast.AugAssign):
        value = _key(ast.BinOp(node.target, node.op, node.value))
        return ("assign", (_target(node.target),), value)
    if isinstance(node, ast.Return):
        return ("return", _key(node.value) if node.value is not None else None)
    if isinstance(node, ast.Expr):
        return ("expression", _key(node.value))
    return ast.dump(node)


def _target(node: ast.expr) -> Hashable:
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_target(element) for element in node.elts)
    return _key(node)


def _key(node: ast.expr) -> Hashable:
    return _frozen(_terms(node))


def _frozen(terms: Terms) -> Hashable:
    return tuple(sorted(terms.items(), key=repr))


def _atom(*parts: Hashable) -> Terms:
    return {((parts, 1.0),): 1.0}


def _number(value: float) -> Terms:
    return {(): round(float(value), 12)} if value else {}


def _plus(one: Terms, two: Terms, sign: float = 1) -> Terms:
    total = dict(one)
    for factors, number in two.items():
        total[factors] = round(total.get(factors, 0) + sign * number, 12)
    return {factors: number for factors, number in total.items() if number}


def _single(terms: Terms) -> tuple[float, Factors]:
    """Return the terms as a number times one product; a sum becomes one base, its first number taken out."""
    if not terms:
        return 0.0, ()
    if len(terms) == 1:
        [(factors, number)] = terms.items()
        return number, factors
    ordered = sorted(terms.items(), key=lambda item: repr(item[0]))
    first = ordered[0][1]
    base = ("plus", tuple((factors, round(number / first, 12)) for factors, number in ordered))
    return first, ((base, 1.0),)


def _times(one: Terms, two: Terms) -> Terms:
    (first, left), (second, right) = _single(one), _single(two)
    if not first * second:
        return {}
    powers: dict[Base, float] = {}
    for base, power in (*left, *right):
        powers[base] = powers.get(base, 0) + power
    product = tuple(sorted(((base, power) for base, power in powers.items() if power), key=repr))
    return {product: round(first * second, 12)}


def _to_power(terms: Terms, power: float) -> Terms:
    number, factors = _single(terms)
    if not number or (number < 0 and power != int(power)):
        return _atom("power", _frozen(terms), power)
    return {tuple((base, own * power) for base, own in factors): round(number**power, 12)}


def _is_number(base: Base) -> bool:
    """Say whether a base is one number, by its build or its usual name."""
    if not isinstance(base, tuple) or len(base) < 2:
        return False
    if base[0] == "name":
        return bool(base[1] in NUMBERS_BY_NAME)
    if base[0] == "call":
        return bool(base[1] == "len")
    if base[0] == "attribute":
        return bool(base[2] == "size")
    return bool(base[0] == "subscript") and "'shape'" in repr(base[1])


def _numbers_apart(terms: Terms) -> tuple[Terms, Terms]:
    """Return the numbers that a product is multiplied by, and the rest."""
    number, factors = _single(terms)
    numbers = tuple(factor for factor in factors if _is_number(factor[0]))
    rest = tuple(factor for factor in factors if not _is_number(factor[0]))
    return ({numbers: number} if number else {}), {rest: 1.0}


def _terms(node: ast.expr) -> Terms:
    for kind, form in FORMS.items():
        if isinstance(node, kind):
            found: Terms = form(node)
            return found
    return _atom("other", ast.dump(node))


def _constant(node: ast.Constant) -> Terms:
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return _number(node.value)
    return _atom("constant", repr(node.value))


def _unary(node: ast.UnaryOp) -> Terms:
    if isinstance(node.op, ast.USub):
        return _plus({}, _terms(node.operand), -1)
    if isinstance(node.op, ast.UAdd):
        return _terms(node.operand)
    return _atom("unary", type(node.op).__name__, _key(node.operand))


def _binary(node: ast.BinOp) -> Terms:
    return _operation(type(node.op), _terms(node.left), _terms(node.right))


def _operation(operator: type[ast.operator], left: Terms, right: Terms) -> Terms:
    if operator in (ast.Add, ast.Sub):
        return _plus(left, right, 1 if operator is ast.Add else -1)
    if operator is ast.Mult:
        return _times(left, right)
    if operator is ast.Div:
        return _times(left, _to_power(right, -1)) if right else _atom("divided by 0", _frozen(left))
    if operator is ast.MatMult:
        return _matrix_product(left, right)
    if operator is ast.Pow and set(right) <= {()}:
        return _to_power(left, right.get((), 0.0))
    return _atom("binary", operator.__name__, _frozen(left), _frozen(right))


def _matrix_product(left: Terms, right: Terms) -> Terms:
    (first, left), (second, right) = _numbers_apart(left), _numbers_apart(right)
    product = ("matrix product", (*_multiplied(left), *_multiplied(right)))
    return _times(_times(first, second), {((product, 1.0),): 1.0})


def _multiplied(terms: Terms) -> tuple[Hashable, ...]:
    """Return the operands of a matrix product, or the expression as the only one."""
    _, factors = _single(terms)
    if len(factors) == 1 and factors[0][1] == 1:
        base = factors[0][0]
        if isinstance(base, tuple) and base[0] == "matrix product":
            operands: tuple[Hashable, ...] = base[1]
            return operands
    return (_frozen(terms),)


def _transposed(terms: Terms) -> Terms:
    numbers, rest = _numbers_apart(terms)
    operands = _multiplied(rest)
    if len(operands) > 1:
        turned = tuple(_transposed_key(operand) for operand in reversed(operands))
        return _times(numbers, _atom("matrix product", turned))
    return _times(
        numbers, {((("transposed", _frozen(rest)), 1.0),): 1.0} if not _untransposed(rest) else _untransposed(rest)
    )


def _untransposed(terms: Terms) -> Terms:
    """Return what was transposed; nothing where it was not."""
    _, factors = _single(terms)
    if len(factors) == 1 and factors[0][1] == 1 and isinstance(factors[0][0], tuple):
        base = factors[0][0]
        if base[0] == "transposed":
            return dict(base[1])
    return {}


def _transposed_key(key: Hashable) -> Hashable:
    return _frozen(_transposed(dict(key)))  # type: ignore[call-overload]


def _attribute(node: ast.Attribute) -> Terms:
    if node.attr == "T":
        return _transposed(_terms(node.value))
    if isinstance(node.value, ast.Name) and node.value.id in MODULES:
        return _atom("name", f"np.{node.attr}")
    return _atom("attribute", _key(node.value), node.attr)


def _subscript(node: ast.Subscript) -> Terms:
    return _atom("subscript", _key(node.value), _key(node.slice))


def _slice(node: ast.Slice) -> Terms:
    lower = _key(node.lower) if node.lower is not None else ()
    upper = _key(node.upper) if node.upper is not None else None
    step = _key(node.step) if node.step is not None else None
    return _atom("slice", lower, upper, step)


def _compare(node: ast.Compare) -> Terms:
    keys = [_key(operand) for operand in (node.left, *node.comparators)]
    kinds = [type(operator).__name__ for operator in node.ops]
    if len(kinds) == 1 and kinds[0] in ("Lt", "LtE"):
        keys.reverse()
        kinds = [kinds[0].replace("Lt", "Gt")]
    if len(kinds) == 1 and kinds[0] in ("Eq", "NotEq"):
        keys.sort(key=repr)
    return _atom("compare", tuple(kinds), tuple(keys))


def _elements(node: ast.Tuple | ast.List) -> Terms:
    return _atom("elements", tuple(_key(element) for element in node.elts))


def _call(node: ast.Call) -> Terms:
    function, arguments = node.func, list(node.args)
    name = ast.unparse(function)
    if isinstance(function, ast.Attribute):
        if ast.unparse(function.value) in MODULES:
            name = function.attr
        elif function.attr in AS_METHODS or (function.attr == "dot" and len(arguments) == 1):
            name, arguments = function.attr, [function.value, *arguments]
        else:
            inner = ast.unparse(function.value).split(".")
            if inner[0] in MODULES:
                name = ".".join([*inner[1:], function.attr])
            else:
                return _atom("method", _key(function.value), function.attr, *_arguments(node, arguments))
    return _function(node, name, arguments)


OPERATORS_BY_NAME: dict[str, type[ast.operator]] = {
    "dot": ast.MatMult,
    "matmul": ast.MatMult,
    "multiply": ast.Mult,
    "divide": ast.Div,
    "add": ast.Add,
    "subtract": ast.Sub,
    "power": ast.Pow,
}
NUMBER_TYPES = frozenset("int int32 int64 float float32 float64 asarray array".split())
POWERS_BY_NAME = {"sqrt": 0.5, "square": 2.0, "reciprocal": -1.0}


def _function(node: ast.Call, name: str, arguments: list[ast.expr]) -> Terms:
    if name in OPERATORS_BY_NAME and len(arguments) == 2:
        return _operation(OPERATORS_BY_NAME[name], _terms(arguments[0]), _terms(arguments[1]))
    if name in POWERS_BY_NAME and len(arguments) == 1:
        return _to_power(_terms(arguments[0]), POWERS_BY_NAME[name])
    if name in NUMBER_TYPES and len(arguments) == 1 and isinstance(arguments[0], ast.Compare):
        return _terms(arguments[0])  # a mask as numbers
    if name == "negative" and len(arguments) == 1:
        return _plus({}, _terms(arguments[0]), -1)
    if name in ("outer", "kron") and len(arguments) == 2:
        (first, left), (second, right) = (_numbers_apart(_terms(argument)) for argument in arguments)
        return _times(_times(first, second), _atom("call", name, _frozen(left), _frozen(right)))
    return _other_function(node, name, arguments)


def _other_function(node: ast.Call, name: str, arguments: list[ast.expr]) -> Terms:
    if name == "transpose" and len(arguments) == 1 and not node.keywords:
        return _transposed(_terms(arguments[0]))
    if name == "subtract.at" and len(arguments) == 3:
        less = _frozen(_plus({}, _terms(arguments[2]), -1))
        return _atom("call", "add.at", _key(arguments[0]), _key(arguments[1]), less, ())
    if name not in WITH_AXIS or not arguments:
        if name in LINEAR and arguments:
            numbers, rest = _numbers_apart(_terms(arguments[0]))
            return _times(numbers, _atom("call", name, _frozen(rest), *_arguments(node, arguments[1:])))
        return _atom("call", name, *_arguments(node, arguments))
    options = {keyword.arg: keyword.value for keyword in node.keywords}
    if len(arguments) > 1:
        options["axis"] = arguments[1]
    axis = options.pop("axis", None)
    which = None if axis is None or ast.unparse(axis) == "None" else _axis(axis)
    keep = options.pop("keepdims", None)
    kept = keep is not None and ast.unparse(keep) in ("True", "1")
    others = tuple(sorted((str(key), _key(value)) for key, value in options.items()))
    numbers, rest = _numbers_apart(_terms(arguments[0])) if name in LINEAR else (_number(1), _terms(arguments[0]))
    return _times(numbers, _atom("call", name, _frozen(rest), which, kept, others))


def _axis(node: ast.expr) -> Hashable:
    if isinstance(node, ast.Tuple):
        return tuple(sorted((_key(element) for element in node.elts), key=repr))
    return (_key(node),)


def _arguments(node: ast.Call, arguments: list[ast.expr]) -> tuple[Hashable, ...]:
    keywords = tuple(sorted(((str(keyword.arg), _key(keyword.value)) for keyword in node.keywords), key=repr))
    return (*(_key(argument) for argument in arguments), keywords)


FORMS: dict[type[ast.expr], Callable[..., Terms]] = {
    ast.Constant: _constant,
    ast.Name: lambda node: _atom("name", node.id),
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.Compare: _compare,
    ast.Tuple: _elements,
    ast.List: _elements,
    ast.Call: _call,
    ast.Starred: lambda node: _atom("starred", _key(node.value)),
}
