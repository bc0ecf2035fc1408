"""LaTeX: everything is escaped, numbers are aligned, files can stand in a thesis, and what is written compiles."""

from __future__ import annotations

import functools
import io
import json
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest
from findings_factory import composed, environment, without_results

from bpbench import shipped
from bpbench.cli import main
from bpbench.identity import plain as plain_value
from bpbench.protocol import load
from bpbench.report.bibtex import bibtex
from bpbench.report.document import (
    Bibliography,
    Cell,
    Column,
    Document,
    Equation,
    Facts,
    Figure,
    Items,
    Section,
    Table,
    Text,
    Verbatim,
    Work,
    cite,
    ref,
)
from bpbench.report.language import spoken
from bpbench.report.latex import latex_files
from bpbench.report.latex_tables import number, setting
from bpbench.report.latex_text import code, escaped, metadata
from bpbench.report.pdf import figure_pdf, pdf_available
from bpbench.report.render import rerender, write_report
from bpbench.report.templating import ReportError, folders

needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="There is no pdflatex here.")
needs_lualatex = pytest.mark.skipif(shutil.which("lualatex") is None, reason="There is no lualatex here.")
needs_pango = pytest.mark.skipif(not pdf_available()[0], reason=pdf_available()[1])

#: What a user may write into a name; the last would end a verbatim block.
HOSTILE = (
    "\\write18{rm -rf x} \\input{/etc/hosts} \\csname end\\endcsname",
    "%_&#$~^{}\\ $$ ^^M ^^5c",
    "😀 x\u0301 日本語 Привет \ud800 \x00 \x07 \u202e",
    "x" * 300,
    "[a] *b -- --- ?` !` ,, '' `` << >> \"q\" | / @ = : ; ! ?",
    "}{}}{{ \\ \\\\ \\begin{tabular} \\item",
    "((( 7 * 7 ))) ((* raise *)) {{ 7 * 7 }}",
    "αβΓΣμµ ± × ≤ → 10⁻⁴ x²₁³ Å⁻² ½ Ångström Šidák Łukasz «é» „q“ R_s d_z f_c ′ ″ − ∞ ℓ",
    "\\end{verbatim}\n\n\t  two   spaces\n\\end{document}",
)
SVG = (
    '<svg width="60pt" height="30pt" viewBox="0 0 60 30"><title>t</title><path d="M 1 1 L 50 20" stroke="#000"/></svg>'
)
WORKS = (
    Work(
        "behler2007",
        "article",
        ("Behler, Jörg", "Parrinello, Michele"),
        "Generalized Neural-Network Representation of High-Dimensional Potential-Energy Surfaces",
        "2007",
        (("journal", "Phys. Rev. Lett."), ("volume", "98"), ("pages", "146401–2"), ("doi", "10.1103/x_y%3C1>{2}")),
    ),
    Work("holm1979", "book", ("Holm, S.",), "R&D {50 % of} it", "1979", (("publisher", "Éditions #1"),)),
)


def values(*texts: str) -> tuple[tuple[Cell, ...], ...]:
    return tuple((Cell(text, text),) for text in texts)


def one_column(*texts: str) -> Table:
    return Table("t", "C.", (Column("a", "a"),), values(*texts))


def hostile(language: str = "en") -> Document:
    """Return a document of every block, with hostile text wherever text may stand."""
    decimal = "," if language == "fr" else "."
    columns = (
        Column("a", HOSTILE[3][:40], align="left"),
        Column("b", HOSTILE[7], "eV/Å"),
        Column("c", "p, adjusted over the family", "meV/atom"),
        Column("d", HOSTILE[0], align="left"),
    )
    rows = tuple(
        (Cell(text, text), Cell(f"−1{decimal}25", -1.25), Cell(f"< 0{decimal}001", 1e-4, "better"), Cell(text, text))
        for text in HOSTILE
    )
    mixed = (*rows, (Cell("A", "A"), Cell("–", None), Cell(HOSTILE[1], None), Cell("better", "better", "better")))
    wide = tuple(Column(f"c{place}", f"{HOSTILE[1]} {place}") for place in range(22))
    many = tuple(tuple(Cell(f"{value}{decimal}{place:03d}", value) for place in range(22)) for value in range(3))
    tables = (
        Table("small", HOSTILE[1], columns, rows, HOSTILE[0]),
        Table("mixed_words", f"{HOSTILE[7]}. More{cite('holm1979')}.", columns, mixed, HOSTILE[2], "wide", "eV/Å"),
        Table("long", HOSTILE[5], columns, mixed * 12, HOSTILE[6]),
        Table("broad", HOSTILE[3], wide, many),
        Table("empty", HOSTILE[6], columns, ()),
    )
    pointers = " ".join(
        (ref("table", "long"), ref("figure", "drawn_1"), ref("equation", "cost"), ref("section", "second"))
    )
    symbols = (("\\eta", HOSTILE[1]), ("R_c", f"{HOSTILE[7]}{cite('behler2007')}"))
    return Document(
        title=HOSTILE[0],
        subtitle=HOSTILE[2],
        running=HOSTILE[1],
        facts=tuple((text, text) for text in HOSTILE),
        sections=(
            Section(
                "first",
                HOSTILE[1],
                (
                    *(Text(text, role) for text in HOSTILE for role in ("prose", "lead", "warning", "note")),
                    Text(f"Pointers: {pointers}{cite('behler2007', 'holm1979')}."),
                    Items(HOSTILE),
                    Facts(tuple((text, text) for text in HOSTILE)),
                    Equation("cost", r"\Gamma = \frac{1}{2N} \sum_i (y_i - y_i^*)^2", "Gamma", symbols),
                    *tables,
                ),
            ),
            Section(
                "second",
                HOSTILE[7],
                (
                    Figure("drawn_1", HOSTILE[7], SVG, "alt", HOSTILE[1]),
                    Figure("gone", HOSTILE[3], SVG, "alt"),
                    *(Verbatim(text, text) for text in HOSTILE),
                    Verbatim("\n".join(HOSTILE), "all"),
                ),
            ),
            Section("works", "Works", (Bibliography(WORKS),)),
        ),
        watermark=HOSTILE[1],
        language=language,
    )


def plain() -> Document:
    return composed()


@functools.lru_cache(maxsize=4)
def drawings(document: Document) -> dict[str, bytes]:
    """Return drawings as PDF where that can be done."""
    return {figure.key: figure_pdf(figure.svg) for figure in document.figures} if pdf_available()[0] else {}


def laid_out(document: Document, folder: Path, figures: dict[str, bytes] | None = None) -> Path:
    for name, content in latex_files(document, folders(), figures or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def compiled(folder: Path, name: str = "report", engine: str = "pdflatex") -> str:
    """Compile a file until nothing changes and return its log; a failure shows the end of it."""
    asked = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", f"{name}.tex"]
    for words in (asked, ["bibtex", name], asked, asked):
        if words[0] == "bibtex" and "\\bibdata" not in (folder / f"{name}.aux").read_text(encoding="utf-8"):
            continue
        done = subprocess.run(words, cwd=folder, capture_output=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-3000:]
    return (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def lost(log: str) -> list[str]:
    """Return what a log says of references and citations that lead nowhere."""
    return re.findall(r".*(?:[Rr]eference|[Cc]itation).*undefined.*|.*Label.*multiply.*", log)


def overfull(log: str) -> list[float]:
    return [float(size) for size in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]


def printed(path: Path) -> str:
    """Return the text of a PDF, its minus signs and spaces made plain."""
    import pypdf

    pages = pypdf.PdfReader(io.BytesIO(path.read_bytes())).pages
    return unicodedata.normalize("NFKC", " ".join(page.extract_text() for page in pages)).replace("−", "-")


# --------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50 % of $x_1$ & #2", r"50~\% of \$x\_1\$ \& \#2"),
        ("\\write18{rm}", r"\textbackslash{}write18\textbraceleft{}rm\textbraceright{}"),
        ("a~b^c", r"a\textasciitilde{}b\textasciicircum{}c"),
        ("R_s and d_z, R_size", r"$R_s$ and $d_z$, R\_size"),
        ("1.2 × 10⁻⁴ Å⁻²", r"1.2~$\times$~10${}^{-4}$ \AA{}${}^{-2}$"),
        ("χ² = 3, ηζ", r"$\chi{}^{2}$~=~3, $\eta\zeta$"),
        ("αR_c", r"$\alpha$R\_c"),
        ("−0.5 ≤ x → ±1", r"$-$0.5 $\le$ x $\rightarrow$ $\pm$1"),
        ("a--b — ''", r"a-{}-b --- '{}'"),
        ("[x] *", "{[}x{]} {*}"),
        ("“é” Šidák", r"``é'' {\v{S}}idák"),
        ("mot\u00a0: 12\u202f345\u202f; fin", r"mot~: 12\,345~; fin"),
        ("a\n\tb", "a b"),
        ("😀", r"{\fboxsep=1pt\protect\fbox{\tiny U+1F600}}\hspace{0pt plus .1em}"),
    ],
)
def test_text_is_escaped(text: str, expected: str) -> None:
    """Signs that LaTeX obeys are shown, symbols become mathematics, unknown letters a box with their number."""
    assert escaped(text) == expected


def test_every_hostile_text_is_plain_ascii_or_latin() -> None:
    """Nothing is left that pdflatex has no letter for, and dollars come in pairs."""
    for text in HOSTILE:
        found = escaped(text)
        assert all(ord(letter) < 256 for letter in found), text
        assert found.replace(r"\$", "").count("$") % 2 == 0


def test_long_words_may_be_broken() -> None:
    """A word of 300 letters has a break at least every six, one of 20 none."""
    pieces = escaped("x" * 300).split(r"\hspace{0pt plus .1em}")
    assert "".join(pieces) == "x" * 300
    assert max(map(len, pieces)) == 6
    assert escaped("x" * 20) == "x" * 20


def test_code_keeps_its_spaces() -> None:
    """Indents and rows of spaces stay, apostrophes are straight, nothing is taken for a symbol."""
    assert code("  a:   R_s 'b' --c") == r"~~a:~~ R\_s \textquotesingle{}b\textquotesingle{} -{}-c"


def test_properties_of_the_file_are_letters_by_number() -> None:
    """A title in a PDF's properties has no commands but numbers of letters."""
    assert metadata("a η\\%\ud800") == r"a \unichar{951}\unichar{92}\unichar{37}\unichar{65533}"


# ------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("text", "point", "expected"),
    [
        ("−0.30\u2007", ".", "-0.30"),
        ("< 0.001", ".", "< 0.001"),
        ("+1,5", ",", "+1.5"),
        ("12\u202f345", ".", "12345"),
        ("1.2 × 10⁻⁵", ".", "1.2e-5"),
        ("10⁻⁸", ".", "e-8"),
        ("1,5", ".", None),
        ("1.5", ",", None),
        ("–", ".", None),
        ("3 to 4", ".", None),
        ("x²", ".", None),
    ],
)
def test_numbers_are_read_as_siunitx_wants_them(text: str, point: str, expected: str | None) -> None:
    """With a point, an ASCII minus, no spaces between thousands, and powers behind an e."""
    found = number(text, point)
    assert (found.text if found else None) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("−1.25", "10.5"), "S[table-format=-2.2]"),
        (("+1.25", "0.5"), "S[table-format=+1.2]"),
        (("< 0.001", "0.5", "–"), "S[table-format=<1.3]"),
        (("1 × 10⁻⁵", "0.1"), "S[table-format=1.1e-1]"),
        (("few", "many"), "r"),
    ],
)
def test_columns_make_room_for_their_numbers(texts: tuple[str, ...], expected: str) -> None:
    """Digits, signs and powers are reserved; a column without a number is set to the right."""
    assert setting(one_column(*texts), "en", lambda text, _: escaped(text)).columns == expected


def test_words_among_numbers_stand_in_braces() -> None:
    """What is no number is not read as one, nor is a head."""
    made = setting(one_column("1.0", "– %"), "en", lambda text, _: escaped(text))
    assert made.rows == (("1.0",), (r"{--~\%}",))
    assert made.heads == ("{a}",)


def test_long_heads_stand_in_lines_and_long_cells_are_wrapped() -> None:
    """A table that would be wider than the line has paragraphs for its words."""
    columns = (Column("a", "a", align="left"), Column("b", "95th percentile of the absolute error", "eV"))
    table = Table("t", "C.", columns, ((Cell("word " * 60, ""), Cell("1.0", 1.0)),))
    made = setting(table, "en", lambda text, _: escaped(text))
    assert made.columns.startswith(r">{\raggedright\arraybackslash}p{0.")
    assert made.heads[1].startswith(r"{\begin{tabular}[b]{@{}c@{}}95th \\ percentile of \\ the absolute")
    assert not made.long


@pytest.mark.parametrize(("rows", "long"), [(20, False), (80, True)])
def test_tables_of_more_than_a_page_run_over_several(rows: int, long: bool) -> None:
    """A long table repeats its head on every page."""
    files = latex_files(_only(one_column(*["1.0"] * rows)), folders(), {})
    text = files["tables/t.tex"].decode()
    assert (r"\begin{longtable}" in text, r"\endhead" in text) == (long, long)
    assert text.index(r"\caption") < text.index(r"\label{tab:t}") < text.index(r"\toprule")


def _only(*blocks: Table | Text, language: str = "en") -> Document:
    return Document("T", "S", "R", (), (Section("s", "S", blocks),), language=language)


def test_the_decimal_sign_is_the_languages() -> None:
    """In French numbers are written with a point in the file and shown with a comma."""
    text = latex_files(_only(one_column("1,25"), language="fr"), folders(), {})["tables/t.tex"].decode()
    assert "output-decimal-marker={,}" in text
    assert "    1.25 \\\\\n" in text


def test_tables_and_figures_are_files_of_their_own() -> None:
    """Each numbered block has its file, with caption before label; the report takes them in."""
    document = plain()
    files = latex_files(document, folders(), {"forest": b"%PDF"})
    assert set(files) == {
        "report.tex",
        "references.bib",
        "figures/forest.pdf",
        *(f"tables/{table.key}.tex" for table in document.tables),
        *(f"figures/{figure.key}.tex" for figure in document.figures),
    }
    report = files["report.tex"].decode()
    for name, content in files.items():
        text = content.decode()
        if name.startswith("tables/") or (name.startswith("figures/") and name.endswith("tex")):
            assert rf"\input{{{name.removesuffix('.tex')}}}" in report
            assert text.index(r"\caption") < text.index(r"\label")
            assert "|" not in text.split(r"\toprule", maxsplit=1)[0]
        assert not [line for line in text.splitlines() if line != line.rstrip()], name
    comparisons = files["tables/comparisons.tex"].decode()
    assert r"\label{tab:comparisons}" in comparisons
    assert "linear & 3 & -0.98 & -1.37 & -0.59 & -6.29 & 0.008 & 0.017 & > 0.999 & \\textbf{better} \\\\" in comparisons
    assert r"\IfFileExists" not in files["figures/forest.tex"].decode()
    pointing = [line for line in files["tables/scores.tex"].decode().splitlines() if r"\ref*{sec:methods}" in line]
    assert pointing
    assert all(r"\ifcsname r@\detokenize{sec:methods}\endcsname\hyperref" in line for line in pointing)
    assert r"\ifcsname" not in report
    assert r"\IfFileExists{figures/parity.pdf}" in files["figures/parity.tex"].decode()


def test_the_same_document_gives_the_same_bytes() -> None:
    """Files follow from the document alone."""
    assert latex_files(hostile(), folders(), {}) == latex_files(hostile(), folders(), {})


def test_a_pointer_is_a_link_with_its_word_in_the_language() -> None:
    """Running text says Table or Tableau before a reference, and cites by key."""
    with spoken("fr", folders()):
        text = latex_files(hostile("fr"), folders(), {})["report.tex"].decode()
    assert r"\usepackage[french]{babel}" in text
    assert r"~\ref*{tab:long}}" in text
    assert r"\cite{behler2007,holm1979}." in text


def test_a_template_of_ones_own_is_used_and_its_mistake_named(tmp_path: Path) -> None:
    """A folder may hold one of the templates; what it fills in is escaped too."""
    (tmp_path / "figure.tex.j2").write_text("(((figure.caption)))", encoding="utf-8")
    document = hostile()
    places = (tmp_path, *folders())
    assert latex_files(document, places, {})["figures/gone.tex"].decode().startswith("xxxxxx" + r"\hspace")
    (tmp_path / "figure.tex.j2").write_text("\n(((figure.nothing)))", encoding="utf-8")
    with pytest.raises(ReportError, match=r"figure\.tex\.j2, line 2: .*'nothing'"):
        latex_files(document, places, {})


# ----------------------------------------------------------------------------------------------------- BibTeX


def test_works_are_entries() -> None:
    """Names in ASCII, titles kept as printed, ranges with two hyphens, addresses letter by letter, braces balanced."""
    text = bibtex(WORKS)
    assert r"  author = {Behler, J{\"{o}}rg and Parrinello, Michele}," in text
    assert "  pages = {146401--2}," in text
    assert "  doi = {10.1103/x_y%3C1>%7B2%7D}," in text
    assert r"  title = {{R\&D \textbraceleft{}50~\% of\textbraceright{} it}}," in text
    assert text.isascii()
    assert text.count("{") == text.count("}")
    assert re.findall(r"^@(\w+)\{(\w+),$", text, re.MULTILINE) == [("article", "behler2007"), ("book", "holm1979")]


# -------------------------------------------------------------------------------------------------------- files


def test_a_report_without_pango_has_latex_without_drawings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The LaTeX comes, and one line says what was skipped and which packages bring it; later they are made."""
    monkeypatch.setattr("bpbench.report.render.pdf_available", lambda: (False, "The PDF was skipped."))
    result = write_report(without_results(), environment(), tmp_path, formats=("latex",))
    assert result.note == (
        "The figures of report.tex (figures/*.pdf) were skipped: WeasyPrint found no Pango; on Debian, "
        "`apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0` brings it."
    )
    assert (result.latex, result.pdf) == (tmp_path / "report.tex", None)
    assert result.others() == [f"LaTeX:  {tmp_path / 'report.tex'}"]
    assert result.told() == {"report": str(result.html), "pdf": None, "latex": str(result.latex)}
    assert r"\IfFileExists" in (tmp_path / "figures" / "networks.tex").read_text(encoding="utf-8")
    assert not write_report(without_results(), environment(), tmp_path, formats=("latex",)).rendered
    both = write_report(without_results(), environment(), tmp_path, formats=("pdf", "latex"))
    assert both.note == "The PDF was skipped. So were the figures of report.tex (figures/*.pdf)."
    monkeypatch.setattr("bpbench.report.render.pdf_available", lambda: (True, ""))
    monkeypatch.setattr("bpbench.report.render.figure_pdf", lambda _: b"%PDF")
    later = write_report(without_results(), environment(), tmp_path, formats=("latex",))
    assert (later.rendered, later.note) == (True, None)
    assert (tmp_path / "figures" / "networks.pdf").read_bytes() == b"%PDF"
    assert r"\IfFileExists" not in (tmp_path / "figures" / "networks.tex").read_text(encoding="utf-8")
    assert not write_report(without_results(), environment(), tmp_path, formats=("latex",)).rendered


def test_a_report_is_made_again_in_the_protocols_formats_and_language(tmp_path: Path) -> None:
    """Findings say both; what is asked for wins."""
    found = without_results()
    found["protocol"] |= {"formats": ["html"], "language": "fr"}
    (tmp_path / "findings.json").write_text(json.dumps(found), encoding="utf-8")
    assert rerender(tmp_path).latex is None
    assert '<html lang="fr">' in (tmp_path / "report.html").read_text(encoding="utf-8")
    rerender(tmp_path, language="en")
    assert '<html lang="en">' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_formats_are_asked_for_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line takes some of three words, and makes a report anew in them and in a language."""
    with pytest.raises(SystemExit) as stopped:
        main(["report", str(tmp_path), "--formats", "html,docx"])
    assert stopped.value.code == 2
    assert "expected some of html, pdf and latex, parted by commas, found 'docx'" in capsys.readouterr().err
    (tmp_path / "findings.json").write_text(json.dumps(without_results()), encoding="utf-8")
    assert main(["report", str(tmp_path), "--formats", "html", "--language", "fr"]) == 0
    assert '<html lang="fr">' in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "report.pdf").exists()


@pytest.mark.parametrize(
    ("said", "formats", "language"),
    [("", ["html", "pdf"], "en"), ("report: {formats: [latex], language: fr}\n", ["latex"], "fr")],
)
def test_a_protocol_names_formats_and_language(tmp_path: Path, said: str, formats: list[str], language: str) -> None:
    """Both are read; the language is no part of the study's identity."""
    text = (shipped("protocols") / "smoke.yaml").read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(re.sub(r"(?m)^report:.*\n", "", text) + said, encoding="utf-8")
    spec = load(tmp_path / "a.yaml").report
    assert (list(spec.formats), spec.language) == (formats, language)
    assert "language" not in plain_value(spec)


# --------------------------------------------------------------------------------------------------- compiling


@needs_latex
def test_the_report_compiles(tmp_path: Path) -> None:
    """No error, no reference to nothing, no table out of the page; the comparisons' numbers are on paper."""
    document = plain()
    log = compiled(laid_out(document, tmp_path, drawings(document)))
    assert lost(log) == []
    assert max(overfull(log), default=0) < 30
    text = printed(tmp_path / "report.pdf")
    comparisons = next(table for table in document.tables if table.key == "comparisons")
    shown = {re.sub(r"\s", "", cell.text).replace("−", "-") for row in comparisons.rows for cell in row}
    assert {each for each in shown if each not in re.sub(r"\s", "", text)} == set()


@needs_latex
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_hostile_report_compiles(tmp_path: Path, language: str) -> None:
    """Commands, template code, 300 letters and emoji in every place of a document do nothing but stand there."""
    document = hostile(language)
    with spoken(language, folders()):
        log = compiled(
            laid_out(document, tmp_path, {"drawn_1": drawings(document)["drawn_1"]} if drawings(document) else {})
        )
    assert lost(log) == []
    assert max(overfull(log), default=0) < 30
    text = printed(tmp_path / "report.pdf")
    assert r"\write18{rm -rf x}" in text
    assert "((( 7 * 7 )))" in text
    assert "U+1F600" in text
    assert r"\end{document}" in text


@needs_lualatex
def test_a_hostile_report_compiles_with_lualatex(tmp_path: Path) -> None:
    """The other engine takes the same files."""
    assert lost(compiled(laid_out(hostile("fr"), tmp_path), engine="lualatex")) == []


@needs_latex
@pytest.mark.parametrize("language", ["", "\\usepackage[T1]{fontenc}\\usepackage[french]{babel}"])
def test_a_thesis_takes_every_table_and_figure(tmp_path: Path, language: str) -> None:
    """A document of few packages takes each file in; narrow lines scale tables down, and cleveref finds the labels.

    In French the colon is a command, which cleveref cannot read in a label unless it is told to be a letter.
    """
    document = plain()
    made = laid_out(document, tmp_path, drawings(document))
    names = [f"tables/{table.key}" for table in document.tables] + [f"figures/{each.key}" for each in document.figures]
    labels = [f"tab:{document.tables[0].key}", f"fig:{document.figures[0].key}"]
    lines = [
        rf"\documentclass{{book}}{language}",
        r"\usepackage{booktabs,siunitx,graphicx,longtable}\usepackage{hyperref}\usepackage{cleveref}",
        r"\begin{document}\chapter{One}",
        *(rf"\input{{{name}}}\clearpage" for name in names),
        r"\shorthandoff{:}" if language else "",
        *(rf"\cref{{{label}}} \ref{{{label}}}" for label in labels),
        # Captions cite works, which a thesis has in its own list, from references.bib.
        r"\begin{thebibliography}{9}",
        *(rf"\bibitem{{{work.key}}} {work.year}" for work in document.works),
        r"\end{thebibliography}",
        r"\end{document}",
    ]
    (made / "thesis.tex").write_text("\n".join(lines), encoding="utf-8")
    log = compiled(made, "thesis")
    assert lost(log) == []
    assert max(overfull(log), default=0) < 30


@needs_pango
def test_a_drawing_is_a_page_of_its_size() -> None:
    """One page, as large as the drawing says, the same bytes each time, of a version that pdfTeX takes in."""
    import pypdf

    made = figure_pdf(SVG)
    pages = pypdf.PdfReader(io.BytesIO(made)).pages
    assert [tuple(map(float, page.mediabox)) for page in pages] == [(0, 0, 60, 30)]
    assert made == figure_pdf(SVG)
    assert made.startswith(b"%PDF-1.5")


def test_a_drawing_without_a_size_is_refused() -> None:
    """The page has to be as large as something."""
    with pytest.raises(ValueError, match="Expected a drawing that begins with its width and height in points"):
        figure_pdf("<svg/>")
