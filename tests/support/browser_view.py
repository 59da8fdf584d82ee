"""What a browser shows of a page with a drawing."""

from itertools import combinations

SHOWN = ":not([display=none])"
HIDDEN_FORMULAS = """() => [...document.querySelectorAll('math')].filter(math => {
  const box = math.getBoundingClientRect();
  if (!box.width || !box.height) return true;
  for (let parent = math.parentElement; parent; parent = parent.parentElement) {
    const style = getComputedStyle(parent), around = parent.getBoundingClientRect();
    const cut = box.top < around.top - 1 || box.bottom > around.bottom + 1;
    if (style.overflowY === 'hidden' && cut) return true;
    const aside = box.left < around.left - 1 || box.right > around.right + 1;
    if (style.overflowX === 'hidden' && aside) return true;
    if (style.overflowX === 'auto') break;  // what is beside can be scrolled to
  }
  return false;
}).map(math => math.textContent)"""


def places(page, selector):
    return page.eval_on_selector_all(
        selector,
        """all => all.map(g => {
          const r = g.querySelector('rect').getBoundingClientRect(), svg = g.ownerSVGElement.getBoundingClientRect();
          return [r.x - svg.x, r.y - svg.y, r.right - svg.x, r.bottom - svg.y];
        })""",
    )


def unfold(page):
    page.eval_on_selector_all("details", "all => all.forEach(one => (one.open = true))")


def in_view(page):
    """How many boxes and covers can be seen."""
    _x, _y, width, height = (float(n) for n in page.locator(".view svg").get_attribute("viewBox").split())
    there = page.eval_on_selector_all(
        f":is(.box, .cover){SHOWN}",
        """all => all.map(g => {
          const r = g.getBoundingClientRect(), svg = g.ownerSVGElement.getBoundingClientRect();
          return [r.right > svg.x, r.x < svg.right, r.bottom > svg.y, r.y < svg.bottom];
        })""",
    )
    assert width > 0 < height
    return sum(map(all, there))


def apart(page):
    """No box is on another, and every arrow ends at one."""
    there = places(page, f":is(.box, .cover){SHOWN}")
    assert len(there) >= 3
    for (x, y, right, bottom), (x2, y2, right2, bottom2) in combinations(there, 2):
        assert right <= x2 or right2 <= x or bottom <= y2 or bottom2 <= y
    tips = page.eval_on_selector_all(
        f".edge{SHOWN} path:nth-of-type(2)",
        """all => all.map(p => {
          const r = p.getBoundingClientRect(), svg = p.ownerSVGElement.getBoundingClientRect();
          return [r.right - svg.x, (r.y + r.bottom) / 2 - svg.y];
        })""",
    )
    assert len(tips) >= len(there) - 5
    for x, y in tips:  # every arrow ends at the left side of a box
        assert any(abs(x - left) < 1 and top - 1 < y < bottom + 1 for left, top, _, bottom in there), (x, y)
