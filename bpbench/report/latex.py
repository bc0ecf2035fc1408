"""A document as LaTeX: a report that compiles as it is, and each table and figure in a file that a thesis may take.

``tables/KEY.tex`` and ``figures/KEY.tex`` need no more of a document than booktabs, siunitx, graphicx and hyperref;
tables of more than a page need longtable too. Their labels are ``tab:KEY`` and ``fig:KEY``; equations have ``eq:KEY``
and sections ``sec:KEY``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bpbench import __version__
from bpbench.report.bibtex import bibtex
from bpbench.report.html import first_sentence, pointer_words
from bpbench.report.latex_tables import POINTS, setting
from bpbench.report.latex_text import Tex, code, escaped, metadata
from bpbench.report.numbered import Citation, Numbers, Pointer, Words
from bpbench.report.templating import environment, filled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bpbench.report.document import Document, Figure

#: What babel calls the languages.
_BABEL: Final = {"en": "english", "fr": "french"}
_LABELS: Final = {"table": "tab", "figure": "fig", "equation": "eq", "section": "sec"}
_KINDS: Final = {short: kind for kind, short in _LABELS.items()}
#: A pointer as :func:`running` sets it.
_POINTING: Final = re.compile(r"\\hyperref\[(?P<label>[^]]+)\]\{(?P<words>[^~]+)~\\ref\*\{(?P=label)\}\}")
#: Jinja's marks: its usual ones mean something to LaTeX.
_MARKS: Final = {
    "block_start_string": "((*",
    "block_end_string": "*))",
    "variable_start_string": "(((",
    "variable_end_string": ")))",
    "comment_start_string": "((=",
    "comment_end_string": "=))",
}


def latex_files(document: Document, places: Sequence[Path], figures: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a document as the files of a LaTeX project.

    Parameters
    ----------
    document : Document
        What to show; composed in the language that is spoken now.
    places : sequence of Path
        Folders of templates, from :func:`bpbench.report.templating.folders`.
    figures : dict of str to bytes
        Drawings as PDF by the figure's key. The place of one that is not there stays empty until it is.

    Returns
    -------
    dict of str to bytes
        ``report.tex``, ``tables/KEY.tex``, ``figures/KEY.tex``, ``figures/KEY.pdf``, ``references.bib``.

    Raises
    ------
    ReportError
        For a mistake in a template; names it and the line.
    """
    numbers = Numbers(document)
    fill = _filling(places, numbers)
    words = {kind: escaped(word) for kind, word in pointer_words().items()}
    looks = {
        table.key: setting(table, document.language, lambda text, long: running(text, numbers, long=long))
        for table in document.tables
    }
    point = POINTS.get(document.language, ".")
    texts = {
        f"tables/{table.key}.tex": fill(
            "table.tex.j2",
            table=table,
            short=_short(table.caption, numbers),
            look=looks[table.key],
            point=point,
        )
        for table in document.tables
    }
    texts |= {
        f"figures/{figure.key}.tex": _figure(figure, numbers, fill, drawn=figure.key in figures)
        for figure in document.figures
    }
    texts = {name: _apart(text, numbers) for name, text in texts.items()}
    texts["report.tex"] = fill(
        "report.tex.j2",
        document=document,
        babel=_BABEL.get(document.language, "english"),
        point=point,
        # A float that waits would come behind a table that does not float.
        long={key for key, look in looks.items() if look.long},
        words=words,
        version=__version__,
    )
    texts["references.bib"] = bibtex(document.works)
    files = {name: text.rstrip("\n").encode("utf-8") + b"\n" for name, text in texts.items()}
    return files | {f"figures/{key}.pdf": content for key, content in figures.items()}


def _filling(places: Sequence[Path], numbers: Numbers) -> Callable[..., str]:
    """Return what fills a template of that name in, all values escaped unless they are LaTeX already."""

    def finished(value: Any) -> Tex:
        return value if isinstance(value, Tex) else escaped(str(value))

    marked = environment(places, finalize=finished, keep_trailing_newline=True, **_MARKS)
    marked.filters["kind"] = lambda block: type(block).__name__
    marked.filters["typeset"] = lambda text: running(text, numbers)
    marked.filters["lines"] = lambda text: [code(line) for line in text.rstrip("\n").split("\n")]
    marked.filters["latex"] = Tex
    marked.filters["metadata"] = metadata
    return lambda name, **values: filled(name, places, marked, **values)


def running(text: str, numbers: Numbers, *, long: int | None = None) -> Tex:
    """Return running text as LaTeX, its pointers as links.

    Parameters
    ----------
    text : str
        With pointers and citations, as :mod:`bpbench.report.document` puts them.
    numbers : Numbers
        Of the document.
    long : int or None
        Letters from which a word may be broken anywhere, if not the usual ones.
    """
    names = pointer_words()
    done: list[str] = []
    for part in numbers.parts(text):
        match part:
            case Words(words):
                done.append(escaped(words) if long is None else escaped(words, long=long))
            case Pointer(kind, key, _):
                label = f"{_LABELS[kind]}:{key}"
                done.append(rf"\hyperref[{label}]{{{escaped(names[kind])}~\ref*{{{label}}}}}")
            case Citation(works):
                done.append(rf"\cite{{{','.join(key for key, _ in works)}}}")
    return Tex("".join(done))


def _apart(text: str, numbers: Numbers) -> str:
    """Return a part whose pointers to what a thesis did not take in show the number that it has in the report.

    Where French is set the colon of a label is a command; taken letter by letter it is none.
    """

    def pointing(found: re.Match[str]) -> str:
        label, words = found["label"], found["words"]
        short, _, key = label.partition(":")
        number = numbers.named(_KINDS[short], key)
        return rf"\ifcsname r@\detokenize{{{label}}}\endcsname{found.group()}\else {words}~{number}\fi{{}}"

    return _POINTING.sub(pointing, text)


def _short(caption: str, numbers: Numbers) -> Tex:
    """Return a caption's first sentence for a list; citations would count there as first ones."""
    return escaped(first_sentence(caption, numbers))


def _figure(figure: Figure, numbers: Numbers, fill: Callable[..., str], *, drawn: bool) -> str:
    """Return the file of a figure; one that could not be drawn is shown as soon as its PDF is there."""
    return fill("figure.tex.j2", figure=figure, short=_short(figure.caption, numbers), drawn=drawn)
