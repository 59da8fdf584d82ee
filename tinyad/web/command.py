"""`tinyad serve`: the page to write in."""

from __future__ import annotations

import argparse
import os
import socket
import webbrowser
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

HOST, PORT = "127.0.0.1", 8421
EXTRA = "tinyad serve needs starlette and uvicorn: pip install starlette uvicorn"
FOR_A_CLASS = (
    "Everyone in this network who has the address may open the page and have texts checked on this machine.\n"
    "Files are opened and not written, and no code runs. It is plain HTTP: others in the network can read along."
)
CODE_FOR_ALL = "--allow-code runs what is written into the page, and --host lets others write into it: give one of them"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what `tinyad serve` takes."""
    parser.add_argument("path", nargs="?", type=Path, metavar="PATH", help="a folder or a file to open and write")
    parser.add_argument("--port", type=_port, metavar="PORT", help=f"default: {PORT}, or a free one")
    parser.add_argument(
        "--host", default=HOST, metavar="ADDRESS", help="for a class: let others in this network open the page"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address of the page")
    parser.add_argument("--allow-code", action="store_true", help="run the Python in the page, to check it")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, a number up to 65535")
    return int(text)


def serve(options: argparse.Namespace, examples: Mapping[str, Path]) -> int:
    """Serve the page until Ctrl-C."""
    if not all(map(find_spec, ("starlette", "uvicorn"))):
        raise ValueError(EXTRA)
    import uvicorn

    from tinyad.web.access import new_token
    from tinyad.web.app import Served, Server
    from tinyad.web.disk import Disk
    from tinyad.web.limits import CONNECTIONS

    alone = _is_loopback(options.host)
    if options.allow_code and not alone:
        raise ValueError(CODE_FOR_ALL)
    disk = Disk(options.path, writable=alone) if options.path else None
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # the processes share the cores
    listening, token = _listening(options.host, options.port), new_token()
    port = listening.getsockname()[1]
    for name in _names(options.host):
        print(f"http://{f'[{name}]' if ':' in name else name}:{port}/?token={token}", flush=True)
    print("Ctrl-C ends it." if alone else f"{FOR_A_CLASS}\nCtrl-C ends it.", flush=True)
    if not options.no_browser:
        webbrowser.open(f"http://{_names(options.host)[0]}:{port}/?token={token}")
    app = Server(Served(examples, disk, options.allow_code)).app(token, options.host)
    settings = uvicorn.Config(
        app, log_level="error", server_header=False, ws="none", limit_concurrency=CONNECTIONS, access_log=False
    )
    uvicorn.Server(settings).run([listening])
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int | None) -> socket.socket:
    """Return a socket at the port that is asked for, else at the usual one or a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wanted = (PORT, 0) if port is None else (port,)
    for number in wanted:
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, number))
            listening.listen()  # a browser that is quicker than the server waits
        except OSError as error:
            listening.close()
            reason = error
        else:
            return listening
    raise ValueError(f"cannot listen at {host}, port {wanted[0]}: {reason.strerror or reason}; give another --port")


def _names(host: str) -> list[str]:
    """Return the addresses at which the page is found."""
    if host not in ("0.0.0.0", "::"):
        return [host]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells which of the own addresses others see
            return [probe.getsockname()[0], "localhost"]
        except OSError:
            return ["localhost"]
