"""Pages in a browser: every formula visible, no complaints, folding, choosing, keys, print, dark, without scripts."""

import re

import numpy as np
import pytest

from lstm_models.example import example
from lstm_models.models import MODELS
from lstm_models.slides import GATES
from tests.support.browser_pages import write_pages
from tests.support.browser_view import HIDDEN_FORMULAS, SHOWN, apart, in_view, places, unfold

pytestmark = pytest.mark.slow  # a browser takes seconds to open a page


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    write_pages(folder)
    return folder


@pytest.fixture
def opened(browser, files):
    """Opens a page; when the test is over, it must have complained about nothing and fetched nothing."""
    complaints, fetched, contexts, loads = [], [], [], []

    def opened(name, reloads=0, **options):
        loads.append(1 + reloads)
        context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto((files / f"{name}.html").as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_selector("svg.live[viewBox]", state="attached")
        return page

    opened.complaints = complaints
    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert len(fetched) == sum(loads)


@pytest.mark.parametrize("name", ["report", "slides", "vardhan", "sancho", "pieces"])
def test_every_formula_is_visible(opened, name):
    page = opened(name)
    unfold(page)
    assert page.locator("math").count() > 50
    assert page.evaluate(HIDDEN_FORMULAS) == []


def test_a_hidden_formula_is_noticed(opened):
    page = opened("report")
    unfold(page)
    page.add_style_tag(content="summary { height: 4px; overflow: hidden }")
    assert page.evaluate(HIDDEN_FORMULAS)


def test_complaints_are_noticed(opened):
    page = opened("report")
    page.evaluate("setTimeout(() => console.info('said')); setTimeout(() => nothing.here)")
    page.wait_for_timeout(100)
    assert sorted(opened.complaints) == ["nothing is not defined", "said"]
    opened.complaints.clear()


def test_folding_a_time_step(opened):
    page = opened("plain")
    before, width = places(page, f".box{SHOWN}"), page.locator(".view svg > rect").get_attribute("width")
    page.locator('.frame[data-parent="0"] > text').first.click()
    assert page.locator(f".cover{SHOWN} text").all_text_contents() == ["t = 1", "32 values"]
    assert len(places(page, f".box{SHOWN}")) == len(before) - 32
    assert float(page.locator(".view svg > rect").get_attribute("width")) < float(width) - 500
    page.locator(f".cover{SHOWN}").click()
    assert page.locator(f".cover{SHOWN}").count() == 0
    assert np.allclose(places(page, f".box{SHOWN}"), before, atol=0.5)


def test_folding_everything(opened):
    page = opened("report")
    page.get_by_role("button", name="Fold all groups").click()
    assert page.locator(f".cover{SHOWN}").count() == 3 * len(GATES)
    assert page.locator(f".box{SHOWN}").count() == 2 + 3  # the states before and x
    page.get_by_role("button", name="Fold all time steps").click()
    assert page.locator(f".cover{SHOWN} text:first-of-type").all_text_contents() == ["t = 1", "t = 2", "t = 3"]
    assert page.locator(".cover.own" + SHOWN).count() == 1  # where the mistake is
    page.get_by_role("button", name="Unfold all time steps").click()
    page.get_by_role("button", name="Unfold all groups").click()
    assert page.locator(f".cover{SHOWN}").count() == 0
    assert page.locator(f".box{SHOWN}").count() == 2 + 3 * 32


FOLDS = [[], ["t = 1"], ["forget gate"], ["t = 2", "cell state"], ["t = 1", "t = 2", "t = 3"], ["hidden state"]]


@pytest.mark.parametrize("folds", FOLDS, ids=" ".join)
def test_nothing_covers_anything(opened, folds):
    page = opened("report")
    for title in folds:
        page.locator(f".frame{SHOWN} > text", has_text=re.compile(f"^{title}$")).first.dispatch_event("click")
    apart(page)


@pytest.mark.parametrize("folded", [1, 2, 3])
def test_time_steps_that_run_both_ways(opened, folded):
    page = opened("a circle")
    apart(page)
    for _ in range(folded):
        page.locator(f".frame{SHOWN} > text").last.dispatch_event("click")
        apart(page)


def test_what_covers_or_misses_something_is_noticed(opened):
    page = opened("plain")
    page.evaluate("document.querySelector('.box.step').setAttribute('transform', 'translate(0 40)')")
    with pytest.raises(AssertionError):
        apart(page)
    page = opened("plain")
    page.evaluate("document.querySelector('.edge path:nth-of-type(2)').setAttribute('transform', 'translate(9 0)')")
    with pytest.raises(AssertionError):
        apart(page)


def test_something_is_seen_however_tall_it_is(opened):
    page = opened("tall")
    assert in_view(page) > 1
    for button in ("Unfold all time steps", "Fold all time steps", "Unfold all time steps"):
        page.get_by_role("button", name=button, exact=True).click()
        assert in_view(page) > 1


def test_a_drawing_of_many_lines(opened):
    page = opened("many")
    assert page.locator(".view svg").bounding_box()["height"] < 900
    page.locator('[data-key="step_3"]').dispatch_event("click")
    assert page.locator(".box.chosen").count() == 1


def test_keys_bring_what_they_go_to_into_view(opened):
    page = opened("plain")
    page.locator(".view svg").focus()
    outside = """() => {
      const g = document.activeElement, svg = g.ownerSVGElement.getBoundingClientRect();
      const r = (g.matches('.frame') ? g.querySelector('text') : g).getBoundingClientRect();
      return r.x < svg.x - 1 || r.right > svg.right + 1 || r.y < svg.y - 1 || r.bottom > svg.bottom + 1;
    }"""
    for _ in range(60):
        page.keyboard.press("ArrowDown")
        assert not page.evaluate(outside)


def test_the_focus_is_not_lost(opened):
    page = opened("plain")
    page.locator('[data-key="step_3"]').click()
    page.locator(".chosen-step a[data-go]").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className") == "chosen-step"


def test_a_click_without_a_pointer_after_a_drag(opened):
    page = opened("plain")
    page.locator(".view svg").scroll_into_view_if_needed()
    at = page.locator(".view svg").bounding_box()
    page.mouse.move(at["x"] + 500, at["y"] + 100)
    page.mouse.down()
    page.mouse.move(at["x"] + 300, at["y"] + 110, steps=4)
    page.mouse.up()
    page.locator('[data-key="step_3"]').dispatch_event("click")
    assert page.locator(".box.chosen").count() == 1


def test_backward_and_findings_lead_into_the_drawing(opened):
    page = opened("report")
    page.locator("section", has=page.get_by_role("heading", name="Backward")).get_by_role("link").first.click()
    assert page.locator(".box.chosen").get_attribute("data-key") == "step_93"
    page.get_by_role("link", name="∇C[1]", exact=True).click()
    assert page.locator(".box.chosen").get_attribute("data-key") == "step_22"


def test_all_of_it_is_printed(opened):
    page = opened("report")
    box = page.locator(".view svg").get_attribute("viewBox")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert in_view(page) == 2 + 3 * 32
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".view svg").get_attribute("viewBox") == box


def test_a_narrow_window(opened):
    page = opened("report")
    page.set_viewport_size({"width": 400, "height": 800})
    unfold(page)
    for step in (1, 7, 22, 29, 30, 31):
        page.locator(f'[data-key="step_{step}"]').dispatch_event("click")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_little_and_odd(opened):
    page = opened("no boxes")
    page.locator(".view svg").focus()
    page.keyboard.press("ArrowRight")
    page = opened("a leaf")
    page.locator(".box").click()
    assert page.locator(".chosen-step .title").text_content().split() == ["x", "1×1"]
    page = opened("names")
    page.locator(".frame > text").click()
    assert page.locator(f".cover{SHOWN} text").all_text_contents() == ['a"b', "1 value"]
    page.locator(f".cover{SHOWN}").click()
    page.locator(".box.step").click()
    page.get_by_role("button", name="<x>\\", exact=True).click()
    assert page.locator(".chosen-step .title").text_content().strip().startswith("<x>")


def test_choosing_a_step(opened):
    page = opened("report")
    page.get_by_role("button", name="the whole drawing").click()
    page.locator('[data-key="step_51"]').click()
    panel = page.locator(".chosen-step")
    assert "4×2" in panel.locator(".title").inner_text()
    d, _ = example(MODELS["slides"])
    shown = [float(x) for x in panel.locator("figure pre").first.inner_text().split()]
    assert np.allclose(shown, d.tape["z17[2]"].value.ravel(), rtol=1e-3)
    assert page.locator(".box.chosen").get_attribute("data-key") == "step_51"
    assert page.locator(".edge.near").count() == 3  # f and C[1] to it, it to C
    panel.get_by_role("link", name="C[1]").first.click()
    assert page.locator(".box.chosen").get_attribute("data-key") == "step_22"
    contributions = panel.locator("figure").all_inner_texts()
    assert sum("step " in text for text in contributions) == 5  # of z1, z7, z17 and z19 and of z25
    assert sum("by hand" in text for text in panel.locator("figcaption").all_inner_texts()) == 1
    assert panel.locator("mark").count() == 1


def test_it_opens_at_the_first_wrong_step(opened):
    page = opened("report")
    assert page.locator(".box.chosen").get_attribute("data-key") == "step_54"
    assert "the contribution of step 54, W_oCᵀ * ∇z19[2], is missing" in page.locator(".chosen-step").text_content()
    assert opened("plain").locator(".chosen").count() == 0


def test_choosing_what_is_folded_unfolds_it(opened):
    page = opened("report")
    page.get_by_role("button", name="Fold all time steps").click()
    page.locator('.chosen-step, .value[data-about="step_51"] > summary').last.click()
    page.locator('.value[data-about="step_51"] a[data-go]').first.click()
    assert page.locator(f".cover{SHOWN}").count() == 2
    assert page.locator(".box.chosen" + SHOWN).count() == 1


def test_keys(opened):
    page = opened("plain")
    page.locator(".view svg").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    seen = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert seen == "h[0], 4×2"
    assert page.locator(".chosen-step .title").text_content().split()[0] == "h(0)"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "fold t = 1"
    page.keyboard.press("Enter")
    assert page.locator(f".cover{SHOWN}").count() == 1
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "unfold t = 1, 32 values"
    page.keyboard.press(" ")
    assert page.locator(f".cover{SHOWN}").count() == 0
    box = page.locator(".view svg").get_attribute("viewBox")
    page.keyboard.press("+")
    assert page.locator(".view svg").get_attribute("viewBox") != box
    page.keyboard.press("0")
    assert float(page.locator(".view svg").get_attribute("viewBox").split()[2]) > 4000


def test_moving_and_zooming(opened):
    page = opened("plain")
    svg = page.locator(".view svg")
    svg.scroll_into_view_if_needed()

    def window():
        return [float(x) for x in svg.get_attribute("viewBox").split()]

    start, at = window(), svg.bounding_box()
    page.mouse.move(at["x"] + 400, at["y"] + 200)
    page.mouse.wheel(0, 40)
    assert window() == start  # the page scrolls
    page.wait_for_timeout(100)
    at = svg.bounding_box()
    page.mouse.move(at["x"] + 500, at["y"] + 100)
    page.mouse.down()
    page.mouse.move(at["x"] + 300, at["y"] + 110, steps=4)
    page.mouse.up()
    assert window()[0] > start[0] + 150
    assert page.locator(".chosen").count() == 0
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_timeout(100)
    assert window()[2] < start[2]
    page.get_by_role("button", name="the whole drawing").click()
    assert window()[2] > 4000


def test_two_drawings_do_not_meet(opened):
    page = opened("pieces")
    first, second = page.locator(".explored").all()
    assert first.locator(f".cover{SHOWN} text:first-of-type").all_text_contents()[0] == "t = 1"
    assert second.locator(f".cover{SHOWN}").count() == 0
    second.locator('[data-key="step_3"]').click()
    assert first.locator(".chosen").count() == 0
    assert second.locator(".chosen-step .title").count() == 1


def test_without_scripts(opened):
    page = opened("report", java_script_enabled=False)
    assert page.locator(".view svg").is_visible()
    assert page.locator(".bar, .chosen-step, .cover").count() == 0
    page.locator("#step_51 > summary").click()
    assert page.locator("#step_51 figure").first.is_visible()


def test_dark_and_print(opened):
    page = opened("report", color_scheme="dark")
    ground = "getComputedStyle(document.querySelector('.view svg > rect')).fill"
    step = "getComputedStyle(document.querySelector('.box.step > rect')).fill"
    assert page.evaluate(ground) == "rgb(20, 24, 29)"
    assert page.evaluate(step) == "rgb(32, 39, 47)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.locator(".bar").is_hidden()
    assert page.pdf().startswith(b"%PDF")


WINDOWS = {"a window": (1280, 800), "a phone": (390, 844)}
WHERE = """() => {
  const svg = document.querySelector('.view svg'), at = svg.getBoundingClientRect();
  const all = [...svg.querySelectorAll(':is(.box, .cover, .frame):not([display=none])')].map(g => {
    const r = g.querySelector('rect').getBoundingClientRect();
    return [r.x, r.y, r.right, r.bottom];
  });
  const ends = k => all.map(r => r[k]);
  const letters = [...svg.querySelectorAll('text')].map(t => t.getBoundingClientRect().height).filter(h => h > 0);
  return {
    view: [at.x, at.y, at.right, at.bottom],
    drawn: [Math.min(...ends(0)), Math.min(...ends(1)), Math.max(...ends(2)), Math.max(...ends(3))],
    unit: at.width / svg.viewBox.baseVal.width, letters: Math.min(...letters),
  };
}"""


def first_screen(page, size):
    """Fails where the drawing is not on the first screen, is cut, is half empty, or has letters that are too small."""
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    page.reload()
    page.wait_for_selector("svg.live[viewBox]", state="attached")
    page.wait_for_timeout(200)
    seen = page.evaluate(WHERE)
    view, drawn = seen["view"], seen["drawn"]
    assert view[3] <= size[1]
    assert all(a >= b - 1 for a, b in zip(drawn[:2], view[:2], strict=True))
    assert all(a <= b + 1 for a, b in zip(drawn[2:], view[2:], strict=True))
    assert drawn[2] - drawn[0] >= 0.6 * (view[2] - view[0])
    assert abs((drawn[0] + drawn[2]) - (view[0] + view[2])) < 20  # in the middle
    assert 0.74 <= seen["unit"] <= 1.01
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", ["first screen", "first screen, right"])
def test_all_of_the_drawing_is_on_the_first_screen(opened, name, window):
    first_screen(opened(name, reloads=1), WINDOWS[window])


def test_a_drawing_that_does_not_fit_is_noticed(opened):
    with pytest.raises(AssertionError):
        first_screen(opened("report", reloads=1), WINDOWS["a window"])


def test_what_is_wrong_stays_open(opened):
    page = opened("first screen")
    folded = page.locator(f".cover{SHOWN} text:first-of-type").all_text_contents()
    assert {"t = 1", "t = 3", "forget gate"} <= set(folded)
    assert not {"t = 2", "output gate"} & set(folded)
    assert page.locator(".box.own" + SHOWN).count() == 1
    assert page.locator(".box.chosen").get_attribute("data-key") == "step_54"


def test_it_is_printed_as_it_is_seen(opened):
    """Whole, no wider than it is, and as wide as the paper at most."""
    page = opened("first screen")
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_timeout(200)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    seen = page.evaluate(WHERE)
    x, y, right, bottom = (abs(a - b) for a, b in zip(seen["view"], seen["drawn"], strict=True))
    assert max(x, y, right, bottom) < 25
    assert 0.4 < seen["unit"] <= 1.01
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelector('.view svg').style.width") == ""
