"""Runs are the same whether or not what makes machine code is installed; what tests it says so."""

import pytest

from lstm_models import training


@pytest.fixture(autouse=True)
def in_numpy(monkeypatch):
    monkeypatch.setattr(training, "fastest_engine", lambda: "numpy")
