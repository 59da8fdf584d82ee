"""The notebooks say what is stored, and what they are compared by lets nothing else pass."""

import os
import subprocess
import sys
from copy import deepcopy

import pytest
from nbformat import v4

import tests.support.notebooks as notebooks
from tests.support.notebooks import NOTEBOOKS, ROOT, clean, differences, read, run, written

SLOW = {"derivation", "fast", "learning", "steps"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in NOTEBOOKS])
def test_a_notebook_says_what_is_stored(name):
    """In a process of its own: a kernel leaves sockets and event loops behind."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.notebooks", name],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_stored_with_outputs_and_nothing_else(name):
    path = NOTEBOOKS[name]
    notebook = read(path)
    assert path.read_text(encoding="utf-8") == written(clean(notebook))
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert differences(notebook, notebook) == []
    assert {tag for cell in notebook.cells for tag in cell.metadata.get("tags", ())} <= {"varies", "sampled"}


def test_there_are_five():
    assert set(NOTEBOOKS) == {"rules", "steps", "derivation", "code", "learning", "fast"}


DOT = 'digraph tape {\n\tstep_1 [label="z1 = W * x\\n4×2"]\n}\n'


def notebook(*outputs, tags=()):
    cell = v4.new_code_cell("print(x)  # the first line\nx", execution_count=1, outputs=list(outputs), id="a")
    cell.metadata["tags"] = list(tags)
    return v4.new_notebook(cells=[v4.new_markdown_cell("Text.", id="b"), cell])


def shown(**data):
    """A result; the kinds are text_plain, text_html, ..."""
    kinds = {kind.replace("_", "/", 1).replace("vnd_", "vnd."): value for kind, value in data.items()}
    return v4.new_output("execute_result", kinds, execution_count=1)


def printed(text):
    return v4.new_output("stream", name="stdout", text=text)


GRAPH = {"text_plain": "Graph(2 boxes, 1 edge)", "text_vnd_graphviz": DOT, "image_svg+xml": "<svg>dot</svg>"}


def found(old, new, tags=()):
    return differences(notebook(old, tags=tags), notebook(new, tags=tags))


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("loss 1.234567890123", "loss 1.234567890124"),
        ("[[ 1.0  1e-17]]", "[[ 1.0 -3e-18]]"),
        ("[[ 0.5  1.e-17]]", "[[0.5 0.]]"),
        ("1.5e+00", "1.5"),
        ("49 derivatives, within 1 unit of rounding", "49 derivatives, within 3 units of rounding"),
        ("a   b", "a b"),
        ("-0.0", "0.0"),
    ],
)
def test_rounding_is_no_difference(was, now):
    for kind in ("text_plain", "text_latex", "text_html"):
        assert found(shown(**{kind: was}), shown(**{kind: now})) == []
    assert found(printed(was), printed(now)) == []


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("loss 1.23456", "loss 1.23466"),
        ("loss 1.2346", "loss 1.2345"),
        ("loss 0.5", "loss -0.5"),
        ("loss - 0.5", "loss + 0.5"),
        ("1e-05", "1e-06"),
        ("1e-12", "3e-12"),
        ("step 20, z1", "step 21, z1"),
        ("step 20, z1", "step 20, z2"),
        ("1,000,000 steps", "1,000,001 steps"),
        ("right", "wrong"),
        ("right", "right\nright"),
        ("1.5 2.5", "1.5"),
        ("1.5", "nan"),
        ("within 1 unit of rounding", "within 1000 units of rounding"),
        ("x-1.5", "x+1.5"),
    ],
)
def test_a_falsified_output_is_a_difference(was, now):
    for kind in ("text_plain", "text_latex", "text_html"):
        assert len(found(shown(**{kind: was}), shown(**{kind: now}))) == 1
        assert len(found(shown(**{kind: now}), shown(**{kind: was}))) == 1
    assert len(found(printed(was), printed(now))) == 1


def test_a_difference_says_where_it_is():
    (said,) = found(printed("a\nloss 1.5\nb"), printed("a\nloss 1.6\nb"))
    assert said == (
        "cell 2, print(x)  # the first line\n    stdout, line 2\n    stored  loss 1.5\n    now     loss 1.6"
    )


def test_a_graph_is_compared_by_its_dot_text():
    assert found(shown(**GRAPH), shown(**GRAPH | {"image_svg+xml": "<svg>tinyad</svg>"})) == []
    falsified = GRAPH | {"text_vnd_graphviz": DOT.replace("W * x", "x * W")}
    assert "text/vnd.graphviz, line 2" in found(shown(**GRAPH), shown(**falsified))[0]
    falsified = GRAPH | {"text_vnd_graphviz": DOT.replace("4×2", "4×3")}
    assert len(found(shown(**GRAPH), shown(**falsified), tags=["varies"])) == 1
    assert len(found(shown(**GRAPH), shown(text_plain=GRAPH["text_plain"]))) == 1


def test_a_picture_is_compared_by_its_kind_and_size():
    old = {"image_png": "abc", "text_plain": "<Figure size 900x360 with 2 Axes>"}
    assert found(shown(**old), shown(**old | {"image_png": "xyz"})) == []
    assert len(found(shown(**old), shown(**old | {"text_plain": "<Figure size 900x360 with 3 Axes>"}))) == 1
    assert len(found(shown(**old), shown(text_plain=old["text_plain"]))) == 1


def test_other_kinds_are_compared_as_they_are():
    assert found(shown(application_json={"a": 1}), shown(application_json={"a": 1})) == []
    assert (
        "stored {'a': 1}, now {'a': 2}" in found(shown(application_json={"a": 1}), shown(application_json={"a": 2}))[0]
    )


def test_an_output_that_is_missing():
    full, empty = notebook(printed("1"), shown(text_plain="1")), notebook(printed("1"))
    assert (
        "stored outputs are [('stream', 'stdout'), ('execute_result', 'text/plain')], now [('stream', 'stdout')]"
        in (differences(full, empty)[0])
    )
    assert len(differences(empty, full)) == len(differences(notebook(), empty)) == 1
    assert "now none" in differences(empty, notebook())[0]
    assert len(found(printed("1"), shown(text_plain="1"))) == 1


@pytest.mark.parametrize("tags", [(), ("varies",), ("varies", "sampled")])
def test_errors_and_warnings_are_differences_even_if_they_are_stored(tags):
    error = v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
    assert "raised ValueError: no" in found(error, error, tags)[0]
    warning = v4.new_output("stream", name="stderr", text="RuntimeWarning: overflow\n")
    assert "wrote to stderr: RuntimeWarning: overflow" in found(warning, warning, tags)[0]


def test_what_was_not_run_in_order():
    old = notebook(printed("1"))
    new = deepcopy(old)
    old.cells[1].execution_count = 3
    assert "was run as number 3, now as 1" in differences(old, new)[0]


def test_of_a_cell_that_varies_the_lines_are_compared_without_their_numbers():
    def same(was, now):
        return not found(printed(was), printed(now), tags=["varies"])

    assert same("tape     1.05 ms   -1,234\n", "tape 12 ms 0.5e-3\n")
    assert not same("tape 1.05 ms", "program 1.05 ms")
    assert not same("tape 1.05 ms", "tape 1.05 ms 2")
    assert not same("tape 1.05 ms", "tape 1.05 ms\ntape 1.05 ms")
    assert not same("tape 1.05 ms", "")


def test_sampled_text_is_compared_by_its_length():
    def same(was, now):
        return not found(printed(was), printed(now), tags=["varies", "sampled"])

    assert same("the prog\n", "a class \n")
    assert not same("the prog\n", "a class\n")
    assert not same("the prog\n", "a cl\x00ss \n")
    assert found(printed("the prog"), printed("a class "), tags=["varies"])


def test_clean_keeps_tags_sources_and_outputs_alone():
    dirty = notebook(printed("1"), tags=["varies"])
    dirty.metadata = {"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}}
    dirty.cells[1].metadata |= {"execution": {"iopub.status.busy": "2024"}, "collapsed": True}
    tidy = clean(dirty)
    assert tidy.metadata == notebooks.METADATA
    assert [dict(cell.metadata) for cell in tidy.cells] == [{}, {"tags": ["varies"]}]
    assert tidy.cells[1].outputs == dirty.cells[1].outputs
    assert dirty.cells[1].metadata["collapsed"]
    assert written(tidy) == written(clean(tidy))


RUN = """
from nbformat import v4
from tests.support.notebooks import differences, run, written
cells = [v4.new_code_cell(source, id="c%d" % k) for k, source in enumerate(SOURCES)]
first = run(v4.new_notebook(cells=cells))
again = run(first)
assert written(first) == written(again)
print(*differences(first, again), sep="\\n")
"""


@pytest.mark.slow
def test_a_run_stores_what_the_kernel_says():
    """The same twice; an error does not end it, what goes to stderr is seen; the kernel is this Python."""
    sources = [
        "import sys\nprint(sys.executable)\nprint('end')\nprint('tinyad' in sys.modules)",
        "import os\nos.path.basename(os.getcwd()), os.environ['OPENBLAS_NUM_THREADS']",
        "1 / 0",
        "import sys\nprint('mind', file=sys.stderr)",
        "import tinyad\ntinyad.graph(tinyad.Tape())",
    ]
    code = f"SOURCES = {sources!r}\n{RUN}"
    ran = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "cell 3, 1 / 0\n    raised ZeroDivisionError: division by zero" in ran.stdout
    assert "cell 4, import sys\n    wrote to stderr: mind" in ran.stdout
    assert ran.stdout.count("cell ") == 2


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """A notebook whose run is made up: what main says, stores and returns."""
    path = tmp_path / "made.ipynb"
    path.write_text(written(clean(notebook(printed("1.5")))), encoding="utf-8")
    monkeypatch.setattr(notebooks, "NOTEBOOKS", {"made": path})

    def runs_to(output):
        monkeypatch.setattr(notebooks, "run", lambda stored: clean(notebook(output)))
        return path

    return runs_to


def test_main_compares(pretended, capsys):
    before = pretended(printed("1.5")).read_bytes()
    assert notebooks.main([]) == 0
    assert "s, as stored" in capsys.readouterr().out
    assert pretended(printed("1.6")).read_bytes() == before
    assert notebooks.main(["made"]) == 1
    assert "stored  1.5\n    now     1.6" in capsys.readouterr().out


def test_main_stores_but_no_errors(pretended, capsys):
    path = pretended(printed("1.6"))
    assert notebooks.main(["--store"]) == 0
    assert read(path).cells[1].outputs[0].text == "1.6"
    assert "s, stored" in capsys.readouterr().out
    pretended(v4.new_output("error", ename="ValueError", evalue="no", traceback=[]))
    assert notebooks.main(["--store"]) == 1
    assert read(path).cells[1].outputs[0].text == "1.6"


def test_main_knows_its_notebooks(capsys):
    with pytest.raises(SystemExit):
        notebooks.main(["nothing"])
    assert "no notebook nothing; there are" in capsys.readouterr().err
    assert run is notebooks.run
