"""The whole vocabulary of a protocol file, and the one door through which such a file comes in.

A protocol is YAML 1.2 (``1e-3`` is a number, ``no`` is a word, a key twice is an error). :func:`load` returns a frozen
:class:`Protocol` or raises a :class:`~bpbench.errors.ProtocolError` that names file, line and path.

``vocabulary`` holds what a file may say, ``checks`` what must fit together, ``reading`` makes one of the other,
``quick`` lays the block ``quick`` over the rest of the file.
"""

from bpbench.declared import (
    Columns,
    Cut,
    DescriptorTime,
    Explicit,
    FileData,
    Roles,
    SampleData,
    Sweep,
    TableData,
    Variant,
)
from bpbench.protocol.reading import (
    functions_in,
    load,
    loads,
    locate,
    model_of,
    quick_version,
    read_as,
    schema,
    track_in,
)
from bpbench.protocol.uses import Check, Track
from bpbench.protocol.vocabulary import Analysis, Origin, Protocol, ReportSpec, SplitSpec

__all__ = [
    "Analysis",
    "Check",
    "Columns",
    "Cut",
    "DescriptorTime",
    "Explicit",
    "FileData",
    "Origin",
    "Protocol",
    "ReportSpec",
    "Roles",
    "SampleData",
    "SplitSpec",
    "Sweep",
    "TableData",
    "Track",
    "Variant",
    "functions_in",
    "load",
    "loads",
    "locate",
    "model_of",
    "quick_version",
    "read_as",
    "schema",
    "track_in",
]
