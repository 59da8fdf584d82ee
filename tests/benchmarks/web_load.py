"""Thirty people type at one server: how long they wait for verdicts, and what a process that ends takes with it.

python -m tests.benchmarks.web_load [PEOPLE [SECONDS]]
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import httpx

from tests.support.paths import DERIVATIONS

PEOPLE, SECONDS = 30, 60
PAUSES = 0.3, 3.0  # seconds between two texts that a page sends: it waits for a pause in typing
SMALL = sorted((DERIVATIONS / "zoo").glob("*.md"))
LARGE = [DERIVATIONS / f"{name}.md" for name in ("vardhan", "slides")]  # LSTMs with mistakes, 65 and 97 lines
SHARE_OF_LARGE = 5  # one of so many people writes a large one
KILLED_EVERY = 5.0  # seconds: a process of the server is ended


def texts(path, rng):
    """Yield what somebody types into a derivation: a line is written sign by sign, and stays as it was."""
    lines = path.read_text(encoding="utf-8").split("\n")
    written = [k for k, line in enumerate(lines) if re.match(r"(\d+\. )?[∇∂dδ\\]", line)]
    while True:
        k = rng.choice(written)
        for end in sorted(rng.sample(range(1, len(lines[k]) + 1), min(6, len(lines[k])))):
            yield "\n".join([*lines[:k], lines[k][:end], *lines[k + 1 :]])
        yield "\n".join(lines)


async def person(number, address, token, until, waits):
    """Type until the end; note the seconds to the verdicts, and to the suggestions, and whatever is no answer."""
    rng = random.Random(number)
    path = rng.choice(SMALL if number % SHARE_OF_LARGE else LARGE)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
        kind, going = "large" if path in LARGE else "small", None
        for text in texts(path, rng):
            if time.monotonic() > until:
                break
            going = asyncio.create_task(
                one(client, {"page": str(number), "name": path.name, "text": text}, kind, waits)
            )
            await asyncio.sleep(rng.uniform(*PAUSES))
        await going


async def one(client, given, kind, waits):
    begun = time.monotonic()
    answers = []
    async with client.stream("POST", "/check", json=given) as response:
        async for line in response.aiter_lines():
            answers.append((json.loads(line)["state"], time.monotonic() - begun))
    waits.append((kind, response.status_code, answers))


def processes(parent):
    """Return the processes of a server that do jobs: those below the one that makes them."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children = {}
    for pid, ppid in (map(int, row.split()) for row in listed.splitlines()):
        children.setdefault(ppid, []).append(pid)
    return [grandchild for child in children.get(parent, ()) for grandchild in children.get(child, ())]


async def ending(server, until, ended):
    """End a process of the server every few seconds."""
    while time.monotonic() < until - KILLED_EVERY:
        await asyncio.sleep(KILLED_EVERY)
        some = processes(server.pid)
        if some:
            os.kill(random.choice(some), signal.SIGKILL)
            ended.append(1)


def quantile(seconds, share):
    return sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)] if seconds else float("nan")


async def typing(server, address, token, people, seconds):
    waits, ended, until = [], [], time.monotonic() + seconds
    crowd = [person(number, address, token, until, waits) for number in range(people)]
    await asyncio.gather(*crowd, ending(server, until, ended))
    return waits, len(ended)


def main(people=PEOPLE, seconds=SECONDS):
    command = [sys.executable, "-m", "tinyad", "serve", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address, _, token = server.stdout.readline().strip().partition("/?token=")
            time.sleep(3)
            waits, ended = asyncio.run(typing(server, address, token, people, seconds))
        finally:
            server.send_signal(signal.SIGINT)
    print(f"{people} people, {seconds} s, {os.cpu_count()} cores; {ended} processes of the server were ended")
    for kind in ("small", "large"):
        of_kind = [answers for sort, _, answers in waits if sort == kind]
        first = [answers[0][1] for answers in of_kind if answers and answers[0][0] != "superseded"]
        second = [answers[1][1] for answers in of_kind if len(answers) > 1 and answers[1][0] == "done"]
        for what, some in (("verdicts", first), ("suggestions", second)):
            middle, late = (1000 * quantile(some, share) for share in (0.5, 0.95))
            print(
                f"{kind} texts, {what:11}: {len(some):5} answers, median {middle:5.0f} ms, 95 % within {late:5.0f} ms"
            )
    states = [state for _, _, answers in waits for state, _ in answers]
    lost = sum(not answers for _, _, answers in waits) + states.count("stopped")
    busy, late = states.count("busy"), sum(answers[-1][0] == "superseded" for _, _, answers in waits if answers)
    print(f"{len(waits)} texts: {late} with a newer one before all was found, {busy} refused, {lost} lost")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
