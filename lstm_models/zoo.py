"""The derivations that the package brings, to start from: a zoo of models, and the LSTM of every source, corrected."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "derivations"
ZOO = {path.stem: path for path in sorted((FOLDER / "zoo").glob("*.md"))}
LSTMS = {f"lstm-{source}": FOLDER / f"{source}-corrected.md" for source in ("problem4", "sancho", "slides", "vardhan")}
DERIVATIONS = dict(sorted((ZOO | LSTMS).items()))  # all of them right
