"""What every test may ask for."""

import signal

import pytest


@pytest.fixture
def interruptible():
    """SIGINT raises KeyboardInterrupt, here and in a child, also where the parent of the tests has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
