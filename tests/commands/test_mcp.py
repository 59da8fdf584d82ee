"""`tinyad mcp`: each tool through a client of the SDK, in one process; what strangers hand in is bounded."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.derivation_texts import CELL, fenced
from tinyad.cli import main
from tinyad.commands import mcp_server

RIGHT = fenced(*CELL)
WRONG = RIGHT.replace("∇f += -∇z5", "∇f = -∇z5")
CODE = (
    "def forward(x):\n    return 2 * x\n\ndef backward(dy):\n    return 3 * dy\n\ndef example():\n    return (3.0,)\n"
)
FORWARD = "z = W @ x + b\nL = np.sum(tanh(z) * 2)"
VALUES = {"W": [[0.1, 0.2, -0.3], [0.4, -0.5, 0.6]], "x": [[0.5], [0.3], [0.2]], "b": [[0.1], [-0.2]]}


def test_without_the_sdk_it_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mcp.server.stdio", None)
    monkeypatch.setitem(sys.modules, "mcp", None)
    assert main(["mcp"]) == 2
    assert capsys.readouterr().err == f"tinyad: {mcp_server.MISSING}\n"


@pytest.fixture(scope="module")
def anyio():
    pytest.importorskip("mcp")
    return pytest.importorskip("anyio")


@pytest.fixture
def call(anyio):
    """Call a tool: (whether it failed, the text, the structured result)."""
    from mcp import Client

    def call(name, allow_code=False, **arguments):
        async def called():
            async with Client(mcp_server.server(allow_code)) as client:
                result = await client.call_tool(name, arguments)
                return result.is_error, result.content[0].text, result.structured_content

        return anyio.run(called)

    return call


def test_the_tools_and_their_schemas(anyio):
    from jsonschema import Draft202012Validator
    from mcp import Client

    async def tools(allow_code):
        async with Client(mcp_server.server(allow_code)) as client:
            return (await client.list_tools()).tools

    every = anyio.run(tools, True)
    assert [tool.name for tool in every] == ["check_derivation", "check_code", "compare", "explain_rule"]
    for tool in every:
        for schema in (tool.input_schema, tool.output_schema):
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
    assert [tool.name for tool in anyio.run(tools, False)] == ["check_derivation", "compare", "explain_rule"]


def test_check_derivation(call):
    failed, text, result = call("check_derivation", text=WRONG)
    assert not failed
    (finding,) = result["findings"]
    assert (finding["verdict"], finding["suggestion"], finding["certain"]) == ("overwrites", "∇f += -∇z5", True)
    assert "certain: ∇f += -∇z5" in text
    assert call("check_derivation", text=RIGHT)[2]["ok"]
    assert not call("check_derivation", text=WRONG, suggest=False)[2]["findings"][0]["suggestion"]


def test_a_text_is_never_a_path(call, tmp_path):
    path = tmp_path / "right.md"
    path.write_text(RIGHT, encoding="utf-8")
    _, text, result = call("check_derivation", text=str(path))
    assert result["verdict"] == "not checked"
    assert "no block" in text
    latex = (
        f"\\documentclass{{article}}\\begin{{document}}\n% tinyad: declare x: 1×1\n\\input{{{path}}}\n\\end{{document}}"
    )
    _, _, result = call("check_derivation", text=latex)
    assert result["verdict"] == "not checked"


def test_code_runs_only_where_it_is_allowed(call, tmp_path):
    mark = tmp_path / "ran"
    source = f"open({str(mark)!r}, 'w')\n{CODE}"
    failed, text, _ = call("check_code", source=source)
    assert failed
    assert text == mcp_server.NOT_ALLOWED
    assert not mark.exists()
    failed, text, result = call("check_code", True, source=source)
    assert not failed
    assert mark.exists()
    assert result["findings"][0]["suggestion"] == "return 2 * dy"


@pytest.mark.slow
def test_code_without_an_end_is_stopped(call):
    _, text, result = call("check_code", True, source="while True:\n    pass\n" + CODE)
    assert result["verdict"] == "not checked"
    assert "did not end in" in text


def test_compare(call):
    import numpy as np

    W, x, b = (np.array(VALUES[name]) for name in "Wxb")
    dz = 2 * (1 - np.tanh(W @ x + b) ** 2)
    right = {"W": (dz @ x.T).tolist(), "x": (W.T @ dz).tolist(), "b": dz.ravel().tolist()}
    failed, _, result = call("compare", forward=FORWARD, values=VALUES, derivatives=right)
    assert (failed, result["ok"]) == (False, True)
    failed, _, result = call("compare", forward=FORWARD, values=VALUES, derivatives={**right, "b": [[0.0], [1.0]]})
    assert (failed, result["ok"]) == (False, False)
    assert {f["name"]: f["right"] for f in result["findings"]} == {"b": False, "x": True, "W": True}
    rows = {name: np.transpose(np.atleast_2d(value)).tolist() for name, value in right.items() if name != "b"}
    assert call("compare", forward=FORWARD, values=VALUES, derivatives=rows, layout="row")[2]["ok"]


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        ("z = __import__('os')", "is not known"),
        ("z = x.__class__", "is not known"),
        ("z = (lambda: x)()", "is not known"),
        ("z = tanh(x, x)", "is not known"),
        ("import os", "every statement is name = expression"),
        ("x = tanh(x)", "x is set already"),
        ("z = 3", "z depends on none of the values"),
        ("z = (", "this is not Python"),
        ("", "it may have 1 to"),
        ("z = " + "-" * 70 + "x", "inside one another"),
        ("z = W @ W", "do not fit"),
        ("z = tanh(x)", "loss"),
        ("z = 9 ** 9 ** 9.0 ** 9 * x", "line 1: z = 9 ** 9 ** 9.0 ** 9 * x: "),
        ("y = 2 * x\nz = 1 / 0 * y", "line 2: z = 1 / 0 * y: "),
        ("z = True * x", "True is not known"),
    ],
)
def test_a_forward_that_cannot_be_read(call, forward, said):
    failed, text, _ = call("compare", forward=forward, values=VALUES, derivatives={"x": [[1.0], [2.0], [3.0]]})
    assert failed
    assert said in text
    assert "Traceback" not in text


@pytest.mark.parametrize("asked", ["softmax", "@", "*", "/", "np.tanh", "∘", "abs", "stack", "rows", "sign", ">"])
def test_explain_rule(call, asked):
    failed, _, result = call("explain_rule", operation=asked)
    assert not failed
    assert result["forward"].startswith("z = ")
    assert result["meaning"]


def test_every_row_is_explained():
    from tinyad.commands.mcp_tools import ROWS, TOOLS
    from tinyad.engine.table import TABLE

    assert {op.symbol for op in ROWS.values()} == set(TABLE)
    for name in ROWS:
        found = TOOLS["explain_rule"].call({"operation": name})
        assert found["operation"] == name
        assert "x" in found["rules"]
    assert TOOLS["explain_rule"].call({"operation": "tanh"})["rules"] == {"x": "∇z ∘ (1 - tanh²(x))ᵀ"}


def test_wrong_calls_are_told(call):
    for name, arguments, said in (
        ("explain_rule", {"operation": "tahn"}, "did you mean tanh?"),
        ("check_derivation", {}, "'text' is a required property"),
        ("check_derivation", {"text": 3}, "text: 3 is not of type 'string'"),
        ("check_derivation", {"text": "x", "path": "/"}, "Additional properties"),
        ("compare", {"forward": "z = x", "values": {"x": [1, 2]}, "derivatives": {}}, "x has one axis"),
        (
            "compare",
            {"forward": "z = x", "values": {"x": [[1, 2], [3]]}, "derivatives": {}},
            "x: its rows are not of one",
        ),
        ("compare", {"forward": "z = x", "values": {"x": [[[1]]]}, "derivatives": {}}, "x: expected a number, or rows"),
        ("compare", {"forward": "z = x", "values": {"x": [["1"]]}, "derivatives": {}}, "x: expected a number, or rows"),
        ("compare", {"forward": "z = x", "values": {"x": 1}, "derivatives": {"x": [[True]]}}, "x: expected a number"),
        ("explain_rule", {"operation": "x" * 300}, "operation: not as its schema says: maxLength 100"),
        ("nothing", {}, "no tool nothing"),
    ):
        failed, text, _ = call(name, **arguments)
        assert failed, name
        assert said in text


def test_many_numbers_do_not_keep_the_server(call):
    begin = time.perf_counter()
    rows = [[1.0] * 400] * 400
    failed, text, _ = call("compare", forward="z = x", values={"x": rows}, derivatives={"x": rows})
    assert failed
    assert "more than 100,000 entries" in text
    assert time.perf_counter() - begin < 30


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no groups of processes")
def test_a_call_that_is_cancelled_leaves_no_process(anyio, tmp_path):
    from tinyad.commands.mcp_tools import called

    mark = tmp_path / "mark"
    source = (
        f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\nwhile True:\n    time.sleep(0.1)\n{CODE}"
    )

    async def cancelled():
        async with anyio.create_task_group() as group:
            group.start_soon(called, "check_code", {"source": source})
            with anyio.fail_after(60):
                while not (mark.exists() and mark.read_text(encoding="utf-8")):
                    await anyio.sleep(0.05)
            group.cancel_scope.cancel()

    anyio.run(cancelled)
    number = int(mark.read_text(encoding="utf-8"))
    for _ in range(200):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{number}/stat").exists() and " Z " in Path(f"/proc/{number}/stat").read_text(encoding="utf-8"):
            return  # it has ended, and nobody has asked for its status
        time.sleep(0.05)
    raise AssertionError(f"process {number} goes on")


def test_over_standard_input_and_output(anyio, tmp_path):
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    rows = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "tinyad", "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    for row in rows:
        server.stdin.write(json.dumps(row) + "\n")
        server.stdin.flush()
        if "id" in row:
            answer = json.loads(server.stdout.readline())
            assert answer["id"] == row["id"]
    assert answer["result"]["tools"][0]["name"] == "check_derivation"
    server.stdin.close()
    assert server.wait(60) == 0
    server.stdout.close()
    assert not list(Path(tmp_path).iterdir())
