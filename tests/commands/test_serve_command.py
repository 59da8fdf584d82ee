"""`tinyad serve`: what it prints, what it refuses, and that nothing is left when it ends."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.support.sampling import sampled
from tinyad.cli import main
from tinyad.web import command


def refused(capsys, *arguments):
    assert main(["serve", "--no-browser", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_what_is_missing_is_named(capsys, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "uvicorn" else name)
    assert refused(capsys) == "tinyad: tinyad serve needs starlette and uvicorn: pip install starlette uvicorn\n"


def installed():
    for name in ("starlette", "uvicorn", "httpx"):
        pytest.importorskip(name)


def test_code_is_for_one_person(capsys):
    installed()
    for host in ("0.0.0.0", "192.168.1.7", "board.school"):
        assert "give one of them" in refused(capsys, "--allow-code", "--host", host)


def test_what_cannot_be_served(capsys, tmp_path):
    installed()
    assert "no such file or folder" in refused(capsys, str(tmp_path / "nothing"))
    (tmp_path / "a.png").touch()
    assert "the page opens .md" in refused(capsys, str(tmp_path / "a.png"))


def test_a_port_that_is_taken(capsys):
    installed()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"cannot listen at 127.0.0.1, port {port}" in refused(capsys, "--port", str(port))


@pytest.mark.parametrize("port", ["x", "-1", "65536", "1.5"])
def test_what_is_no_port(port, capsys):
    with pytest.raises(SystemExit):
        main(["serve", "--port", port])
    assert "is no port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.0.0.2", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_which_addresses_are_of_this_machine_alone(host, alone):
    assert command._is_loopback(host) == alone


def test_the_usual_port_or_a_free_one():
    with command._listening("127.0.0.1", None) as first, command._listening("127.0.0.1", None) as second:
        ports = {first.getsockname()[1], second.getsockname()[1]}
    assert len(ports) == 2


@pytest.mark.parametrize("host", sampled(["127.0.0.1", "0.0.0.0"], 2))
def test_it_serves_and_ends(host, tmp_path):
    installed()
    import httpx

    (tmp_path / "a.md").write_text("text", encoding="utf-8")
    arguments = [sys.executable, "-m", "tinyad", "serve", "--no-browser", "--port", "0", "--host", host, str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            address, _, token = server.stdout.readline().strip().partition("/?token=")
            assert len(token) >= 32
            port = address.rpartition(":")[2]
            headers = {"authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
                state = client.get("/").text
                assert f'"writable": {"true" if host == "127.0.0.1" else "false"}' in state
                assert client.get("/files").json()["names"] == ["a.md"]
                given = {"page": "p", "name": "a.md", "text": "a\nb"}
                assert client.post("/check", json=given).status_code == 200
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=60)
            out, err = server.stdout.read(), server.stderr.read()
    assert "Traceback" not in err
    assert ("Everyone in this network" in out) == (host == "0.0.0.0")
    time.sleep(0.2)
    assert children_left(server.pid) == []


def children_left(parent):
    """The processes that a server left: those of its group, and those below it."""
    if not os.path.isdir("/proc"):
        return []
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z" and (int(fields[1]) == parent or int(fields[2]) == parent):
            found.append(int(name))
    return found
