"""Text as LaTeX: every letter of it is shown or boxed, none is obeyed.

What is written compiles with pdflatex and lualatex in any document, whatever its font encoding and language: symbols
become mathematics, accented letters beyond Latin-1 become accents, and a letter that LaTeX's fonts lack becomes its
number in a small box.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Letters from which a word may be broken anywhere, and after how many of them each.
_LONG_WORD: Final = 28
_EACH: Final = 6
#: A place where a line may end, with a little give, so that long names need not stick out of the margin.
BREAK: Final = r"\hspace{0pt plus .1em}"

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;!?()/+=@'-")
#: Of these, two in a row would become one sign.
_PAIRED: Final = frozenset("-,'!?")
#: Accented letters that stand as they are: both engines and all Latin encodings know them.
_LATIN: Final = frozenset("ÀÁÂÃÄÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝàáâãäçèéêëìíîïñòóôõöùúûüýÿ")
_TEXT: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",  # BibTeX counts braces behind a backslash too
    "}": r"\textbraceright{}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # a row or an item that begins with one would take it for an option
    "]": "{]}",
    "*": "{*}",
    "\u00a0": "~",
    "\u00ad": r"\-",
    "\u2007": r"\phantom{0}",
    "\u2008": r"\phantom{.}",
    "\u2009": r"\,",
    "\u202f": r"\,",
    "\u2010": "-",
    "\u2011": r"\mbox{-}",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "„": r"\UseTextSymbol{T1}{\quotedblbase}",
    "«": r"\UseTextSymbol{T1}{\guillemotleft}",
    "»": r"\UseTextSymbol{T1}{\guillemotright}",
    "‹": r"\UseTextSymbol{T1}{\guilsinglleft}",
    "›": r"\UseTextSymbol{T1}{\guilsinglright}",
    "ð": r"\UseTextSymbol{T1}{\dh}",
    "Ð": r"\UseTextSymbol{T1}{\DH}",
    "þ": r"\UseTextSymbol{T1}{\th}",
    "Þ": r"\UseTextSymbol{T1}{\TH}",
    "đ": r"\UseTextSymbol{T1}{\dj}",
    "Đ": r"\UseTextSymbol{T1}{\DJ}",
    "…": r"\dots{}",
    "•": r"\textbullet{}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "©": r"\textcopyright{}",
    "®": r"\textregistered{}",
    "™": r"\texttrademark{}",
    "°": r"\textdegree{}",
    "€": r"\texteuro{}",
    "£": r"\pounds{}",
    "¥": r"\textyen{}",
    "¢": r"\textcent{}",
    "‰": r"\textperthousand{}",
    "½": r"\textonehalf{}",
    "¼": r"\textonequarter{}",
    "¾": r"\textthreequarters{}",
    "ª": r"\textordfeminine{}",
    "º": r"\textordmasculine{}",
    "¡": r"\textexclamdown{}",
    "¿": r"\textquestiondown{}",
    "Å": r"\AA{}",
    "å": r"\aa{}",
    "Æ": r"\AE{}",
    "æ": r"\ae{}",
    "Œ": r"\OE{}",
    "œ": r"\oe{}",
    "Ø": r"\O{}",
    "ø": r"\o{}",
    "Ł": r"\L{}",
    "ł": r"\l{}",
    "ß": r"\ss{}",
    "ı": r"\i{}",
}
#: Greek letters by their names; those that look Latin are set as Latin ones.
_GREEK: Final = {
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "δ": r"\delta",
    "ε": r"\varepsilon",
    "ζ": r"\zeta",
    "η": r"\eta",
    "θ": r"\theta",
    "ι": r"\iota",
    "κ": r"\kappa",
    "λ": r"\lambda",
    "μ": r"\mu",
    "ν": r"\nu",
    "ξ": r"\xi",
    "π": r"\pi",
    "ρ": r"\rho",
    "ς": r"\varsigma",
    "σ": r"\sigma",
    "τ": r"\tau",
    "υ": r"\upsilon",
    "φ": r"\varphi",
    "χ": r"\chi",
    "ψ": r"\psi",
    "ω": r"\omega",
    "Γ": r"\Gamma",
    "Δ": r"\Delta",
    "Θ": r"\Theta",
    "Λ": r"\Lambda",
    "Ξ": r"\Xi",
    "Π": r"\Pi",
    "Σ": r"\Sigma",
    "Υ": r"\Upsilon",
    "Φ": r"\Phi",
    "Ψ": r"\Psi",
    "Ω": r"\Omega",
    **{greek: rf"\mathrm{{{latin}}}" for greek, latin in zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX", strict=True)},
    "ο": "o",
    "ϵ": r"\epsilon",
    "ϑ": r"\vartheta",
    "ϕ": r"\phi",
}
_MATHS: Final = {
    **_GREEK,
    "µ": r"\mu",  # the micro sign
    "−": "-",
    "±": r"\pm",
    "∓": r"\mp",
    "×": r"\times",
    "÷": r"\div",
    "·": r"\cdot",
    "⋅": r"\cdot",
    "≤": r"\le",
    "≥": r"\ge",
    "≠": r"\ne",
    "≈": r"\approx",
    "≡": r"\equiv",
    "∼": r"\sim",
    "≪": r"\ll",
    "≫": r"\gg",
    "∝": r"\propto",
    "∞": r"\infty",
    "∑": r"\sum",
    "∏": r"\prod",
    "∫": r"\int",
    "√": r"\surd",
    "∂": r"\partial",
    "∇": r"\nabla",
    "∈": r"\in",
    "∉": r"\notin",
    "∪": r"\cup",
    "∩": r"\cap",
    "⊂": r"\subset",
    "∀": r"\forall",
    "∃": r"\exists",
    "∅": r"\emptyset",
    "¬": r"\neg",
    "←": r"\leftarrow",
    "→": r"\rightarrow",
    "↔": r"\leftrightarrow",
    "↑": r"\uparrow",
    "↓": r"\downarrow",
    "⇐": r"\Leftarrow",
    "⇒": r"\Rightarrow",
    "⇔": r"\Leftrightarrow",
    "ℓ": r"\ell",
    "ℏ": r"\hbar",
    "′": r"{}^{\prime}",
    "″": r"{}^{\prime\prime}",
}
_ACCENTS: Final = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030b": "H",
    "\u030c": "v",
    "\u0323": "d",
    "\u0327": "c",
}
_RAISED: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ", "0123456789+-=()n", strict=True))
_LOWERED: Final = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", "0123456789+-=()", strict=True))
_SCRIPTS: Final = "".join(_RAISED), "".join(_LOWERED)
_ATOM: Final = re.compile(
    rf"(?P<symbol>\b[Rdf]_[scz]\b)|(?P<raised>[{_SCRIPTS[0]}]+)|(?P<lowered>[{_SCRIPTS[1]}]+)|.", re.DOTALL
)
_BLANK: Final = re.compile(r"[ \t\r\n\f\v]+")
_TIES: Final = ((" %", "\u00a0%"), (" = ", "\u00a0=\u00a0"), (" × 10", "\u00a0×\u00a010"))
#: French ties a narrow space before these; LaTeX's French sets it by itself where any space stands.
_NARROW: Final = re.compile("\u202f(?=[;!?])")


class Tex(str):
    """Text that is LaTeX already and is not escaped again."""

    __slots__ = ()


def escaped(text: str, *, long: int = _LONG_WORD) -> Tex:
    """Return text as LaTeX that shows it.

    Parameters
    ----------
    text : str
        Any; symbols such as ``R_s`` and ``10⁻⁴`` in it become mathematics.
    long : int
        Letters from which a word may be broken anywhere.
    """
    text = _NARROW.sub("\u00a0", _BLANK.sub(" ", unicodedata.normalize("NFC", text)))
    for loose, tied in _TIES:
        text = text.replace(loose, tied)
    return _set(text, long, code=False)


def code(line: str) -> Tex:
    """Return a line of code as LaTeX for a typewriter font: all its spaces are kept."""
    line = unicodedata.normalize("NFC", line.expandtabs(8))
    start = len(line) - len(line.lstrip(" "))
    return _set("\u00a0" * start + re.sub(" (?= )", "\u00a0", line[start:]), _LONG_WORD, code=True)


def metadata(text: str) -> Tex:
    """Return text for the properties of a PDF, in which there are no fonts and no mathematics."""
    text = _BLANK.sub(" ", unicodedata.normalize("NFC", text))
    return Tex("".join(each if each in _PLAIN else rf"\unichar{{{_code(each)}}}" for each in text))


def _code(letter: str) -> int:
    """Return a letter's number, that of the sign for what cannot be shown if it is half a letter."""
    return 0xFFFD if "\ud800" <= letter <= "\udfff" or letter < " " else ord(letter)


def _set(text: str, long: int, *, code: bool) -> Tex:
    """Return text letter by letter, neighbouring mathematics between one pair of dollars."""
    places = _places(text, long)
    done: list[str] = []
    in_maths, before = False, ""
    for found in _ATOM.finditer(text):
        letters = found.group()
        inside = _mathematics(found, code=code)
        breaking = found.start() in places
        if in_maths and (inside is None or breaking):
            done.append("$")
            in_maths = False
        if breaking:
            done.append(BREAK)
        if inside is None:
            done.append("{}" if letters == before and letters in _PAIRED else "")
            done.append(r"\textquotesingle{}" if code and letters == "'" else _shown(letters))
        else:
            done.append(_joined(done[-1] if in_maths else "$", inside))
            in_maths = True
        before = letters
    return Tex("".join(done) + ("$" if in_maths else ""))


def _joined(before: str, inside: str) -> str:
    """Return mathematics with what must stand between it and what is before it."""
    if before == "$":
        return f"${inside}"
    return f" {inside}" if before[-1:].isalpha() and inside[:1].isalpha() else inside


def _places(text: str, long: int) -> set[int]:
    """Return where lines may end within words that are too long for a line."""
    return {
        place
        for run in re.finditer(rf"\S{{{long + 1},}}", text)
        for place in range(run.start() + _EACH, run.end() - 1, _EACH)
    }


def _mathematics(found: re.Match[str], *, code: bool) -> str | None:
    """Return what a letter, symbol or row of raised or lowered digits is as mathematics, ``None`` if it is none."""
    letters = found.group()
    if found["symbol"]:
        return None if code else letters
    if found["raised"]:
        return f"{{}}^{{{''.join(_RAISED[each] for each in letters)}}}"
    if found["lowered"]:
        return f"{{}}_{{{''.join(_LOWERED[each] for each in letters)}}}"
    return _MATHS.get(letters)


def _shown(letters: str) -> str:
    """Return text outside of mathematics: letters that stand for themselves, commands, accents, or boxes."""
    return "".join(_letter(each) for each in letters)


def _letter(letter: str) -> str:
    if letter in _PLAIN or letter in _LATIN:
        return letter
    if letter in _TEXT:
        return _TEXT[letter]
    if found := accented(letter):
        return found
    if unicodedata.category(letter) == "Zs":
        return " "
    return rf"{{\fboxsep=1pt\protect\fbox{{\tiny U+{ord(letter):04X}}}}}{BREAK}"


def accented(letter: str) -> str:
    """Return a letter with an accent in ASCII, nothing if it is none or LaTeX has no such accent."""
    parts = unicodedata.normalize("NFD", letter)
    if len(parts) != 2 or parts[0] not in _PLAIN or parts[1] not in _ACCENTS:
        return ""
    base = {"i": r"\i", "j": r"\j"}.get(parts[0], parts[0])
    return rf"{{\{_ACCENTS[parts[1]]}{{{base}}}}}"
