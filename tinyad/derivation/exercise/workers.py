"""Jobs in processes of their own, each with a limit on memory and on time: one that ends takes no other with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Any, NamedTuple

CONTEXT = get_context("spawn")


class Limits(NamedTuple):
    """How many processes there are, and what each may take: seconds for a job, bytes of address space."""

    processes: int
    seconds: float
    bytes: int


class Done(NamedTuple):
    """What came of a job, by its number from 0: the result, or why there is none."""

    number: int
    result: Any
    lost: str = ""


class _Worker:
    """A process, and the job that it has."""

    def __init__(self, make: Callable[[Any], Callable[[Any], Any]], setup: Any, limits: Limits) -> None:
        here, there = CONTEXT.Pipe()
        self.connection: Connection = here
        self.process = CONTEXT.Process(target=_serve, args=(there, make, setup, limits.bytes), daemon=True)
        self.process.start()
        there.close()
        self.number, self.deadline = -1, 0.0

    def start(self, number: int, job: Any, seconds: float) -> bool:
        """Give the process a job; return whether it took it."""
        self.number, self.deadline = number, monotonic() + seconds
        try:
            self.connection.send(job)
        except OSError:
            return False
        return True

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def in_workers(
    make: Callable[[Any], Callable[[Any], Any]], setup: Any, jobs: Iterable[Any], limits: Limits
) -> Iterator[Done]:
    """Yield what comes of each job, as they are done; every process calls make(setup) and its result with jobs."""
    waiting = enumerate(jobs)
    workers: list[_Worker] = []
    try:
        while True:
            for number, job in waiting:
                worker = next((w for w in workers if w.number < 0), None) or _Worker(make, setup, limits)
                if worker not in workers:
                    workers.append(worker)
                if not worker.start(number, job, limits.seconds):
                    yield _lost(worker, workers, "its process ended before it began")
                if len([w for w in workers if w.number >= 0]) == limits.processes:
                    break
            busy = [w for w in workers if w.number >= 0]
            if not busy:
                return
            yield from _finished(busy, workers, limits)
    finally:
        for worker in workers:
            worker.end()


def _finished(busy: list[_Worker], workers: list[_Worker], limits: Limits) -> Iterator[Done]:
    """Wait until a job is done, or its time is over."""
    ready = wait([w.connection for w in busy], max(0.0, min(w.deadline for w in busy) - monotonic()))
    for worker in busy:
        if worker.connection in ready:
            try:
                done = Done(worker.number, worker.connection.recv())
            except (EOFError, OSError):
                yield _lost(worker, workers, "its process ended: it may have taken too much memory")
                continue
            worker.number = -1
            yield done
        elif monotonic() >= worker.deadline:
            yield _lost(worker, workers, f"it takes more than {limits.seconds:g} seconds")


def _lost(worker: _Worker, workers: list[_Worker], why: str) -> Done:
    """End a process, and say that its job is lost."""
    number = worker.number
    workers.remove(worker)
    worker.end()
    return Done(number, None, why)


def _serve(connection: Connection, make: Callable[[Any], Callable[[Any], Any]], setup: Any, most: int) -> None:
    """Do jobs until nobody sends them any more."""
    limit_memory(most)
    try:
        function = make(setup)
        while True:
            connection.send(function(connection.recv()))
    except (EOFError, KeyboardInterrupt):
        return


def limit_memory(most: int) -> None:
    """Limit the address space of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
