"""Where things are in the project."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DERIVATIONS = ROOT / "lstm_models/derivations"
GOLDEN = ROOT / "tests/golden"
