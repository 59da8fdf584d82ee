"""Processes that do jobs: so many at a time, each with limits; one that ends or takes too long takes no job with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from heapq import heappop, heappush
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from typing import Any

from tinyad.code.sandbox import limit_process
from tinyad.web.limits import JOB_SECONDS, JOBS_OF_PROCESS, JOBS_WAITING, NICENESS, TRIES

Answer = dict[str, Any]
Do = Callable[[Any], Answer]
ENDED = {"state": "stopped", "message": "the process that checked this text ended before it was done"}
TOO_LONG = {"state": "stopped", "message": f"the check of this text took more than {JOB_SECONDS:g} seconds"}


class BusyError(Exception):
    """More jobs wait than may."""


class Workers:
    """Processes that do jobs with one function; low: they give way to others."""

    def __init__(self, do: Do, number: int, *, low: bool = False, grace: float = 0.0) -> None:
        self._do, self._low, self._grace = do, low, grace
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._places = _Places(number)
        self._threads = ThreadPoolExecutor(2 * number + 1)
        self._leaving: set[asyncio.Task[None]] = set()
        self.ended = 0  # processes that ended while they did a job

    @property
    def is_full(self) -> bool:
        """Return whether no more jobs may wait."""
        return self._places.waiting >= JOBS_WAITING

    async def do(self, job: Any, later: float = 0.0) -> Answer:
        """Return the answer to a job; who cancels this ends the job, after a grace.

        It gives way to jobs that come up to so many seconds later.  Raises BusyError.
        """
        if self.is_full:
            raise BusyError
        await self._places.acquire(later)
        for _ in range(TRIES):
            process = self._idle.pop() if self._idle else self._new()
            asked = asyncio.get_running_loop().run_in_executor(self._threads, process.answer, job)
            try:
                answer = await asyncio.shield(asked)
            except asyncio.CancelledError:
                leaving = asyncio.create_task(self._leave(process, asked))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
                raise
            self._return(process)
            if answer is not None:
                break
            self.ended += 1
        self._places.release()
        return answer if answer is not None else dict(ENDED)

    async def _leave(self, process: _Process, asked: asyncio.Future[Answer | None]) -> None:
        """Let a job that nobody needs come to its end, or end its process; then its place is free."""
        await asyncio.wait([asked], timeout=self._grace)
        if not asked.done():
            process.end()
            await asyncio.wait([asked])
        self._return(process)
        self._places.release()

    def _new(self) -> _Process:
        process = _Process(self._do, self._low)
        self._all.add(process)
        return process

    def _return(self, process: _Process) -> None:
        if process.is_usable:
            self._idle.append(process)
        else:
            process.end()
            self._all.discard(process)

    def processes(self) -> list[int]:
        """Return the numbers of the processes that there are."""
        return [process.number for process in self._all if process.number]

    def close(self) -> None:
        """End all processes."""
        for process in self._all:
            process.end()
        self._threads.shutdown(wait=False)


class _Places:
    """Places for so many jobs; the others wait in the order of their times."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._queue: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self.waiting = 0

    async def acquire(self, later: float) -> None:
        """Wait for a place."""
        if self._free:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heappush(self._queue, (time.monotonic() + later, self._count, place))
        self.waiting += 1
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # the place was given just now
                self.release()
            raise
        finally:
            self.waiting -= 1

    def release(self) -> None:
        """Give a place to whoever is next."""
        while self._queue:
            _, _, place = heappop(self._queue)
            if not place.done():
                place.set_result(None)
                return
        self._free += 1


class _Process:
    """One process, which begins with its first job."""

    def __init__(self, do: Do, low: bool) -> None:
        self._do, self._low = do, low
        self._process: Any = None
        self._connection: Connection | None = None
        self._done = 0
        self._is_over = False

    @property
    def number(self) -> int | None:
        """Return the number of the process in the system; None before it begins."""
        return self._process.pid if self._process is not None else None

    @property
    def is_usable(self) -> bool:
        """Return whether the process can do another job."""
        return not self._is_over and self._done < JOBS_OF_PROCESS

    def answer(self, job: Any) -> Answer | None:
        """Return the answer to a job, in a thread that waits for it; None if the process ended."""
        try:
            if self._connection is None:
                self._begin()
            assert self._connection is not None
            self._connection.send(job)
            if not self._connection.poll(JOB_SECONDS):
                self.end()
                return dict(TOO_LONG)
            self._done += 1
            answer: Answer = self._connection.recv()
        except (OSError, EOFError, ValueError):  # ValueError: the connection is closed
            self.end()
            return None
        return answer

    def _begin(self) -> None:
        method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
        context: Any = get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload(["tinyad.web.jobs"])
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, self._do, self._low), daemon=True)
        self._process.start()
        theirs.close()
        if self._is_over:
            self.end()

    def end(self) -> None:
        """End the process, and those that it has begun."""
        self._is_over = True
        if self._process is None or self._process.pid is None:
            return
        with contextlib.suppress(OSError):  # it has ended
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()


def _work(connection: Connection, do: Do, low: bool) -> None:
    """Do jobs until the server closes the connection or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends its processes
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # what it begins ends with it; in a session of its own it would give way to nobody
    if low and hasattr(os, "nice"):
        os.nice(NICENESS)
    limit_process()
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(do(connection.recv()))
