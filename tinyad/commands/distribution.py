"""Do one job for each of many files: one after the other, in several processes, or on a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
SECONDS_TO_CONNECT = 10


def in_processes(job: Callable[[str], T], files: Sequence[str], jobs: int, lost: Callable[[str], T]) -> Iterator[T]:
    """Yield job(file) in the order of the files, from so many processes; lost(file) where the process ended instead.

    What else was waiting when a process ended is done again, each file in a process of its own.
    """
    if jobs == 1 or len(files) == 1:
        yield from map(job, files)
        return
    pool = ProcessPoolExecutor(min(jobs, len(files)), get_context("spawn"))
    try:
        for file, future in [(file, pool.submit(job, file)) for file in files]:
            try:
                yield future.result()
            except BrokenProcessPool:
                yield _alone(job, file, lost)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _alone(job: Callable[[str], T], file: str, lost: Callable[[str], T]) -> T:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(job, file).result()
        except BrokenProcessPool:
            return lost(file)


def on_cluster(job: Callable[[str], T], files: Sequence[str], scheduler: str, lost: Callable[[str], T]) -> Iterator[T]:
    """Yield job(file) in the order of the files, from the workers of a Dask cluster, which read the files themselves.

    ValueError if Dask is not installed here, or no scheduler answers.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise ValueError("--scheduler needs Dask: pip install distributed") from None
    try:
        client = Client(scheduler, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        paths = [os.path.abspath(file) for file in files]
        for file, future in zip(files, client.map(job, paths, pure=False), strict=True):
            try:
                yield future.result()
            except KilledWorker:
                yield lost(file)
