"""Join the processes that train together, on one machine or on several: JAX connects them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import NamedTuple

import numpy as np

from lstm_models.training import Run

WAIT = 60  # seconds in which all have to come
SILENT = 20  # seconds without a sign of life, after which a process is taken for dead


class Process(NamedTuple):
    """One of several processes, counted from 0; process 0 listens at the `coordinator`, HOST:PORT."""

    coordinator: str
    processes: int
    number: int

    def join(self) -> int:
        """Return the number of devices of all processes, once all have come; ValueError if that is impossible."""
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ValueError(f"coordinator = {self.coordinator!r}: expected HOST:PORT, of process 0")
        if self.processes < 2 or not 0 <= self.number < self.processes:
            raise ValueError(f"process {self.number} of {self.processes}: expected 2 processes or more, counted from 0")
        try:
            jax = import_module("jax")
        except ImportError:
            raise ValueError("several processes need JAX: pip install jax") from None
        print(
            f"process  {self.number} of {self.processes}, at {self.coordinator}: all have {WAIT} seconds to come",
            flush=True,
        )
        if self.number:
            _wait_for(host, int(port))
        jax.distributed.initialize(
            self.coordinator,
            self.processes,
            self.number,
            initialization_timeout=WAIT,
            heartbeat_timeout_seconds=SILENT,
        )
        return int(jax.device_count())

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Raise ConnectionError where another process has ended."""
        try:
            yield
        except import_module("jax").errors.JaxRuntimeError as error:
            why = f"another process has ended, or cannot be reached ({str(error).splitlines()[0]})"
            raise ConnectionAbortedError(errno.ECONNABORTED, why, self.coordinator) from None


def left(status: int) -> int:
    """Return the exit status; a process among others that fails ends here, so that they see it at once."""
    jax = sys.modules.get("jax")
    if status and jax is not None and jax.distributed.is_initialized():
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError):
                stream.flush()
        os._exit(status)
    return status


def check_same(run: Run) -> None:
    """Raise ValueError if not all processes start from the same run."""
    gathered = import_module("jax.experimental.multihost_utils").process_allgather
    kept = [json.dumps(run.options._asdict(), sort_keys=True).encode(), run.fingerprint.encode(), bytes(run.losses)]
    digest = hashlib.sha256(b"".join([*kept, *(block.tobytes() for block in run.arrays.values())])).digest()
    if len(set(map(bytes, gathered(np.frombuffer(digest, np.uint8))))) > 1:
        raise ValueError("the processes start from different runs: give all of them the same options, text and --out")


def _wait_for(host: str, port: int) -> None:
    """Wait until process 0 listens; ValueError if it does not."""
    end = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection((host, port), 5).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise ValueError(f"{host}:{port}: no process 0 in {WAIT} seconds ({error.strerror or error})") from None
            time.sleep(0.2)
