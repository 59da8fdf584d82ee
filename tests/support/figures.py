"""What stands in a figure, for tests."""

from io import BytesIO

from tinyad import Tape


def drawn(figure):
    """Every text of a figure, after it was drawn: warnings, such as of a glyph that is missing, are errors here."""
    figure.savefig(BytesIO(), format="png")
    texts = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    return [text for text in texts if text]


def panels(figure):
    """Title → axes, of those that have one."""
    found = {axes.get_title() or axes.get_title(loc="left"): axes for axes in figure.axes}
    return {title: axes for title, axes in found.items() if title}


def image(axes):
    (only,) = axes.images
    return only.get_array()


def small(**values):
    tape = Tape()
    v = tape.variables(**values)
    return tape, v


def bars(figure):
    """Legend text → heights by entry."""
    axes, legend = figure.axes[0], figure.legends[0]
    texts = [text.get_text() for text in legend.get_texts()]
    return {
        text: [bar.get_height() for bar in container] for text, container in zip(texts, axes.containers, strict=False)
    }


def lines(axes):
    """Colour → (xs, ys), of what is drawn in data coordinates."""
    found = {}
    for line in axes.lines:
        if line.get_transform() == axes.transData:
            found[line.get_color()] = line.get_data()
    return found
