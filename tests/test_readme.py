"""The README's examples run, one after the other, and print what stands below them."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```(python|text)\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def rounded(text):
    """Numbers to 8 digits: the last ones differ between processors."""
    return re.sub(r"-?\d+\.\d{8,}(e-?\d+)?", lambda m: f"{float(m[0]):.8g}", text)


def run(blocks):
    """(printed, expected) of every python block that has a text block below it."""
    names = {}
    for k, (kind, code) in enumerate(blocks):
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(code, f"README example {k}", "exec"), names)
            below = blocks[k + 1] if k + 1 < len(blocks) else ("", "")
            yield out.getvalue(), below[1] if below[0] == "text" else ""


def test_every_example(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shown = list(run(BLOCKS))
    assert len(shown) == 5
    for printed, expected in shown:
        assert rounded(printed) == rounded(expected)
    assert (tmp_path / "cell.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_changed_output_is_seen():
    ((printed, expected),) = run([("python", "print(0.123456789)"), ("text", "0.123466789\n")])
    assert rounded(printed) != rounded(expected)


def test_links_and_commands_exist():
    text = README.read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (README.parent / path).exists(), path
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make (\w+)`", text):
        assert f"\n{target}:" in makefile, target
