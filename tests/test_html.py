"""The page: nothing from elsewhere, parts with numbers and names, values to sort by, names that stay text, colours."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from page_factory import document

from bpbench.report.document import Bibliography, Cell, Column, Document, Section, Table, Work
from bpbench.report.html import fixed_words, render_html
from bpbench.report.language import spoken
from bpbench.report.templating import folders, read

HOSTILE = (
    "<script>alert(1)</script>",
    '"onload=alert(1) x="',
    "' onload='alert(1)",
    "../../x",
    "😀 </style></script></svg></title>--> ]]> {{ 7 * 7 }} {% raw %}",
    "x" * 300,
    "\u202eturned round\u2066",
    "&lt;b&gt;&amp;",
)


class Parsed(HTMLParser):
    """Elements of a page in their order, each with its attributes and the text right within it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data

    def those(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, tag: str) -> list[str]:
        return [text.strip() for (name, _), text in zip(self.elements, self.texts, strict=True) if name == tag]


@pytest.fixture(scope="module")
def page() -> str:
    return render_html(document())


@pytest.fixture(scope="module")
def parsed(page: str) -> Parsed:
    return Parsed(page)


def test_nothing_comes_from_elsewhere(page: str, parsed: Parsed) -> None:
    """No address but those of works to follow and names of vocabularies, and the page forbids itself to load any."""
    links = {attributes["href"] for attributes in parsed.those("a") if not attributes["href"].startswith("#")}
    assert links == {"https://doi.org/10.1103/PhysRevLett.98.146401", "https://arxiv.org/abs/1412.6980"}
    assert not [name for _, attributes in parsed.elements for name in attributes if name in {"src", "srcset", "action"}]
    assert not {"link", "iframe", "object", "embed", "img", "base"} & {tag for tag, _ in parsed.elements}
    assert not re.search(r"url\(|@import", read("report.css", folders()) + read("print.css", folders()))
    left = re.sub(r'<a href="https[^>]*>[^<]*</a>|xmlns(:xlink)?="[^"]*"', "", page)
    assert not re.search(r"https?:", left)
    rule = next(each["content"] for each in parsed.those("meta") if "http-equiv" in each)
    assert rule.startswith("default-src 'none'; img-src data:;")


def test_only_our_script_may_run(page: str) -> None:
    """The page names the digest of its one script, to the byte."""
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page
    assert script == read("report.js", folders())


def test_a_printer_gets_a_page_that_is_still() -> None:
    """For paper there is no script, no button, nothing to unfold, and drawings are images that say what they are."""
    paper = Parsed(render_html(document(), embed=True))
    assert not {"script", "button", "details", "svg"} & {tag for tag, _ in paper.elements}
    assert not [attributes for _, attributes in paper.elements if "data-value" in attributes]
    images = paper.those("img")
    assert [image["alt"] for image in images][:2] == [
        "Points of A and B.",
        "f c of r is half of cosine of pi r over R c, plus one",
    ]
    assert re.fullmatch(r"width: [\d.]+em; height: [\d.]+em; vertical-align: -[\d.]+em", images[1]["style"])


def test_sections_tables_figures_and_equations_are_numbered(page: str) -> None:
    """Headings carry the numbers that running text points at, and captions and formulas theirs."""
    assert '<h2><span class="number">3</span> Methods</h2>' in page
    assert 'see <a href="#table-scores">Table\u00a01</a>, <a href="#figure-spread">Figure\u00a01</a>' in page
    assert '<a href="#equation-cutoff">Equation\u00a01</a> of <a href="#methods">Section\u00a03</a>.' in page
    assert '<b id="label-table-scores">Table 1.</b>' in page
    assert '<b id="label-figure-spread">Figure 1.</b>' in page
    assert '<span class="number">(1)</span>' in page
    assert '[<a href="#work-behler2007">1</a>]' in page


def test_parts_of_the_page_have_names(parsed: Parsed) -> None:
    """Whatever is named by another element is named by one that is there; each id occurs once."""
    found = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(found) == len(set(found))
    named = {attributes.get("aria-labelledby") for _, attributes in parsed.elements} - {None}
    assert (
        {"caption-table-scores", "caption-figure-spread", "values-caption-spread", "page-contents"}
        <= named
        <= set(found)
    )
    assert [tag for tag, _ in parsed.elements].count("h1") == 1
    assert {attributes["href"][1:] for attributes in parsed.those("a") if attributes["href"][0] == "#"} <= set(found)
    assert parsed.those("html") == [{"lang": "en"}]


def test_a_drawing_is_one_image_to_readers_and_its_marks_speak_to_those_who_point(page: str, parsed: Parsed) -> None:
    """The drawing's name is its description; titles of its marks are inside it, where an image's parts are not read."""
    drawings = [each for each in parsed.those("svg") if each.get("aria-label") == "Points of A and B."]
    assert [each["role"] for each in drawings] == ["img"]
    assert page.count("<title>A, repeat 1: 1.0 meV/atom</title>") == 1
    assert sorted(parsed.said("title")[1:]) == [
        "A, repeat 1: 1.0 meV/atom", "A, repeat 2: 1.4 meV/atom", "A, repeat 3: 1.2 meV/atom", "A: the line",
        "B, repeat 1: 2.0 meV/atom", "B, repeat 2: 2.4 meV/atom", "B, repeat 3: 2.2 meV/atom", "B: the line",
        "a bar: 1.5 meV/atom",
    ]  # fmt: skip


def test_values_stand_behind_a_drawing(page: str) -> None:
    """What is drawn is a folded table with a caption, and says where it stands unrounded."""
    behind = page[page.index("<details") : page.index("</details>")]
    assert 'Values<span class="unseen"> – Figure 1</span></summary>' in behind
    assert "All that is drawn. Unrounded: <code>figures/spread.csv</code>" in behind
    assert '<th scope=row class="left">A</th><td data-value=1.2345>1.2</td>' in behind


def test_cells_tell_what_they_are_sorted_by() -> None:
    """Unrounded numbers where they are shown otherwise, nothing where a value is missing, and words by themselves."""
    cells = {
        "0.12\u2007": 0.1234,
        "12\u2008\u2007": 12,
        "9 999": 9999.0,
        "−1.5": -1.5,
        "1.5": 1.5,
        "–": None,
        "yes": True,
        "better": "better",
        "∞": float("inf"),
        "?": float("nan"),
        "2 × 10⁻⁹": 2e-9,
    }
    table = Table("t", "c", (Column("a", "a"),), tuple((Cell(text, value),) for text, value in cells.items()))
    page = Parsed(render_html(Document("t", "s", "r", (), (Section("a", "A", (table,)),))))
    found = dict(zip(cells, (each.get("data-value") for each in page.those("td")), strict=True))
    assert found == {
        "0.12\u2007": "0.1234", "12\u2008\u2007": None, "9 999": "9999", "−1.5": "-1.5", "1.5": None, "–": "",
        "yes": "1", "better": None, "∞": "Infinity", "?": "", "2 × 10⁻⁹": "2e-09",
    }  # fmt: skip


def test_words_of_the_first_column_head_their_rows(parsed: Parsed) -> None:
    """Heads of columns and rows are heads, but not empty ones."""
    heads = [each.get("scope") for each in parsed.those("th")]
    assert heads.count("row") == 7
    assert heads.count("col") == 4
    empty = replace(document().tables[0], rows=((Cell("", None), Cell("1", 1), Cell("–", None)),))
    page = render_html(Document("t", "s", "r", (), (Section("a", "A", (empty,)),)))
    assert "scope=row" not in page
    assert '<td class="left" data-value=""></td>' in page


#: Enough of a catalogue to see that words are looked up.
CATALOGUE = """msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=(n > 1);\\n"
msgid "{some} and {last}"
msgstr "{some} et {last}"
msgid "Values"
msgstr "Valeurs"
"""


def test_works_are_listed_as_one_cites_them(tmp_path: Path) -> None:
    """Authors with initials, title, journal with volume, number and pages, year; a link by DOI; long lists are cut."""
    works = (
        Work(
            "sokal1997", "article", ("Sartre, Jean-Paul", "Beauvoir, Simone de"), "Why <not>?", "1943",
            (("journal", "Les Temps"), ("volume", "3"), ("number", "4"), ("pages", "1--9"), ("doi", "10.1/<x>")),
        ),
        Work("many2000", "book", tuple(f"Name{n}, A. B." for n in range(9)), "All", "2000", (("publisher", "Verlag"),)),
        Work("none2001", "misc", ("Committee",), "Rules", "2001", (("url", "javascript:alert(1)"),)),
    )  # fmt: skip
    document = Document("t", "s", "r", (), (Section("works", "Works", (Bibliography(works),)),))
    page = render_html(document)
    entries = re.findall(r'<li id="work-(\w+)">(.*?)</li>', page)
    assert dict(entries) == {
        "sokal1997": "J.-P.\u00a0Sartre and S.\u00a0d.\u00a0Beauvoir: "
        '<cite lang="en">Why &lt;not&gt;?</cite> <i>Les Temps</i> <b>3</b>(4), 1–9 (1943). '
        '<a href="https://doi.org/10.1/&lt;x&gt;">https://doi.org/10.1/&lt;x&gt;</a>',
        "many2000": ", ".join(f"A.\u00a0B.\u00a0Name{n}" for n in range(6))
        + ' et al.: <cite lang="en">All</cite>. Verlag (2000).',
        "none2001": 'Committee: <cite lang="en">Rules</cite>. 2001.',
    }
    (tmp_path / "fr.po").write_text(CATALOGUE, encoding="utf-8")
    with spoken("fr", (tmp_path,)):
        assert "J.-P.\u00a0Sartre et S.\u00a0d.\u00a0Beauvoir: " in render_html(document)


@pytest.mark.parametrize("embed", [False, True])
@pytest.mark.parametrize("watermark", ["", "QUICK <b>"])
def test_hostile_names_make_no_element_and_no_attribute(embed: bool, watermark: str) -> None:
    """A page of hostile names has the elements and attributes of a page of plain ones, and no more."""
    plain = tuple(f"name{number}" for number in range(len(HOSTILE) - 3))

    def shape(names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
        page = Parsed(render_html(document(names=names, watermark=watermark), embed=embed))
        return [
            (tag, sorted(attributes)) for tag, attributes in page.elements if tag not in {"path", "use", "g", "defs"}
        ]

    expected = shape(plain)
    assert shape(HOSTILE[: len(plain)]) == expected
    assert shape(HOSTILE[-len(plain) :]) == expected


def test_hostile_names_are_shown_as_they_are() -> None:
    """Each comes out as its letters in text, attributes and what marks say; what cannot stand in a page as one sign."""
    for name in HOSTILE:
        made = render_html(document(names=(name, "B")))
        page = Parsed(made)
        shown = name.replace("\u202e", "\ufffd").replace("\u2066", "\ufffd")
        assert f"Page of {shown}" in page.said("h1")
        assert f"Page of {shown}" in page.said("title")
        assert f"{shown}: the line" in page.said("title")
        assert f"Points of {shown} and B." in [each.get("aria-label") for each in page.those("svg")]
        assert f"{shown}.yaml" in [each.get("aria-label") for each in page.those("pre")]
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", made)


def test_what_no_page_can_hold_is_one_sign() -> None:
    """Control characters and halves of characters from a damaged name do not stop a report."""
    page = render_html(Document("a\x00b\ud800c", "s", "r", (), ()))
    assert "<h1>a\ufffdb\ufffdc</h1>" in page
    page.encode("utf-8")


def test_words_of_the_page_are_told(tmp_path: Path) -> None:
    """Words that templates bring are in the report's language, and what stays English says so."""
    assert fixed_words()["behind"] == "Values"
    (tmp_path / "fr.po").write_text(CATALOGUE, encoding="utf-8")
    with spoken("fr", (tmp_path,)):
        page = render_html(document(language="fr"))
        paper = render_html(document(language="fr"), embed=True)
        words = fixed_words()
    assert words["behind"] == "Valeurs"
    assert '<html lang="fr">' in page
    assert all(word in page + paper for word in words.values())
    assert '<pre role="group" aria-label="A.yaml" tabindex="0" translate="no" dir="ltr" lang="en">' in page


# ----------------------------------------------------------------------------------------------------- colours


def _schemes() -> list[dict[str, tuple[float, ...]]]:
    """Return the colours of the style sheet, each as red, green and blue from 0 to 1: light, dark twice."""
    style = read("report.css", folders())
    blocks = re.findall(r":root[^{]*\{([^}]*--ink[^}]*)\}", style)
    return [
        {
            name: tuple(int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
            for name, digits in re.findall(r"--(\w+): #([0-9a-f]{6})", block)
        }
        for block in blocks
    ]


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the ratio of the Web Content Accessibility Guidelines."""

    def light(colour: tuple[float, ...]) -> float:
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_read_on_light_and_dark_pages_and_under_a_watermark() -> None:
    """Text, links and verdicts have at least 4.5 to 1 on page and panel, a watermark over them or not."""
    light, chosen, dark = _schemes()
    assert chosen == dark
    assert light != dark
    page = render_html(document(watermark="QUICK"))
    (wash, strength) = re.search(r"fill%3D%22%23(\w{6})%22%20fill-opacity%3D%22([\d.]+)%22", page).groups()  # type: ignore[union-attr]
    over = tuple(int(wash[place : place + 2], 16) / 255 for place in (0, 2, 4))

    def under(colour: tuple[float, ...]) -> tuple[float, ...]:
        share = float(strength)
        return tuple((1 - share) * part + share * mark for part, mark in zip(colour, over, strict=True))

    for colours in (light, dark):
        for ground in ("paper", "panel"):
            for name in ("ink", "soft", "accent", "better", "worse", "undecided"):
                assert _contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
                assert _contrast(under(colours[name]), under(colours[ground])) >= 4.5, (
                    name,
                    ground,
                    "under a watermark",
                )
    assert _contrast(light["paper"], under(light["paper"])) > 1.1  # it is seen


def test_a_template_of_ones_own_replaces_one_file(tmp_path: Path) -> None:
    """A house may change how blocks look and keep the rest of the page."""
    own = read("report.blocks.html.j2", folders()).replace("{% macro table(block) %}", "{% macro table(block) %}\nOURS")
    (tmp_path / "report.blocks.html.j2").write_text(own, encoding="utf-8")
    page = render_html(document(), (tmp_path, *folders()))
    assert "OURS" in page
    assert "The answer" in page
