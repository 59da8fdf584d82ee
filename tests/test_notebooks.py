"""The notebooks run from top to bottom."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def run(path):
    names = {}
    for k, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{path.name}, cell {k}", "exec"), names)
    return names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_is_stored_without_outputs(path):
    assert run(path)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert all(not cell.get("outputs") for cell in cells)


def test_the_lstm():
    names = run(Path(__file__).parents[1] / "notebooks" / "lstm.ipynb")
    assert names["right"].ok
    assert names["wrong"].first_wrong.step == 20
    assert "= where += belongs" in names["wrong"].first_wrong.looks_like
    assert "<svg" in names["picture"]._repr_svg_()
