"""Templates: where they are found, how they are filled, and what is said when one has a mistake.

A user's own folder overrides ours file by file, so that a house may have a title page or a style of its own and keep
the rest.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpbench import shipped
from bpbench.errors import BpbenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2

#: Names the folder of a user's own templates where the command line names none.
VARIABLE = "BPBENCH_TEMPLATES"


class ReportError(BpbenchError):
    """A report cannot be made; the text names the template and line, or the file."""


def folders(own: Path | None = None) -> tuple[Path, ...]:
    """Return the folders in which templates are looked for, a user's own before ours.

    Parameters
    ----------
    own : Path or None
        ``None``: the one that ``BPBENCH_TEMPLATES`` names, if it names one.

    Raises
    ------
    ReportError
        For a folder of one's own that is not there.
    """
    named = own or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is None:
        return (shipped("templates"),)
    if not named.is_dir():
        raise ReportError(f"There is no folder of templates {named}; make it, or name another one.")
    return (named, shipped("templates"))


def found(name: str, places: Sequence[Path]) -> Path:
    """Return the first of some folders' file of that name.

    Raises
    ------
    ReportError
        If none has it.
    """
    for place in places:
        if _within(place, name):
            return place / name
    raise ReportError(f"There is no template {name} in {' or '.join(str(place) for place in places)}.")


def _within(place: Path, name: str) -> bool:
    """Return whether a folder has a file of that name; what lies elsewhere is no template."""
    return Path(name).name == name and (place / name).is_file()


def read(name: str, places: Sequence[Path]) -> str:
    """Return the text of the first of some folders' file of that name.

    Raises
    ------
    ReportError
        If none has it, or it cannot be read.
    """
    path = found(name, places)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ReportError(f"The template {path} cannot be read: {error}.") from error


def environment(places: Sequence[Path], **options: Any) -> jinja2.Environment:
    """Return an environment of Jinja in which every name must be known and blocks leave no empty lines."""
    import jinja2

    def loaded(name: str) -> tuple[str, str, None] | None:
        if not any(_within(place, name) for place in places):
            return None
        return read(name, places), str(found(name, places)), None

    return jinja2.Environment(  # noqa: S701 - whoever renders says how text is escaped
        loader=jinja2.FunctionLoader(loaded),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )


def filled(name: str, places: Sequence[Path], environment: jinja2.Environment, **values: Any) -> str:
    """Return a template filled in.

    Raises
    ------
    ReportError
        For a mistake in a template, or one that is missing; names it and the line.
    """
    import jinja2

    try:
        return environment.get_template(name).render(**values)
    except jinja2.TemplateSyntaxError as error:
        raise ReportError(f"{error.filename or found(name, places)}, line {error.lineno}: {error.message}.") from error
    except jinja2.TemplateNotFound as error:
        raise ReportError(f"There is no template {error} in {' or '.join(map(str, places))}.") from error
    except (
        jinja2.TemplateError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        where = _where(error, places) or f"{found(name, places)}, line unknown"
        raise ReportError(f"{where}: {error}.") from error


def _where(error: BaseException, places: Sequence[Path]) -> str | None:
    """Return the template and line in which an error arose; Jinja maps its frames back to them."""
    innermost, trace = None, error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if any(Path(file).parent == place for place in places):
            innermost = f"{file}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return innermost
