"""The page in a browser: verdicts while one types, suggestions, files, links, exercises; with keys, narrow, dark."""

import re

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
pytest.importorskip("uvicorn")
from lstm_models.zoo import DERIVATIONS
from tests.support.browser_view import HIDDEN_FORMULAS
from tests.support.served import CODE, RIGHT, TOKEN, WRONG, listening
from tinyad.web.app import Served
from tinyad.web.disk import Disk

pytestmark = pytest.mark.slow  # a browser takes seconds to open a page
expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    (folder / "wrong.md").write_text(WRONG, encoding="utf-8")
    (folder / "pass.py").write_text(CODE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(folder):
    served = Served(dict(DERIVATIONS), Disk(folder, writable=True), allow_code=True)
    with listening(served, processes=2) as (_, address):
        yield address


@pytest.fixture
def opened(browser, address):
    """Opens the page; when the test is over, it has complained about nothing, and asked no other server."""
    complaints, asked, contexts = [], [], []

    def opened(fragment="", **options):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/?token={TOKEN}{fragment}")
        expect(page.locator(".cm-content")).to_be_visible()
        return page

    opened.complaints = complaints
    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert all(url.startswith((address, "blob:")) for url in asked)


def written(page, text):
    """Put a text in the place of what is in the editor."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def text_of(page):
    return page.evaluate("[...document.querySelectorAll('.cm-line')].map(line => line.textContent).join('\\n')")


def verdicts(page):
    """The verdicts in the margin, from above."""
    return [kind.removeprefix("verdict-") for kind in page.eval_on_selector_all(
        ".verdicts span", "all => all.sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y)"
        ".map(one => one.className)"
    )]  # fmt: skip


def shows(page, *kinds):
    """Wait until the margin shows these verdicts."""
    page.wait_for_function(
        """kinds => JSON.stringify([...document.querySelectorAll('.verdicts span')]
          .sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y)
          .map(one => one.className.replace('verdict-', ''))) === JSON.stringify(kinds)""",
        arg=list(kinds),
    )


def at_end_of(page, text):
    page.locator(".cm-line", has_text=text).first.click()
    page.keyboard.press("End")


def test_the_first_text_is_right(opened):
    page = opened()
    shows(page, "good", "good", "good")
    expect(page.locator("#status")).to_have_text("3 of 3 lines hold")
    assert "token" not in page.url
    assert page.locator("#found math").count() >= 5
    assert page.evaluate(HIDDEN_FORMULAS) == []


def test_a_mistake_is_marked_explained_and_mended(opened):
    page = opened()
    written(page, WRONG)
    shows(page, "good", "good", "bad", "good")
    page.locator(".under-bad").hover()
    about = page.locator(".cm-tooltip .about")
    expect(about).to_contain_text("∇Z is 5×7 and X is 3×7")
    expect(about).to_contain_text("certain: ∇W = ∇Z Xᵀ")
    about.get_by_role("button", name="Take it").click()
    shows(page, "good", "good", "good", "good")
    assert "3. ∇W = ∇Z Xᵀ" in text_of(page)
    page.keyboard.press("Control+z")
    assert text_of(page) == WRONG


def test_the_suggestion_is_taken_from_what_was_found(opened):
    page = opened()
    written(page, WRONG)
    page.locator("#found").get_by_role("button", name="Take it").click()
    shows(page, "good", "good", "good", "good")


def test_with_keys_alone(opened):
    page = opened()
    written(page, WRONG)
    expect(page.locator("#found button.take")).to_have_count(1)
    page.keyboard.press("Control+Home")
    page.keyboard.press("F8")
    expect(page.locator("#status")).to_contain_text("Line 23, does not fit. ∇Z is 5×7 and X is 3×7")
    expect(page.locator("#found tr.here")).to_have_attribute("id", "v2")
    page.keyboard.press("Alt+Enter")
    shows(page, "good", "good", "good", "good")
    page.keyboard.press("Tab")  # out of the text
    assert page.evaluate("document.activeElement.closest('.cm-editor')") is None


def test_signs_are_typed_by_their_names(opened):
    page = opened()
    at_end_of(page, "h = tanh(z)")
    for name, sign in (("\\sig", "σ"), ("\\nab", "∇"), ("\\to", "ᵀ")):
        page.keyboard.type(name, delay=20)
        expect(page.locator(".cm-tooltip-autocomplete")).to_be_visible()
        page.wait_for_timeout(150)  # before that a key is for the text
        page.keyboard.press("Tab")
        assert page.locator(".cm-activeLine").text_content().endswith(sign)
    page.get_by_role("button", name="⊙, \\odot").click()
    assert page.locator(".cm-activeLine").text_content().endswith("σ∇ᵀ⊙")


def test_in_latex_the_command_stays(opened):
    page = opened()
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="A new document in LaTeX").click()
    shows(page, "good", "good", "good")
    at_end_of(page, "tanh(z)")
    page.keyboard.type("\\nab", delay=20)
    page.wait_for_timeout(300)
    page.keyboard.press("Tab")
    assert page.locator(".cm-activeLine").text_content().endswith("\\nabla")


def test_what_is_being_written_is_no_mistake(opened):
    page = opened()
    shows(page, "good", "good", "good")
    at_end_of(page, "∇W = ∇z xᵀ")
    page.keyboard.press("Enter")
    for part in ("4. ", "∇h", " = ", "(W", " + "):
        page.keyboard.type(part, delay=20)
        page.wait_for_timeout(300)
        assert set(verdicts(page)) <= {"good", "calm"}
        assert page.locator(".under-bad, .under-unsure").count() == 0
        assert page.locator("#notice").is_hidden()
    page.wait_for_timeout(1500)
    shows(page, "good", "good", "calm", "good")  # an unfinished line is not found fault with while one is in it
    page.keyboard.press("ArrowUp")
    shows(page, "good", "good", "unsure", "good")


def test_a_wrong_line_is_called_wrong_after_a_pause(opened):
    page = opened()
    shows(page, "good", "good", "good")
    at_end_of(page, "∇W = ∇z xᵀ")
    page.keyboard.press("Backspace")
    shows(page, "good", "calm", "good")
    shows(page, "good", "bad", "good")


def test_a_forward_that_is_being_written_keeps_what_was_found(opened):
    page = opened()
    shows(page, "good", "good", "good")
    at_end_of(page, "1. z = W x")
    page.keyboard.type(" + ")
    expect(page.locator("#notice")).to_have_text("Line 10 is not read yet.")
    page.wait_for_timeout(1500)
    expect(page.locator("#notice")).to_have_text("Line 10 is not read yet.")
    assert verdicts(page) == ["good", "good", "good"]
    expect(page.locator("#found")).to_have_class("stale")
    page.keyboard.type("W x")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#found")).not_to_have_class("stale")
    page.keyboard.type(" + ")
    expect(page.locator("#notice")).to_have_text("Line 10 is not read yet.")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#notice")).to_contain_text("Line 11: z is used before its equation")


def test_what_cannot_be_read_says_where(opened):
    page = opened()
    written(page, RIGHT.replace("softmax(Z)", "softmax(Z"))
    expect(page.locator("#notice")).to_contain_text("Line 17: ")
    page.get_by_role("button", name="Go there").click()
    assert "softmax" in page.locator(".cm-activeLine").text_content()


def test_bare_equations_get_their_blocks(opened):
    page = opened()
    written(page, "From my notes.\nz = W x\nh = tanh(z)\n∇z = ∇h ∘ (1 - h²)\n∇W = ∇z xᵀ\n")
    page.get_by_role("button", name="Put the blocks around it").click()
    shows(page, "good", "good")
    page.get_by_role("button", name="Write the declarations").click()
    expect(page.get_by_role("button", name="Write the declarations")).to_have_count(0)
    assert "W: N×M" in text_of(page)


def test_a_line_that_is_missing_is_added(opened):
    page = opened()
    written(page, RIGHT.replace("3. ∇W = ∇Z Xᵀ\n", ""))
    page.get_by_role("button", name="Add it").click()
    shows(page, "good", "good", "good", "good")


def test_sizes_below_operands(opened):
    page = opened()
    written(page, WRONG)
    shows(page, "good", "good", "bad", "good")
    sizes = page.locator("#found .sized > mtext:visible")
    assert sizes.all_text_contents() == ["5×7", "3×7"]
    page.get_by_role("button", name="All sizes").click()
    assert sizes.count() > 6
    at = page.evaluate(
        """() => {
          const walk = document.createTreeWalker(document.querySelector('.cm-content'), NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) {
            const [k, place] = [walk.currentNode.data.indexOf('Y / P'), document.createRange()];
            if (k < 0) continue;
            place.setStart(walk.currentNode, k);
            place.setEnd(walk.currentNode, k + 1);
            const box = place.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
          }
        }"""
    )
    page.mouse.move(*at)
    expect(page.locator(".cm-tooltip .size")).to_have_text("Y: 5×7")


def test_the_graph(opened):
    page = opened()
    shows(page, "good", "good", "good")
    page.get_by_text("The forward as a graph").click()
    page.wait_for_selector("#drawing svg.live[viewBox]")
    page.locator("#drawing .box.step").first.dispatch_event("click")
    expect(page.locator("#drawing .chosen-step section")).to_have_count(1)
    written(page, RIGHT)
    expect(page.locator("#drawing .box")).not_to_have_count(0)
    page.wait_for_selector("#drawing svg.live[viewBox]")


def test_a_file_of_the_folder_is_opened_and_saved(opened, folder):
    page = opened()
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="wrong.md").click()
    shows(page, "good", "good", "bad", "good")
    at_end_of(page, "3. ∇W")
    page.keyboard.type("ᵀ")
    page.keyboard.press("Control+s")
    expect(page.locator("#status")).to_have_text("wrong.md is saved.")
    assert (folder / "wrong.md").read_text(encoding="utf-8") == RIGHT
    (folder / "wrong.md").write_text("changed", encoding="utf-8")
    page.keyboard.press("Control+s")
    expect(page.locator("#told")).to_contain_text("has been changed by another program")
    assert "409" in opened.complaints.pop()  # of the browser
    at_end_of(page, "∇b = ∇Z 1")
    page.keyboard.type(" ")
    page.wait_for_timeout(800)
    expect(page.locator("#told")).to_be_visible()  # a check does not take it away
    page.get_by_role("button", name="Write over it").click()
    expect(page.locator("#status")).to_contain_text("wrong.md is saved.")
    expect(page.locator("#told")).to_be_hidden()
    assert (folder / "wrong.md").read_text(encoding="utf-8").startswith(RIGHT[:-8])
    (folder / "wrong.md").unlink()
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Write over it").click()
    expect(page.locator("#status")).to_contain_text("wrong.md is saved.")
    (folder / "wrong.md").write_text(WRONG, encoding="utf-8")
    assert [re.search(r"40\d", one)[0] for one in opened.complaints] == ["409", "404"]
    opened.complaints.clear()


def open_text(page, name):
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name=name, exact=True).click()


def test_what_is_written_while_a_file_is_saved(opened, folder):
    (folder / "twice.md").write_text(RIGHT, encoding="utf-8")
    page = opened()
    open_text(page, "twice.md")
    shows(page, "good", "good", "good", "good")
    page.route("**/files/**", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.locator(".cm-content").click()
    for sign in "ab":
        page.keyboard.press("Control+Home")
        page.keyboard.type(sign)
        page.keyboard.press("Control+s")
    page.keyboard.type("c")
    expect(page.locator("#status")).to_contain_text("twice.md is saved.")
    page.wait_for_timeout(1500)
    expect(page.locator("#told")).to_be_hidden()
    assert (folder / "twice.md").read_text(encoding="utf-8").startswith("bca#")
    assert page.title().startswith("twice.md")
    (folder / "twice.md").unlink()


def test_what_is_undone_is_of_one_text(opened):
    page = opened()
    open_text(page, "wrong.md")
    expect(page.locator(".cm-content")).to_contain_text("∇W = ∇Z X")
    open_text(page, "softmax-rows")
    expect(page.locator(".cm-content")).to_contain_text("dX = dZ @ W.T")
    before = text_of(page)
    page.locator(".cm-content").click()
    page.keyboard.type("x")
    for _ in range(4):
        page.keyboard.press("Control+z")
    assert text_of(page) == before  # and is not written into the file of another one


def test_a_text_that_was_not_saved_is_found_again(opened):
    page = opened()
    written(page, WRONG)
    shows(page, "good", "good", "bad", "good")
    open_text(page, "svm")
    expect(page.locator("#name")).to_have_value("svm.md")
    page.get_by_role("button", name="Open", exact=True).click()
    page.locator("#unsaved").get_by_role("button", name=re.compile(r"^derivation\.md, ")).click()
    shows(page, "good", "good", "bad", "good")
    assert text_of(page) == WRONG
    assert page.title().startswith("• ")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("#unsaved")).to_be_hidden()


def test_two_tabs_keep_their_own_texts(opened):
    page = opened()
    other = page.context.new_page()
    other.goto(page.url)
    for one, text in ((page, WRONG), (other, RIGHT)):
        written(one, text)
        one.wait_for_timeout(600)
    for one in (other, page):
        one.reload()
    shows(page, "good", "good", "bad", "good")
    shows(other, "good", "good", "good", "good")


def test_a_name_that_another_text_has(opened, folder):
    page = opened()
    written(page, RIGHT)
    page.locator("#name").fill("pass.py")
    page.locator("#name").press("Enter")
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Into the folder").click()
    expect(page.locator("#told")).to_contain_text("there is another text with the name pass.py")
    assert (folder / "pass.py").read_text(encoding="utf-8") == CODE
    assert "409" in opened.complaints.pop()


def test_who_looks_at_a_dialog_is_told_there(opened):
    page = opened()
    for name in ("..", "a/../b.md"):
        page.locator("#name").fill(name)
        page.locator("#name").press("Enter")
        page.keyboard.press("Control+s")
        page.get_by_role("button", name="Into the folder").click()
        expect(page.get_by_role("dialog").get_by_role("status")).to_have_text(f"{name} is no name of a file.")
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#saving .said")).to_have_text("")
    page.keyboard.press("Escape")
    written(page, WRONG)
    page.get_by_role("button", name="Exercise").click()
    page.get_by_role("button", name="Plant one in this text").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("not every line holds", timeout=15_000)


def test_a_text_that_the_browser_cannot_keep(opened):
    page = opened()
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    written(page, WRONG)
    shows(page, "good", "good", "bad", "good")
    page.reload()
    assert asked == ["beforeunload"]


def test_a_file_of_the_browser(opened, tmp_path):
    page = opened()
    path = tmp_path / "mine.md"
    path.write_text(WRONG, encoding="utf-8")
    page.set_input_files("#file", path)
    shows(page, "good", "good", "bad", "good")
    expect(page.locator("#name")).to_have_value("mine.md")
    page.keyboard.press("Control+s")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert download.value.path().read_text(encoding="utf-8") == WRONG
    assert download.value.suggested_filename == "mine.md"


def test_examples_and_a_draft_that_stays(opened):
    page = opened()
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="softmax-rows").click()
    shows(page, "good", "good", "good", "good")
    at_end_of(page, "dX = dZ @ W.T")
    page.keyboard.type(" + 1")
    page.wait_for_timeout(600)
    page.reload()
    expect(page.locator(".cm-content")).to_contain_text("dX = dZ @ W.T + 1")


def test_what_was_not_saved_comes_back(browser, folder):
    (folder / "own.md").write_text(RIGHT, encoding="utf-8")
    served = Served(disk=Disk(folder / "own.md", writable=True))
    with listening(served, processes=1) as (_, address):
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{address}/?token={TOKEN}")
        shows(page, "good", "good", "good", "good")
        written(page, WRONG)
        shows(page, "good", "good", "bad", "good")
        page.wait_for_timeout(600)
        page.reload()
        shows(page, "good", "good", "bad", "good")
        (folder / "own.md").write_text(RIGHT + "\nMore.\n", encoding="utf-8")  # by another program
        page.reload()
        expect(page.locator(".cm-content")).to_contain_text("More.")
        expect(page.locator("#told")).to_contain_text("own.md has been changed by another program")
        page.get_by_role("button", name="Open the text that was not saved").click()
        assert text_of(page) == WRONG
        context.close()
    (folder / "own.md").unlink()


def held_by_link(page):
    """The part of a link that holds the text."""
    expect(page.locator("#link")).to_contain_text("#name=")
    return "#" + page.locator("#link").text_content().partition("#")[2]


def test_a_link_holds_the_text(opened):
    page = opened()
    written(page, WRONG)
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_role("button", name="Copy a link").click()
    link = held_by_link(page)
    assert TOKEN not in link
    other = opened(link)
    shows(other, "good", "good", "bad", "good")
    assert text_of(other) == WRONG
    assert "#" not in other.url
    at_end_of(other, "3. ∇W")
    other.keyboard.type("ᵀ")
    other.wait_for_timeout(600)
    other.reload()
    shows(other, "good", "good", "good", "good")  # the text as it is now
    cut = opened(link[:-40])
    shows(cut, "good", "good", "good")
    cut.wait_for_timeout(1000)
    expect(cut.locator("#told")).to_contain_text("no text that can be read")


def test_one_page_to_keep(opened, tmp_path):
    page = opened()
    written(page, WRONG)
    page.get_by_role("button", name="Share", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download one page").click()
    html = download.value.path().read_text(encoding="utf-8")
    assert "does not fit" in html
    assert not re.search(r'(src|href)="http', html)


def test_an_exercise(opened):
    page = opened()
    written(page, RIGHT)
    shows(page, "good", "good", "good", "good")
    page.get_by_role("button", name="Exercise").click()
    page.get_by_role("button", name="Plant one in this text").click()
    expect(page.locator("#notice")).to_contain_text("One line of this text is wrong")
    planted = text_of(page)
    assert planted != RIGHT
    assert verdicts(page) == []
    expect(page.locator("#name")).to_have_value("exercise-derivation.md")
    page.reload()
    page.get_by_role("button", name="I have mended it").click()
    expect(page.locator("#notice")).to_contain_text("Not yet: nothing was changed.", timeout=15_000)
    assert text_of(page) == planted
    written(page, RIGHT)
    page.wait_for_timeout(500)
    assert verdicts(page) == []
    page.get_by_role("button", name="I have mended it").click()
    expect(page.locator("#told")).to_contain_text("found and mended", timeout=15_000)
    shows(page, "good", "good", "good", "good")


def test_who_gives_up_is_shown_the_mistake(opened):
    page = opened()
    written(page, RIGHT)
    page.get_by_role("button", name="Exercise").click()
    page.get_by_role("button", name="Plant one in this text").click()
    page.get_by_role("button", name="Show the verdicts").click()
    expect(page.locator("#told")).to_contain_text("it was: ")
    expect(page.locator("#found table")).to_have_count(2)


def test_code(opened):
    page = opened()
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="pass.py").click()
    shows(page, "bad", "good")
    page.locator("#found").get_by_role("button", name="Take it").click()
    shows(page, "good", "good")
    assert "    dx = dy @ w.T\n" in text_of(page)


def test_two_statements_on_one_line(opened):
    page = opened()
    open_text(page, "pass.py")
    written(page, CODE.replace("dy @ w\n    dw", "dy @ w; dw").replace("x.T @ dy", "2 * x.T @ dy"))
    expect(page.locator("#found button.take")).to_have_count(2, timeout=15_000)
    page.keyboard.press("Control+Home")
    for meant in ("dx = dy @ w.T", "dw = x.T @ dy"):
        page.keyboard.press("F8")
        expect(page.locator("#status")).to_contain_text(f"certain: {meant} (Alt Enter")
    page.keyboard.press("Alt+Enter")
    expect(page.locator("#found button.take")).to_have_count(1, timeout=15_000)
    page.keyboard.press("Shift+F8")
    page.locator("footer").get_by_role("button", name="Take it").click()
    expect(page.locator("#status")).to_contain_text("2 of 2 statements hold", timeout=15_000)
    assert "    dx = dy @ w.T; dw = x.T @ dy\n" in text_of(page)


def test_a_document_with_parts(opened, folder):
    (folder / "main.tex").write_text(
        "\\[ h = W x \\]\n\\input{part}\n\\[ \\nabla_x L = W \\nabla_h L \\]\n", encoding="utf-8"
    )
    (folder / "part.tex").write_text("\n\n\\[ \\nabla_W L = \\nabla_h L x \\]\n", encoding="utf-8")
    page = opened()
    open_text(page, "main.tex")
    shows(page, "bad")
    expect(page.locator("#found tr.bad").first).to_contain_text("part.tex, 3")
    expect(page.locator("#found button.take")).to_have_count(1)  # the other one belongs into another file
    page.locator("#found button.take").click()
    shows(page, "good")
    assert "W^\\top \\nabla_h L" in text_of(page)
    page.keyboard.press("F8")
    expect(page.locator("#status")).to_have_text("There is a mistake in part.tex, line 3.")
    for name in ("main.tex", "part.tex"):
        (folder / name).unlink()


def test_code_of_a_link_waits_to_be_read(opened):
    page = opened()
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="pass.py").click()
    shows(page, "bad", "good")
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_role("button", name="Copy a link").click()
    other = opened(held_by_link(page))
    expect(other.locator("#notice")).to_contain_text("This code came with a link")
    at_end_of(other, "dw = x.T @ dy")
    other.keyboard.type(" ")
    other.wait_for_timeout(1500)
    assert verdicts(other) == []
    other.get_by_role("button", name="Share", exact=True).click()
    other.get_by_role("button", name="Download one page").click()  # this runs it too
    expect(other.get_by_role("dialog").get_by_role("status")).to_contain_text("This code came with a link")
    other.keyboard.press("Escape")
    other.locator("#name").fill("other.py")
    other.locator("#name").press("Enter")
    for _ in range(2):
        other.wait_for_timeout(1500)
        expect(other.locator("#notice")).to_contain_text("This code came with a link")
        assert verdicts(other) == []
        other.goto(other.url)  # without the link; the text is the one of before
        expect(other.locator("#name")).to_have_value("other.py")
    other.get_by_role("button", name="Run it").click()
    shows(other, "bad", "good")


def test_what_is_written_is_never_run(opened):
    page = opened()
    text = "# <img src=x onerror=alert(1)>\n\n<script>alert(1)</script>\n\n" + WRONG.replace(
        "∇Z X", "∇Z X <b onclick=x>"
    )
    written(page, text)
    expect(page.locator("#found")).to_contain_text("<script>alert(1)</script>")
    assert page.locator("#found :is(script, img, b, [onerror])").count() == 0


def test_a_narrow_and_a_dark_page(opened):
    page = opened(viewport={"width": 390, "height": 844}, color_scheme="dark")
    written(page, WRONG)
    shows(page, "good", "good", "bad", "good")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(HIDDEN_FORMULAS) == []
    light = page.evaluate(
        """() => ['body', '.cm-editor', 'dialog', 'button'].map(one => getComputedStyle(document.querySelector(one)))
          .map(style => style.backgroundColor.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b))"""
    )
    assert max(light) < 200
    page.get_by_role("button", name="Open", exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_for_who_listens(opened):
    page = opened()
    shows(page, "good", "good", "good")
    assert page.locator("#status").get_attribute("aria-live") == "polite"
    for role, name in (
        ("textbox", "The text"), ("textbox", "Name of the text"), ("toolbar", "Signs"), ("region", "What was found"),
    ):  # fmt: skip
        expect(page.get_by_role(role, name=name, exact=True)).to_have_count(1)
    nameless = page.eval_on_selector_all(
        "button, input:not([hidden])",
        "all => all.filter(one => !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).length",
    )
    assert nameless == 0
    first = page.locator("#signs button").first
    first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.sign") == "∂"
    for key, sign in (("End", "…"), ("ArrowRight", "∇"), ("ArrowLeft", "…"), ("Home", "∇")):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.sign") == sign
    assert page.locator('#signs button[tabindex="0"]').count() == 1


def heard(page):
    """Begin to note what is read aloud."""
    page.evaluate(
        """() => {
          window.heard = [];
          const line = document.getElementById('status');
          new MutationObserver(() => heard.push(line.textContent)).observe(line, { childList: true });
        }"""
    )


def test_nothing_is_read_aloud_twice(opened):
    page = opened()
    written(page, WRONG)
    shows(page, "good", "good", "bad", "good")
    expect(page.locator("#found button.take")).to_have_count(1)
    page.keyboard.press("Control+Home")
    page.wait_for_timeout(1000)
    heard(page)
    for _ in range(3):
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(900)
    assert page.evaluate("heard") == []
    at_end_of(page, "1. ∇P")
    page.wait_for_timeout(1000)
    page.keyboard.press("F8")
    page.wait_for_timeout(1000)
    right, wrong = page.evaluate("heard")
    assert right == "Line 21, right. 3 of 4 lines hold; 1 does not fit"
    assert wrong.startswith("Line 23, does not fit. ∇Z is 5×7")
    assert wrong.endswith("certain: ∇W = ∇Z Xᵀ (Alt Enter takes it)")


def test_a_server_that_is_gone_is_told_once(opened):
    page = opened()
    shows(page, "good", "good", "good")
    page.context.set_offline(True)
    heard(page)
    at_end_of(page, "# A layer")
    page.keyboard.type("x")
    page.wait_for_timeout(4500)  # it is asked again and again
    assert page.evaluate("heard") == ["The server does not answer; the text is kept in this browser."]
    page.context.set_offline(False)
    expect(page.locator("#status")).to_contain_text("lines hold")
    opened.complaints.clear()  # the browser's about requests


def test_what_is_said_is_about_the_text_as_it_is(opened):
    page = opened()
    shows(page, "good", "good", "good")
    written(page, RIGHT.replace("softmax(Z)", "softmax(Z"))
    page.wait_for_timeout(2500)
    expect(page.locator("#status")).to_contain_text("Line 17: ")
    page.keyboard.press("Control+Home")
    page.wait_for_timeout(1000)
    expect(page.locator("#status")).to_contain_text("Line 17: ")


def test_signs_beyond_the_first_plane_and_tabs(opened):
    page = opened()
    text = RIGHT.replace("3. ∇W = ∇Z Xᵀ", "3.\t∇W = 𝟏 ∇Z X")
    written(page, text)
    shows(page, "good", "good", "bad", "good")
    assert page.locator(".under-bad").first.text_content() in ("𝟏 ∇Z X", "∇Z X", "X", "𝟏 ∇Z", "𝟏")
