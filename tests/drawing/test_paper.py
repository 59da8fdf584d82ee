"""Pictures for a paper: how large they are, that their letters can be read, and what they are made of."""

import re
import struct
import sys
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest

from lstm_models.slides import GATES
from tests.support.pictures import NASTY, SVG, classifier, gated, lstm, nasty
from tinyad import TABLE, Tape, graph, tanh
from tinyad.drawing import figure
from tinyad.drawing.elements import formulas_of
from tinyad.drawing.letters import formula_width, text_width
from tinyad.drawing.paper import LONGEST, MM, READABLE, on_paper

matplotlib = pytest.importorskip("matplotlib")
FOLDED = {"fold_unnamed": True, "sizes": False}


def saved(picture, path, *width):
    picture.save(path, *width)
    return path.read_bytes()


def pdf_sides(data):
    """The sides of the one page of a PDF, in millimetres."""
    (box,) = re.findall(rb"/MediaBox \[ ([\d. ]+) \]", data)
    _, _, width, height = map(float, box.split())
    return width / MM, height / MM


def png_sides(data):
    """The sides of a PNG in pixels, and its pixels per metre."""
    assert data.startswith(b"\x89PNG")
    at = data.index(b"pHYs") + 4
    return struct.unpack(">II", data[16:24]), struct.unpack(">II", data[at : at + 8])


def test_a_pdf_is_as_wide_as_is_asked(tmp_path):
    data = saved(graph(gated(1), **FOLDED), tmp_path / "a.pdf", 140)
    width, height = pdf_sides(data)
    assert width == pytest.approx(140, abs=0.01)
    layout = on_paper(graph(gated(1), **FOLDED).formulas, 140).layout.clusters[0]
    assert height == pytest.approx(140 * layout.height / layout.width, abs=0.01)


def test_a_pdf_has_its_fonts_in_it(tmp_path):
    data = saved(graph(classifier(), fold_unnamed=True), tmp_path / "a.pdf")
    assert data.count(b"/FontFile2") == data.count(b"/Subtype /TrueType") + data.count(b"/Subtype /CIDFontType2") > 0
    assert b"/Type3" not in data
    assert b"CreationDate" not in data
    assert data == saved(graph(classifier(), fold_unnamed=True), tmp_path / "b.pdf")


def letters(data):
    """The sizes of letters that the pages of a PDF use."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    pages = [zlib.decompress(stream) for stream in streams if stream[:1] == b"x"]
    return {float(size) for page in pages for size in re.findall(rb"/F[\w-]+ ([\d.]+) Tf", page)}


@pytest.mark.parametrize("width", [120, 150, 200])
def test_letters_can_be_read(width, tmp_path):
    """Indices are 0.7 times as large as the letters."""
    picture = graph(gated(1), fold_unnamed=True)
    data = saved(picture, tmp_path / "a.pdf", width)
    scale = on_paper(picture.formulas, width).scale
    assert 10 * scale >= READABLE - 1e-9
    assert {round(size / scale) for size in letters(data) if size > 8.5 * scale} == {10, 12}
    assert min(letters(data)) >= 0.69 * READABLE


def test_a_png_has_300_pixels_an_inch(tmp_path):
    sides, (x, y) = png_sides(saved(graph(gated(1), **FOLDED), tmp_path / "a.png", 127))
    assert sides[0] == pytest.approx(127 / 25.4 * 300, abs=1)
    assert (x, y) == (11811, 11811)


def test_without_a_width_a_pixel_is_a_pixel(tmp_path):
    picture = graph(classifier())
    paper = on_paper(picture.formulas)
    assert pdf_sides(saved(picture, tmp_path / "a.pdf"))[0] == pytest.approx(paper.layout.clusters[0].width * 25.4 / 96)


def test_an_svg_is_as_wide_as_is_asked(tmp_path):
    picture = graph(classifier(), fold_unnamed=True)
    root = ET.fromstring(saved(picture, tmp_path / "a.svg", 120))
    _, _, width, height = map(float, root.get("viewBox").split())
    assert root.get("width") == "120.00mm"
    assert float(root.get("height").removesuffix("mm")) == pytest.approx(120 * height / width, abs=0.1)
    assert picture.drawn_by == "tinyad"
    assert {text.text for text in root.iter(f"{SVG}text")} >= {"z = W * x + b", "p = softmax(z)"}


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png", "tex"])
def test_letters_grow_no_larger_than_12_points(suffix, tmp_path):
    tape = Tape()
    x = tape.variable(np.ones((3, 2)), "x")
    tape.name({"y": np.tanh(x)})
    data = saved(graph(tape), tmp_path / f"a.{suffix}", 178)
    paper = on_paper(graph(tape).formulas, 178)
    picture = paper.layout.clusters[0]
    assert paper.scale == 1
    assert paper.sides[0] == pytest.approx(178 * MM)
    assert paper.side == pytest.approx((178 * MM - picture.width) / 2)
    if suffix == "svg":
        as_text = on_paper(graph(tape).formulas, 178, as_text=True)
        left, top, width, _ = map(float, ET.fromstring(data).get("viewBox").split())
        assert (left, top) == (pytest.approx(-as_text.side, abs=0.1), 0)
        assert width == pytest.approx(178 * MM, abs=0.1)
        assert f'<rect x="{-as_text.side:.1f}"' in data.decode()  # the ground is white from side to side
    elif suffix == "pdf":
        assert pdf_sides(data)[0] == pytest.approx(178, abs=0.01)
        assert max(letters(data)) == pytest.approx(12)
    elif suffix == "png":
        assert png_sides(data)[0][0] == pytest.approx(178 / 25.4 * 300, abs=1)
    else:
        assert (
            rf"\useasboundingbox ({-paper.side:.1f}, 0) rectangle ({picture.width + paper.side:.1f}, " in data.decode()
        )


def test_a_narrow_picture_has_more_lines():
    drawn = {width: on_paper(graph(gated(1), **FOLDED).formulas, width).layout.drawing for width in (120, 400)}
    lines = {width: sum(len(box.lines) for box in drawing.boxes) for width, drawing in drawn.items()}
    assert lines[120] > lines[400] + 4


def test_the_smallest_width_is_said_and_works(tmp_path):
    picture = graph(lstm(1), groups=GATES)
    with pytest.raises(ValueError, match=r"width=85: too little for letters of 6 points") as caught:
        picture.save(tmp_path / "a.pdf", 85)
    least = int(re.search(r"is (\d+) mm wide", str(caught.value))[1])
    assert "fold_unnamed=True, sizes=False, fold=[...] or another direction" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert pdf_sides(saved(picture, tmp_path / "a.pdf", least))[0] == pytest.approx(least, abs=0.01)
    with pytest.raises(ValueError, match=f"is {least} mm wide"):
        picture.save(tmp_path / "a.pdf", least - 1)


@pytest.mark.parametrize("width", [0, -1, float("nan"), float("inf"), "85", True, None])
def test_a_width_is_a_number_above_0(width, tmp_path):
    picture = graph(classifier())
    if width is None:
        picture.save(tmp_path / "a.tex", width)
        return
    for suffix in ("svg", "pdf", "png", "tex"):
        with pytest.raises(ValueError, match=r"width=.*: a number of millimetres above 0"):
            picture.save(tmp_path / f"a.{suffix}", width)


def test_dot_has_no_width(tmp_path):
    with pytest.raises(ValueError, match=r"a\.dot: DOT text has no width"):
        graph(classifier()).save(tmp_path / "a.dot", 85)


def test_what_is_too_large(tmp_path):
    picture = graph(lstm(20))
    with pytest.raises(ValueError, match=r"pixels are too many for PNG; choose PDF, or fold some of the steps"):
        picture.save(tmp_path / "a.png")
    picture = graph(lstm(24))
    with pytest.raises(ValueError, match=r"inches are too many for PDF; fold some of the steps"):
        picture.save(tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    for suffix in ("pdf", "png"):
        with pytest.raises(ImportError, match=r"^a picture needs matplotlib: pip install matplotlib$"):
            graph(classifier()).save(tmp_path / f"a.{suffix}")
    assert list(tmp_path.iterdir()) == []
    for suffix in ("svg", "tex", "dot"):
        graph(classifier()).save(tmp_path / f"a.{suffix}")


def test_nothing_else_of_matplotlib_is_changed(tmp_path):
    before = dict(matplotlib.rcParams)
    plain = saved(graph(classifier()), tmp_path / "a.pdf")
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"savefig.bbox": "tight", "font.size": 30, "pdf.fonttype": 3}):
        assert saved(graph(classifier()), tmp_path / "b.pdf") == plain


PICTURES = {
    "folded": lambda: graph(gated(2), fold_unnamed=True),
    "down": lambda: graph(lstm(1), groups=GATES, fold="candidate", direction="down"),
    "classifier": lambda: graph(classifier()),
    "names": nasty,
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("longest", [LONGEST[0], LONGEST[-1]])
def test_every_text_fits_into_its_box(name, longest, monkeypatch):
    """Measured by matplotlib, with the fonts of the picture."""
    monkeypatch.setattr("tinyad.drawing.paper.LONGEST", (longest,))
    paper = on_paper(PICTURES[name]().formulas)
    layout, drawing = paper.layout, paper.layout.drawing
    made = figure.new_figure(*(side / 72 for side in paper.sides), dpi=72)
    with matplotlib.rc_context(figure.FONTS):
        figure._draw(made, paper)
        (axes,) = made.axes
        titles = len(drawing.clusters) - 1
        assert [text.get_text() for text in axes.texts[:titles]] == [cluster.title for cluster in drawing.clusters[1:]]
        texts = iter(axes.texts[titles:])
        for box, place in zip(drawing.boxes, layout.boxes, strict=True):
            top = place.y - place.height / 2
            for line, formula in zip(box.lines, formulas_of(box), strict=True):
                text = next(texts)
                assert text.get_text() == (f"${formula}$" if formula else line)
                extent = text.get_window_extent().transformed(axes.transData.inverted())
                assert extent.width <= place.width, line
                assert extent.width >= 0.5 * (formula_width(formula) if formula else text_width(line)) * 10
                assert top <= min(extent.y0, extent.y1) + 4
                top = min(extent.y0, extent.y1)
    assert next(texts, None) is None


def test_every_formula_of_the_table_can_be_set():
    """By matplotlib, which knows less LaTeX than LaTeX."""
    from matplotlib.mathtext import MathTextParser

    from tests.support.points import fitting

    parser = MathTextParser("path")
    for op in TABLE.values():
        tape = Tape()
        for operands in fitting(op):
            tape.name({"z": op(*tape.variables(**dict(zip("xy", operands, strict=False))).values())})
            picture = graph(tape, weights=[])
            formulas = [line for box in picture.drawing.boxes for line in formulas_of(box) if line]
            assert formulas
            for formula in formulas:
                parser.parse(f"${formula}$")
            break


@pytest.mark.parametrize("name", [NASTY, "ä", "a^b", "a~b", "\\", "$x$", "naïve_λ[3]", "{", "%#&_"])
def test_every_name_can_be_drawn(name, tmp_path):
    tape = Tape()
    tape.name({name + "z": tanh(tape.variable(np.ones((2, 1)), name))})
    picture = graph(tape, weights=[], groups={name: []})
    assert pdf_sides(saved(picture, tmp_path / "a.pdf"))[0] > 10
