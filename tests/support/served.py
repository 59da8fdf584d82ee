"""A server of the page for tests: its answers without a network, and one that listens."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import uvicorn

from lstm_models.zoo import DERIVATIONS
from tests.support.paths import DERIVATIONS as FOLDER
from tinyad.web.app import Served, Server

TOKEN = "a-token-that-nobody-guesses"
HOST = {"host": "127.0.0.1:8421"}
BEARER = {"authorization": f"Bearer {TOKEN}"}
RIGHT = (FOLDER / "zoo/softmax-columns.md").read_text(encoding="utf-8")
WRONG = RIGHT.replace("∇Z Xᵀ", "∇Z X")
CODE = """def forward(x, w):
    return (x @ w)

def backward(dy, x, w):
    dx = dy @ w
    dw = x.T @ dy
    return dx, dw

def example():
    import numpy as np
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
"""


@contextmanager
def listening(served=None, host="127.0.0.1", processes=1):
    """A server that listens on this machine, in a thread, and its address."""
    server = Server(served or Served(dict(DERIVATIONS)), processes)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    settings = uvicorn.Config(server.app(TOKEN, host), log_level="warning", server_header=False, ws="none")
    running = uvicorn.Server(settings)
    thread = threading.Thread(target=running.run, args=([sock],))
    thread.start()
    try:
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield server, f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()


@contextmanager
def client(served=None, host="127.0.0.1", headers=BEARER, processes=1):
    """A client of a server that answers as the one at port 8421."""
    with (
        listening(served, host, processes) as (_, address),
        httpx.Client(base_url=address, headers=HOST | headers, timeout=60) as one,
    ):
        yield one


def checked(one, text, name="a.md", page="page", **more):
    """All answers to a text."""
    response = one.post("/check", json={"page": page, "name": name, "text": text, **more})
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]
