"""The language of reports: messages, numbers and catalogues, and that no word of a report is left out of them."""

from __future__ import annotations

import importlib.util
import json
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import findings_factory
import pytest
from matplotlib.figure import Figure as Drawing
from matplotlib.text import Text as DrawnText

from bpbench.cli import main
from bpbench.report import language
from bpbench.report.compose import compose
from bpbench.report.document import Document, Equation, Facts, Figure, Items, Table, Text
from bpbench.report.language import CatalogueError, listed, marked, quoted, spoken, tell, tell_as, tell_n
from bpbench.report.numerals import count, exact, fixed, p_text, percent, signed, significant, whole

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"

HEAD = 'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Plural-Forms: nplurals=2; plural={plural};\\n"\n'
FRENCH = '"Content-Type: text/plain; charset=utf-8\\n"\n'


def catalogue(folder: Path, text: str, code: str = "fr") -> Path:
    """Write a catalogue of messages and return its folder."""
    folder.mkdir(exist_ok=True)
    plural = "(n > 1)" if code == "fr" else "(n != 1)"
    head = HEAD.format(language=code, plural=plural)
    (folder / f"{code}.po").write_text(f"{head}{FRENCH}\n{text}", encoding="utf-8")
    return folder


# -------------------------------------------------------------------------------------------------- telling


def test_without_a_language_everything_is_english() -> None:
    """A message is its own key, and its fields are filled in as they are, braces too."""
    assert language.language() == "en"
    assert tell("{name} has {{braces}}.", name="{x}") == "{x} has {braces}."
    assert marked("word") == "word"
    assert (tell_n("{n} set", "{n} sets", 1), tell_n("{n} set", "{n} sets", 0)) == ("1 set", "0 sets")


def test_messages_are_told_in_a_language_and_fields_in_its_order(tmp_path: Path) -> None:
    """A translation may change the order of fields; what it lacks is told in English; afterwards all is English."""
    folder = catalogue(tmp_path, 'msgid "{a} of {b}"\nmsgstr "{b}, dont {a}"\n')
    with spoken("fr", [folder]):
        assert language.language() == "fr"
        assert tell("{a} of {b}", a="3", b="9") == "9, dont 3"
        assert tell("not in it") == "not in it"
    assert tell("{a} of {b}", a="3", b="9") == "3 of 9"


def test_french_counts_nothing_and_one_alike(tmp_path: Path) -> None:
    """0 and 1 take the singular in French, the plural begins with 2; English says 0 sets."""
    folder = catalogue(
        tmp_path, 'msgid "{n} set"\nmsgid_plural "{n} sets"\nmsgstr[0] "{n} jeu"\nmsgstr[1] "{n} jeux"\n'
    )
    with spoken("fr", [folder]):
        assert [count(number, "set") for number in (0, 1, 2)] == ["0 jeu", "1 jeu", "2 jeux"]
        assert tell_n("{n} set", "{n} sets", 12345) == "12\u202f345 jeux"
    assert [count(number, "set") for number in (0, 1, 2)] == ["0 sets", "1 set", "2 sets"]


def test_one_word_has_a_translation_for_each_context(tmp_path: Path) -> None:
    """A word that heads a column may differ from the same word elsewhere."""
    text = 'msgctxt "column"\nmsgid "set"\nmsgstr "jeu"\n\nmsgid "set"\nmsgstr "fixé"\n'
    with spoken("fr", [catalogue(tmp_path, text)]):
        assert (tell_as("column", "set"), tell("set"), tell_as("row", "set")) == ("jeu", "fixé", "set")


def test_a_users_catalogue_replaces_ours_message_by_message(tmp_path: Path) -> None:
    """What the first folder has wins, in English too; the rest stays ours, and a fuzzy entry counts as none."""
    ours = catalogue(tmp_path / "ours", 'msgid "repeat"\nmsgstr "répétition"\n\nmsgid "split"\nmsgstr "partage"\n')
    text = 'msgid "repeat"\nmsgstr "tirage"\n\n#, fuzzy\nmsgid "split"\nmsgstr "coupe"\n'
    theirs = catalogue(tmp_path / "theirs", text)
    with spoken("fr", [theirs, ours]):
        assert (tell("repeat"), tell("split")) == ("tirage", "partage")
    with spoken("fr", [ours, theirs]):
        assert tell("repeat") == "répétition"
    catalogue(tmp_path / "theirs", 'msgid "repeat"\nmsgstr "replicate"\n', "en")
    with spoken("en", [theirs, ours]):
        assert (tell("repeat"), tell("split")) == ("replicate", "split")


def test_a_catalogue_that_is_changed_is_read_again(tmp_path: Path) -> None:
    """Two runs of one process see what the file says at the time."""
    folder = catalogue(tmp_path, 'msgid "repeat"\nmsgstr "a"\n')
    with spoken("fr", [folder]):
        assert tell("repeat") == "a"
    catalogue(tmp_path, 'msgid "repeat"\nmsgstr "un autre"\n')
    with spoken("fr", [folder]):
        assert tell("repeat") == "un autre"


def test_a_broken_catalogue_is_named(tmp_path: Path) -> None:
    """The sentence names the file and what to do; nothing is told in half a language."""
    path = tmp_path / "fr.po"
    path.write_text("This is no catalogue.\n", encoding="utf-8")
    with pytest.raises(CatalogueError) as caught, spoken("fr", [tmp_path]):
        pass
    assert str(caught.value).startswith(f"The catalogue {path} cannot be read (")
    assert str(caught.value).endswith("; mend or remove it.")
    assert language.language() == "en"


@pytest.mark.parametrize(
    ("translation", "words"),
    [
        (
            "{a} et {c}",
            r"'{a} and {b}' by '{a} et {c}', in which the message has no field {c}; expected {a}, {b}; mend",
        ),
        ("{a} et {b.real}", r"has no field {b.real}; expected {a}, {b}; mend or remove it."),
        ("{a:.2f} et {b}", r"has no field {a:.2f}; expected {a}, {b}; mend or remove it."),
        ("{a} et {0}", r"has no field {0}; expected {a}, {b}; mend or remove it."),
        ("{a} et {b", r"by '{a} et {b', which is no message (expected '}' before end of string); mend or remove it."),
    ],
)
def test_a_translation_with_other_fields_is_named(tmp_path: Path, translation: str, words: str) -> None:
    """What could not be filled in later is refused when the catalogue is read, with the message and its fields."""
    folder = catalogue(tmp_path, f'msgid "{{a}} and {{b}}"\nmsgstr "{translation}"\n')
    with pytest.raises(CatalogueError, match=re.escape(words)) as caught, spoken("fr", [folder]):
        pass
    assert str(caught.value).startswith(f"The catalogue {tmp_path / 'fr.po'} translates ")


def test_a_rule_of_plurals_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """No traceback comes out of the head of a catalogue."""
    path = tmp_path / "fr.po"
    path.write_text(f"{HEAD.format(language='fr', plural='(n >')}{FRENCH}\n", encoding="utf-8")
    with (
        pytest.raises(CatalogueError, match=r"fr\.po cannot be read \(.*\); mend or remove it\."),
        spoken("fr", [tmp_path]),
    ):
        pass


def test_a_catalogue_without_a_rule_of_plurals_has_that_of_its_language(tmp_path: Path) -> None:
    """A house style of one message need not say how French counts, and no rule leads past a message's forms."""
    two = 'msgid "{n} set"\nmsgid_plural "{n} sets"\nmsgstr[0] "{n} jeu"\nmsgstr[1] "{n} jeux"\n'
    path = tmp_path / "fr.po"
    path.write_text(f'msgid ""\nmsgstr ""\n{FRENCH}\n{two}', encoding="utf-8")
    with spoken("fr", [tmp_path]):
        assert [count(number, "set") for number in (0, 1, 2)] == ["0 jeu", "1 jeu", "2 jeux"]
    ours = catalogue(tmp_path / "ours", two)
    own = tmp_path / "own"
    own.mkdir()
    head = HEAD.format(language="fr", plural="n").replace("nplurals=2", "nplurals=9")
    (own / "fr.po").write_text(f'{head}{FRENCH}\nmsgid "a"\nmsgstr "b"\n', encoding="utf-8")
    with spoken("fr", [own, ours]):
        assert [count(number, "set") for number in (0, 1, 5)] == ["0 jeu", "1 jeux", "5 jeux"]


def test_a_run_misses_its_templates_before_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of templates that is not there, by option or by variable, stops a run before anything is read."""
    monkeypatch.chdir(tmp_path)
    assert main(["run", "no-such-protocol", "--templates", "nowhere"]) == 2
    monkeypatch.setenv("BPBENCH_TEMPLATES", "elsewhere")
    assert main(["run", "no-such-protocol"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"bpbench: There is no folder of templates {name}; make it, or name another one."
        for name in ("nowhere", "elsewhere")
    ]


def test_a_language_that_no_report_speaks_is_refused() -> None:
    """The sentence names those there are."""
    with (
        pytest.raises(ValueError, match=re.escape("Expected a language of ['en', 'fr'], found 'de'.")),
        spoken("de", []),
    ):
        pass


def test_french_punctuation_is_tied_to_its_word(tmp_path: Path) -> None:
    """What French puts a space before never begins a line; fields stay as they are."""
    with spoken("fr", [catalogue(tmp_path, 'msgid "{a}: {b}"\nmsgstr "« {a} » : {b} ; vrai ?"\n')]):
        assert tell("{a}: {b}", a="x : y", b="z") == "«\u00a0x : y\u00a0»\u00a0: z\u202f; vrai\u202f?"
        assert quoted("22") == "«\u00a022\u00a0»"
    assert quoted("22") == "“22”"


def test_numbers_are_written_as_the_language_writes_them(tmp_path: Path) -> None:
    """A decimal comma, never rounded onto a level; thousands are set apart by a narrow space in both languages."""
    said = {
        "0,142": lambda: fixed(0.1418, 3),
        "−1,50": lambda: fixed(-1.5, 2),
        "1,23 × 10⁻⁷": lambda: significant(1.23e-7),
        "+0,50": lambda: signed(0.5, 2),
        "0,0501": lambda: p_text(0.0501),
        "< 0,001": lambda: p_text(0.00001),
        "97,5 %": lambda: percent(0.975),
        "0,333333": lambda: exact(1 / 3),
        "12\u202f345": lambda: whole(12345),
        "9876": lambda: whole(9876),
    }
    with spoken("fr", [tmp_path]):
        assert [tell_it() for tell_it in said.values()] == list(said)
    assert [tell_it() for tell_it in said.values()] == [text.replace(",", ".") for text in said]


def test_lists_end_as_the_language_ends_them(tmp_path: Path) -> None:
    """None, one, and several things."""
    text = 'msgid "{some} and {last}"\nmsgstr "{some} et {last}"\n\nmsgid "none"\nmsgstr "aucun"\n'
    with spoken("fr", [catalogue(tmp_path, text)]):
        assert [listed(words) for words in ([], ["a"], ["a", "b", "c"])] == ["aucun", "a", "a, b et c"]


# ------------------------------------------------------------------------------------------------ catalogues


def test_the_catalogues_are_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every message of the package has its translation with the same fields, and no other ones are kept."""
    specification = importlib.util.spec_from_file_location("messages", ROOT / "tools" / "messages.py")
    assert specification is not None
    assert specification.loader is not None
    module: Any = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", ["messages.py", "--check"])
    failed = module.main()
    assert failed == 0, capsys.readouterr().out
    assert (TEMPLATES / "fr.po").read_bytes() == module.written(module.merged(TEMPLATES / "fr.po", module.template()))


# --------------------------------------------------------------------------------------------- a language of fields

FACTORIES = (
    "findings", "small", "resampled", "swept", "ranked", "in_pairs", "without_results", "searched", "compared"
)  # fmt: skip
#: What findings hold as sentences: not names, so that their words are no excuse for words of ours.
SENTENCES = {"sentence", "remarks", "remark", "message", "why", "no_anova", "unranked", "said"}
#: Names, symbols and units that are the same in every language.
SAME = frozenset(
    """
    MSE RMSE MAE HDNN LightGBM Adam AdamW Keras Kalman Holm Welch Wilcoxon Mann Whitney Student Friedman Nemenyi Dunn
    Bonferroni Greenhouse Geisser Huynh Feldt Mauchly Iman Davenport Cliff Hedges Cohen Fieller Hodges Lehmann BCa
    Nadeau Bengio Levenberg Marquardt Spearman Nogueira Šidák meV eV atom SHA bpbench Python PDF CSV SVG EMT tanh exp
    cos log Jaccard Kuncheva Lustgarten
    """.split()  # noqa: SIM905
)
_WORD = re.compile("[A-Za-zÀ-ÖØ-öø-ÿŠš]{2,}")
#: Pointers and citations, words that a label cuts, and formulas.
_ASIDE = re.compile("\ue000[^\ue001]*\ue001|\\w*…\\w*|\\$[^$]*\\$")


class Fields(dict[tuple[str, str], tuple[str, ...]]):
    """A catalogue that has every message, and tells its fields alone."""

    def get(self, key: tuple[str, str], default: Any = None) -> tuple[str, ...]:  # noqa: ARG002 - never needed
        names = (name for _, name, _, _ in string.Formatter().parse(key[1]) if name is not None)
        return (f"⟦{' '.join(f'{{{name}}}' for name in names)}⟧",)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let messages tell their fields alone, and collect the words that are drawn."""
    found: list[str] = []
    save = Drawing.savefig

    def saved(self: Drawing, *given: Any, **options: Any) -> None:
        found.extend(text.get_text() for text in self.findobj(DrawnText) if text.get_visible())
        save(self, *given, **options)

    monkeypatch.setattr(Drawing, "savefig", saved)
    token = language._SPOKEN.set(language._Tongue("en", language.Catalogue(Fields(), lambda _: 0)))
    yield found
    language._SPOKEN.reset(token)


def table(block: Table) -> Iterator[str]:
    yield from (block.caption, block.source, block.unit)
    yield from (text for column in block.columns for text in (column.label, column.unit))
    yield from (cell.text for row in block.rows for cell in row)


def figure(block: Figure) -> Iterator[str]:
    yield from (block.caption, block.source, block.alt)
    yield from re.findall("<title>(.*?)</title>", block.svg)
    if block.data is not None:
        yield from table(block.data)


def texts(document: Document) -> Iterator[str]:
    """Iterate over everything that a document says, but for what is shown letter by letter and the works it cites."""
    yield from (document.title, document.subtitle, document.running, document.watermark)
    yield from (word for pair in document.facts for word in pair)
    yield from (section.title for section in document.sections)
    for block in document.blocks():
        match block:
            case Text():
                yield block.text
            case Items():
                yield from block.items
            case Facts():
                yield from (word for pair in block.pairs for word in pair)
            case Equation():
                yield from (block.alt, *(meaning for _, meaning in block.symbols))
            case Table():
                yield from table(block)
            case Figure():
                yield from figure(block)


def held(value: Any, key: str = "", under: str = "") -> Iterator[tuple[bool, str]]:
    """Iterate over the texts of findings, and whether each is a sentence; names of settings are texts too."""
    if isinstance(value, dict):
        for name, item in value.items():
            if under in {"values", "optimizer", "environment"}:
                yield False, name.replace("_", " ")
            inner = under if under == "environment" else name
            yield from held(item, key if key in SENTENCES else name, inner)
    elif isinstance(value, list):
        for item in value:
            yield from held(item, key, under)
    elif isinstance(value, str):
        yield key in SENTENCES, value


@pytest.mark.parametrize("name", FACTORIES)
def test_no_english_is_left_outside_of_messages(name: str, drawn: list[str]) -> None:
    """With messages that tell their fields alone, what is left are names of the findings, symbols and units."""
    found = json.loads(json.dumps(getattr(findings_factory, name)()))
    environment = json.loads(json.dumps(findings_factory.environment()))
    texts_held = [*held(found), *held(environment, under="environment")]
    names = SAME | {word for is_sentence, text in texts_held if not is_sentence for word in _WORD.findall(text)}
    sentences = {text for is_sentence, text in texts_held if is_sentence and len(text) > 1}
    document = compose(found, environment)
    left = {}
    for text in (*texts(document), *drawn):
        rest = _ASIDE.sub(" ", text)
        for sentence in sentences:
            # A sentence may have been given a capital letter.
            rest = rest.replace(sentence, " ").replace(sentence[0].upper() + sentence[1:], " ")
        if words := [word for word in _WORD.findall(rest) if word not in names]:
            left[" ".join(words)] = text
    assert left == {}
