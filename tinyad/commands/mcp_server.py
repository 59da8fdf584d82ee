"""`tinyad mcp`: the tools for assistants, over the Model Context Protocol on standard input and output."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from tinyad.commands.version import __version__

MISSING = "tinyad mcp needs the SDK of the Model Context Protocol: pip install mcp"
CHARACTERS_SHOWN = 200  # of an argument, in a message
NOT_ALLOWED = "check_code executes the source; the user has to start the server as `tinyad mcp --allow-code` for that"


def add_parser(commands: Any) -> None:
    """Add the command to the parser of the command line."""
    mcp = commands.add_parser("mcp", help="serve the checks to assistants, over the Model Context Protocol")
    mcp.add_argument("--allow-code", action="store_true", help="let them execute code, in a sandbox: check_code")
    mcp.set_defaults(run=run, other_place="a terminal")


def run(options: argparse.Namespace) -> int:
    """Serve on standard input and output until the client leaves."""
    try:
        import anyio
        from mcp.server.stdio import stdio_server
    except ImportError:
        raise ValueError(MISSING) from None
    made = server(options.allow_code)

    async def serve() -> None:
        async with stdio_server() as (read, write):
            await made.run(read, write, made.create_initialization_options())

    anyio.run(serve)
    return 0


def server(allow_code: bool) -> Any:
    """Return the server; ImportError if the SDK is not installed."""
    import anyio.to_thread
    import mcp_types as types
    from mcp.server.lowlevel import Server

    from tinyad.commands.mcp_tools import TOOLS, called

    limiter = anyio.CapacityLimiter(os.cpu_count() or 1)

    async def listed(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=name,
                    description=tool.description,
                    input_schema=tool.input_schema,
                    output_schema=tool.output_schema,
                    annotations=types.ToolAnnotations(read_only_hint=not tool.runs_code, open_world_hint=False),
                )
                for name, tool in TOOLS.items()
                if allow_code or not tool.runs_code
            ]
        )

    async def answered(_: Any, call: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = call.arguments or {}
        try:
            tool = TOOLS.get(call.name)
            if tool is None:
                raise ValueError(f"no tool {call.name}; there are {', '.join(TOOLS)}")
            if tool.runs_code and not allow_code:
                raise ValueError(NOT_ALLOWED)
            await anyio.to_thread.run_sync(_refuse, call.name, tool.input_schema, arguments)
            async with limiter:
                result = await called(call.name, arguments)
        except ValueError as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
        text = result.get("report") or json.dumps(result, ensure_ascii=False)
        return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=result)

    return Server("tinyad", version=__version__, on_list_tools=listed, on_call_tool=answered)


def _refuse(name: str, schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Raise ValueError for arguments that are not as the schema says."""
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(schema).iter_errors(arguments):
        told = error.message
        if len(told) > CHARACTERS_SHOWN:  # it repeats the argument
            told = f"not as its schema says: {error.validator} {error.validator_value}"
        raise ValueError(f"{'.'.join(map(str, error.path)) or name}: {told}")
