"""The page in a browser: no barrier that axe-core knows; tables sort, figures speak; whole without scripts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import axe, found, needs_browser, still
from findings_factory import composed
from page_factory import document

from bpbench.report.html import render_html
from bpbench.report.language import spoken
from bpbench.report.templating import folders

pytestmark = needs_browser

#: Everything unfolded, of long tables the first rows, in light and in dark; at last a paragraph that nobody can
#: read, to see that axe-core sees.
_LOOK = """
document.querySelectorAll("details").forEach((each) => { each.open = true; });
document.querySelectorAll("tbody tr:nth-child(n + 6)").forEach((each) => each.remove());
const look = async (theme, where, rules) => {
  document.documentElement.dataset.theme = theme;
  const found = await axe.run(where, { runOnly: rules });
  const wrong = found.violations.map((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`));
  return { wrong: wrong.flat(), passed: found.passes.map((rule) => rule.id) };
};
const told = {
  light: await look("light", document, ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]),
  dark: await look("dark", document, ["color-contrast"]),
};
const pale = document.createElement("p");
pale.textContent = "pale";
pale.style.color = "#333333";
document.querySelector("main").append(pale);
told.pale = await look("dark", pale, ["color-contrast"]);
return told;
"""
HOSTILE = ('"onload=alert(1) x="', "<script>alert(1)</script>", "😀 </style></script>", "\u202eturned", "x" * 300)


def _without_drawings(page: str) -> str:
    """Return a page whose drawings are empty: thousands of lines that axe-core would look at one by one."""
    return re.sub(r"(<svg role=[^>]*>).*?(</svg>)", r"\1\2", page, flags=re.DOTALL)


def _report(language: str) -> str:
    with spoken(language, folders()):
        return _without_drawings(render_html(composed(language=language)))


@pytest.mark.parametrize("kind", ["each block", "hostile names, watermark", "French report"])
def test_there_is_no_barrier(tmp_path: Path, kind: str) -> None:
    """axe-core finds nothing against WCAG 2.1 A, AA or good practice in light, and all text has contrast in dark."""
    pages = {
        "each block": lambda: render_html(document()),
        "hostile names, watermark": lambda: render_html(document(names=HOSTILE, watermark="QUICK RUN")),
        "French report": lambda: _report("fr"),
    }
    told = found(tmp_path, pages[kind](), _LOOK, library=axe())
    assert told["light"]["wrong"] == []
    assert told["dark"]["wrong"] == []
    assert {"document-title", "html-has-lang", "heading-order", "list"} <= set(told["light"]["passed"])
    if "watermark" not in kind:  # axe-core does not look through a drawing that lies over the text
        assert told["light"]["passed"].count("color-contrast") == 1
        assert told["dark"]["passed"] == ["color-contrast"]
        assert [text.partition(":")[0] for text in told["pale"]["wrong"]] == ["color-contrast"]


_USE = """
const told = {};
const wait = () => new Promise((done) => setTimeout(done, 100));
const [table] = document.querySelectorAll("#table-scores table");
const words = (place) => [...table.tBodies[0].rows].map((row) => row.cells[place].textContent);
const state = () => [...table.tHead.rows[0].cells].map((cell) => cell.getAttribute("aria-sort"));
const heads = [...table.querySelectorAll("thead button")];
told.heads = heads.map((head) => head.textContent);
told.sorted = [words(0)];
for (const head of [1, 1, 1, 0, 0]) { heads[head].click(); told.sorted.push([words(0), state()]); }

const box = document.querySelector(".tooltip");
const figure = document.querySelector("#figure-spread .scroll");
const point = (type, mark, options) => {
  const { left, top, width, height } = mark.getBoundingClientRect();
  const at = { clientX: left + width / 2 + 4, clientY: top + height / 2 + 2, bubbles: true };
  figure.dispatchEvent(new PointerEvent(type, { ...at, ...options }));
};
const marks = () => [...figure.querySelectorAll("use")].filter((use) => use.dataset.said);
told.before = box.textContent;
figure.scrollIntoView({ behavior: "instant" });
point("click", figure.querySelectorAll("title")[1].parentNode, { pointerType: "touch" });
told.tapped = box.textContent;
point("pointermove", marks()[4], { pointerType: "mouse" });
await wait();
told.hovered = box.textContent;
told.place = [box.getBoundingClientRect(), marks()[4].getBoundingClientRect()].map(({ top, bottom }) => [top, bottom]);
figure.dispatchEvent(new PointerEvent("pointerleave", { pointerType: "mouse" }));
told.left = box.textContent;
figure.focus();
const arrows = ["Right", "Right", "Left", "Down", "Down", "Up"].map((way) => `Arrow${way}`);
told.keys = [...arrows, "End", "ArrowRight", "Home", "Escape"].map((key) => {
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  return box.textContent;
});
told.described = document.getElementById(figure.getAttribute("aria-describedby")).textContent;
told.titles = figure.querySelectorAll("title").length;
const stops = "a[href], button:not([hidden]), [tabindex='0'], summary";
told.stops = figure.querySelectorAll(stops).length;

const details = document.querySelector("details");
told.folded = details.querySelector("table").checkVisibility();
details.querySelector("summary").click();
await wait();
told.unfolded = details.querySelector("table").checkVisibility();

const theme = document.getElementById("page-theme");
const colour = () => getComputedStyle(document.body).backgroundColor;
told.light = [colour(), theme.getAttribute("aria-pressed")];
theme.click();
told.dark = [colour(), theme.getAttribute("aria-pressed")];
return told;
"""


def test_the_page_can_be_used(tmp_path: Path) -> None:
    """Heads of tables sort, marks speak to pointer, finger and keys, values unfold, the page turns dark; no fault."""
    told: dict[str, Any] = found(tmp_path, render_html(document()), _USE)
    assert told["heads"] == ["set", "RMSE (meV/atom)"]
    first = ["A", "B", "é", "set 10", "set 9"]
    assert told["sorted"] == [
        first,
        [["set 10", "set 9", "B", "A", "é"], [None, "ascending", None]],
        [["A", "B", "set 9", "set 10", "é"], [None, "descending", None]],
        [first, [None, None, None]],
        [["A", "B", "é", "set 9", "set 10"], ["ascending", None, None]],
        [["set 10", "set 9", "é", "B", "A"], ["descending", None, None]],
    ]
    assert told["before"] == ""
    assert told["tapped"] == "A, repeat 2: 1.4 meV/atom"
    assert told["hovered"] == "B, repeat 2: 2.4 meV/atom"
    (top, bottom), (high, low) = told["place"]
    assert bottom <= high or top >= low
    assert told["left"] == ""
    assert told["keys"] == [
        "A, repeat 1: 1.0 meV/atom", "A, repeat 2: 1.4 meV/atom", "A, repeat 1: 1.0 meV/atom",
        "B, repeat 1: 2.0 meV/atom", "a bar: 1.5 meV/atom", "B, repeat 1: 2.0 meV/atom", "B: the line", "B: the line",
        "A, repeat 1: 1.0 meV/atom", "",
    ]  # fmt: skip
    assert told["described"] == "The arrow keys lead from value to value."
    assert (told["titles"], told["stops"]) == (0, 0)
    assert (told["folded"], told["unfolded"]) == (False, True)
    assert told["light"] == ["rgb(255, 255, 255)", "false"]
    assert told["dark"] == ["rgb(22, 25, 28)", "true"]


_WIDE = """
const aside = ".scroll, .watermark, .skip, .unseen";
const boxes = [...document.querySelectorAll("body *")].filter((each) => !each.closest(aside));
const out = boxes.filter((each) => each.getBoundingClientRect().right > innerWidth + 1);
const scrolled = [...document.querySelectorAll(".scroll")].filter((each) => each.scrollWidth > each.clientWidth);
return {
  width: innerWidth, whole: document.documentElement.scrollWidth, scrolled: scrolled.length,
  out: out.map((each) => each.outerHTML.slice(0, 200)), free: scrolled.filter((each) => each.tabIndex !== 0).length,
};
"""


@pytest.mark.parametrize("names", [("A", "B"), HOSTILE])
def test_a_phone_shows_the_page_without_scrolling_sideways(tmp_path: Path, names: tuple[str, ...]) -> None:
    """At 390 pixels nothing but wide boxes is wider than the page, and these can be scrolled by keys."""
    told = found(tmp_path, render_html(document(names=names)), _WIDE, width=390)
    assert told["out"] == []
    assert (told["width"], told["whole"], told["free"]) == (390, 390, 0)
    assert told["scrolled"] >= 1


class Seen(HTMLParser):
    """The words of a page, and its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words = ""
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, _: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_without_scripts_the_page_is_whole(tmp_path: Path) -> None:
    """Every word of a report is there, tables are plain, and marks keep the titles that browsers show."""
    page = render_html(document(names=HOSTILE))
    seen, written = Seen(still(tmp_path, page)), Seen(page)
    assert " ".join(seen.words.split()) == " ".join(written.words.split())
    assert seen.tags.count("title") == written.tags.count("title") > 20
    assert seen.tags.count("button") == 1  # the one that stays hidden
    assert seen.tags.count("script") == 1
