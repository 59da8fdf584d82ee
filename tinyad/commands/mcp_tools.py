"""The tools that `tinyad mcp` offers: their schemas, and what each does, in a process of its own with limits.

Nothing here reads a file, and code runs only in the sandbox, where the user has allowed it.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from tinyad.code.sandbox import ENVIRONMENT, limit_process
from tinyad.commands.findings import result_of, result_of_error
from tinyad.commands.formats import schema
from tinyad.compare.comparison import compare
from tinyad.derivation import check_source
from tinyad.derivation.language.documents import opened
from tinyad.engine import table
from tinyad.engine.op import Op
from tinyad.engine.tape import Tape, Variable
from tinyad.printing.listing import contribution_text, forward_text

# fmt: off
CHARACTERS   = 1_000_000  # of a text, as of a file
STATEMENTS   = 300        # of a forward pass that is compared
ENTRIES      = 100_000    # of all arrays together
DEPTH        = 60         # of an expression
SECONDS      = 60         # for one call, whatever it does
TEXT_SECONDS = 5.0        # of computing for one text, as on the command line
CODE_SECONDS = 10.0       # for one pair of code
# fmt: on

Arguments = Mapping[str, Any]


class Tool(NamedTuple):
    """A tool: what it is for, the schemas of its arguments and its result, and whether it runs code from outside."""

    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    call: Callable[[Arguments], dict[str, Any]]
    runs_code: bool = False


def _object(required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": required.split(), "additionalProperties": False
    }  # fmt: skip


def _text(description: str, characters: int = CHARACTERS) -> dict[str, Any]:
    return {"type": "string", "maxLength": characters, "description": description}


NUMBERS = {"type": ["number", "array"]}  # what is in an array is looked at when it becomes one
ARRAYS = {"type": "object", "additionalProperties": {**NUMBERS, "items": NUMBERS}}
SEED = {"type": "integer", "minimum": 0, "maximum": 2**31, "description": "which sample points are drawn"}


def _report_schema() -> dict[str, Any]:
    whole = json.loads(schema())
    file = whole["$defs"]["file"]
    properties = {**file["properties"], "report": {"type": "string", "description": "the same for people"}}
    return {**file, "properties": properties, "required": [*file["required"], "report"], "$defs": whole["$defs"]}


def _checked_text(arguments: Arguments) -> dict[str, Any]:
    text = arguments["text"]
    source = opened(text if "\n" in text else f"{text}\n", TEXT_SECONDS)  # a str without a line break would be a path
    report = check_source(source, arguments.get("seed", 0), arguments.get("suggest", True))
    return {**result_of(source.name, report, True).to_dict(), "report": report.text(everything=True)}


def _checked_code(arguments: Arguments) -> dict[str, Any]:
    from tinyad.code.checking import Options
    from tinyad.code.files import Text
    from tinyad.code.sandbox import check_in_sandbox

    options = Options(
        arguments.get("example"),
        arguments.get("shapes"),
        tuple(arguments.get("pairs", ())),
        arguments.get("names", {}),
        CODE_SECONDS,
        arguments.get("seed", 0),
    )
    report = check_in_sandbox(Text("code.py", arguments["source"]), options)
    return {**result_of("code.py", report, True).to_dict(), "report": report.text(everything=True)}


# Arrays


def _compared(arguments: Arguments) -> dict[str, Any]:
    values = {name: _array(name, value) for name, value in arguments["values"].items()}
    derivatives = {name: _array(name, value) for name, value in arguments["derivatives"].items()}
    if sum(array.size for array in [*values.values(), *derivatives.values()]) > ENTRIES:
        raise ValueError(f"the arrays have more than {ENTRIES:,} entries together")
    tape = Tape()
    names: dict[str, Any] = dict(tape.variables(**{name: _matrix(name, array) for name, array in values.items()}))
    loss = _recorded(tape, arguments["forward"], names)
    found = compare(tape.backward(loss), derivatives, layout=arguments.get("layout", "same"))
    rows = [{"name": f.name, "right": f.right, "verdict": str(f.verdict)} for f in found.findings]
    return {"ok": found.ok, "findings": rows, "report": str(found)}


def _array(name: str, value: Any) -> Any:
    """Return a number, a row of numbers, or rows of numbers of one length, as an array."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: its rows are not of one length") from None
    if array.dtype.kind not in "iuf" or array.ndim > 2:
        raise ValueError(f"{name}: expected a number, or rows of numbers: [[1, 2], [3, 4]]")
    return array.astype(float)


def _matrix(name: str, array: Any) -> Any:
    if array.ndim == 1:
        raise ValueError(f"{name} has one axis: write a column as [[1], [2]], a row as [[1, 2]]")
    return array


OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda x, y: x + y,
    ast.Sub: lambda x, y: x - y,
    ast.Mult: lambda x, y: x * y,
    ast.Div: lambda x, y: x / y,
    ast.MatMult: lambda x, y: x @ y,
    ast.Pow: lambda x, y: x**y,
}


def _recorded(tape: Tape, forward: str, names: dict[str, Any]) -> Variable:
    """Record assignments of expressions in Python, which are read and not run, and return the last name set."""
    try:
        body = ast.parse(forward).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"forward, line {getattr(error, 'lineno', 1)}: this is not Python") from None
    if not body or len(body) > STATEMENTS:
        raise ValueError(f"forward has {len(body)} statements; it may have 1 to {STATEMENTS}")
    for statement in body:
        where = f"forward, line {statement.lineno}"
        if not (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(target := statement.targets[0], ast.Name)
        ):
            raise ValueError(f"{where}: every statement is name = expression")
        if target.id in names:
            raise ValueError(f"{where}: {target.id} is set already; give each value a name of its own")
        try:
            value = _evaluated(statement.value, names, where, 0)
        except ArithmeticError as error:  # of numbers alone: 1 / 0
            raise ValueError(f"{where}: {ast.unparse(statement)[:80]}: {error.args[-1]}") from None
        if not isinstance(value, Variable):
            raise ValueError(f"{where}: {target.id} depends on none of the values")
        names[target.id] = loss = value
        tape.name({target.id: value})
    return loss


def _evaluated(node: ast.expr, names: Mapping[str, Any], where: str, depth: int) -> Any:
    def of(inner: ast.expr) -> Any:
        return _evaluated(inner, names, where, depth + 1)

    if depth > DEPTH:
        raise ValueError(f"{where}: more than {DEPTH} operations inside one another")
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -of(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](of(node.left), of(node.right))
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return of(node.value).T
    if isinstance(node, ast.Call) and not node.keywords:
        name = ast.unparse(node.func).removeprefix("np.").removeprefix("numpy.")
        if name in FUNCTIONS and len(node.args) == FUNCTIONS[name].arity:
            return FUNCTIONS[name](*map(of, node.args))
    known = f"names that are set, numbers, + - * / @ **, .T, and {', '.join(FUNCTIONS)}"
    raise ValueError(f"{where}: {ast.unparse(node)[:80]} is not known; there are {known}")


# Rules

ROWS = {name: op for name, op in vars(table).items() if isinstance(op, Op)}
FUNCTIONS = {**ROWS, "abs": ROWS["absolute"]}
ALSO = {"@": "matmul", "*": "schur", "**": "power", "abs": "absolute", ".T": "transpose", "T": "transpose"}
SIZES = [((2, 3), (2, 3)), ((2, 3), (3, 4)), ((2, 2), (2, 2)), ((3, 2), (1, 2))]


def _explained(arguments: Arguments) -> dict[str, Any]:
    asked = arguments["operation"].strip()
    name = ALSO.get(asked, asked.removeprefix("np."))
    name = name if name in ROWS else next((key for key, op in ROWS.items() if op.symbol == name), name)
    if name not in ROWS:
        near = get_close_matches(name, ROWS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(ROWS)}"
        raise ValueError(f"{asked[:80]!r} is no operation; {hint}")
    op = ROWS[name]
    tape = _with_one_step(op)
    rules = {
        operand: contribution_text(tape, 1, operand) if _has_rule(tape, operand) else "none: it gets no derivative"
        for operand in "xy"[: op.arity]
    }
    return {
        "operation": name,
        "symbol": op.symbol,
        "meaning": str(op.__doc__),
        "forward": f"z = {forward_text(tape, 1)}",
        "rules": rules,
    }


def _with_one_step(op: Op) -> Tape:
    """Return a tape with one step z = x op y, of sizes that fit."""
    for sizes in SIZES:
        tape = Tape()
        x, y = (tape.variable(np.full(s, 0.25) + 0.5 * np.eye(*s), name) for s, name in zip(sizes, "xy", strict=True))
        spans = {"rows": [[0.0, 1.0, 2.0]], "padded": [[0.0, 2.0, 4.0]]}
        try:
            z = op(x) if op.arity == 1 else op(x, np.array(spans[op.symbol]) if op.symbol in spans else y)
        except ValueError:
            continue
        tape.name({"z": z})
        return tape
    raise ValueError(f"{op.symbol} has no example")


def _has_rule(tape: Tape, operand: str) -> bool:
    try:
        contribution_text(tape, 1, operand)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        return False
    return True


RESULT = _report_schema()
TOOLS = {
    "check_derivation": Tool(
        "Check a derivation by hand, line by line: Markdown with blocks ```declare, ```forward and ```backward, or a "
        "document in LaTeX or Markdown with declarations in comments. Says which line is wrong, and what was meant.",
        _object("text", text=_text("the whole text"), seed=SEED, suggest={"type": "boolean", "default": True}),
        RESULT,
        _checked_text,
    ),
    "check_code": Tool(
        "Check a backward pass in NumPy, statement by statement: source with a forward and a backward pass, and "
        "perhaps a function example() that returns the arguments of the forward pass. The source runs, in a sandbox.",
        _object(
            "source",
            source=_text("the whole source"),
            example=_text("the function that returns the arguments of the forward pass", 200),
            shapes=_text('their shapes instead, as in "X=6x5 b=4"', 2_000),
            pairs={
                "type": "array",
                "items": {"type": "string"},
                "description": "FORWARD:BACKWARD, if names do not tell",
            },
            names={"type": "object", "additionalProperties": {"type": "string"}, "description": "delta3: Z3"},
            seed=SEED,
        ),
        RESULT,
        _checked_code,
        True,
    ),
    "compare": Tool(
        "Compare derivatives by hand, as arrays, with those of a computation: assignments such as `z = W @ x`, whose "
        "last name is the scalar loss. The expressions are read, not executed.",
        _object(
            "forward values derivatives",
            forward=_text("assignments, one a line: z = W @ x + b", 100_000),
            values={**ARRAYS, "description": "name: matrix, of every input; a number is 1×1"},
            derivatives={**ARRAYS, "description": "name: the derivative of the loss by hand"},
            layout={
                "enum": ["same", "row"],
                "default": "same",
                "description": "row: transposed, as in numerator layout",
            },
        ),
        _object(
            "ok findings report",
            ok={"type": "boolean"},
            findings={
                "type": "array",
                "items": _object(
                    "name right verdict",
                    name={"type": "string"},
                    right={"type": "boolean"},
                    verdict={"type": "string"},
                ),
            },
            report={"type": "string"},
        ),
        _compared,
    ),
    "explain_rule": Tool(
        "Say what an operation computes and its derivative rule, in row layout: tanh, softmax, @, /, ...",
        _object("operation", operation=_text("a name such as softmax, or an operator such as @", 100)),
        _object(
            "operation symbol meaning forward rules",
            operation={"type": "string"},
            symbol={"type": "string"},
            meaning={"type": "string"},
            forward={"type": "string"},
            rules={"type": "object", "additionalProperties": {"type": "string"}},
        ),
        _explained,
    ),
}


# The process


async def called(name: str, arguments: Arguments) -> dict[str, Any]:
    """Return the result of a tool from a process of its own; ValueError says why there is none.

    The process ends with the call, and those that it has started: also where the call is cancelled.
    """
    import anyio

    with tempfile.TemporaryDirectory(prefix="tinyad-", ignore_cleanup_errors=True) as folder:
        environment = {k: v for k, v in os.environ.items() if k in ENVIRONMENT}
        environment |= {"HOME": folder, "TMPDIR": folder, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = await anyio.open_process(
            [sys.executable, "-m", "tinyad.commands.mcp_tools"],
            cwd=folder,
            env=environment,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        written = b""
        try:
            with anyio.fail_after(SECONDS):
                await process.stdin.send(json.dumps({"name": name, "arguments": arguments}).encode())
                await process.stdin.aclose()
                written = b"".join([part async for part in process.stdout])
        except TimeoutError:
            raise ValueError(f"{name} did not end in {SECONDS} seconds: give it less") from None
        except anyio.BrokenResourceError:  # it ended before it had read all
            pass
        finally:
            _kill_all(process.pid)
            with anyio.CancelScope(shield=True):
                await process.aclose()
    try:
        answer = json.loads(written)
    except ValueError:
        raise ValueError(f"{name} ended before it was done: it may have taken more memory than it may have") from None
    if "error" in answer:
        raise ValueError(answer["error"])
    result: dict[str, Any] = answer["result"]
    return result


def _kill_all(group: int) -> None:
    """End the processes of a group, where the system has groups; it may have ended."""
    with suppress(AttributeError, ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def main() -> None:
    """Read a call from standard input, set the limits, and write the result."""
    given = json.load(sys.stdin)
    limit_process()
    tool = TOOLS[given["name"]]
    try:
        answer: dict[str, Any] = {"result": tool.call(given["arguments"])}
    except ValueError as error:
        if tool.output_schema is RESULT:  # what is wrong with the text is a result
            message = str(error)
            answer = {"result": {**result_of_error("derivation", message, error).to_dict(), "report": message}}
        else:
            answer = {"error": str(error)}
    except (KeyError, TypeError) as error:
        answer = {"error": str(error.args[0] if error.args else error)}
    except MemoryError:
        answer = {"error": "this takes more memory than a call may have"}
    except RecursionError:
        answer = {"error": "this is nested too deeply"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
