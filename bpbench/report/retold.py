"""What the program said when findings were made, told again in the language of the report.

Remarks of judgements, models and data are kept in findings as the sentences they were. Those that are known are told by
their message; others, such as the words of an exception or of a file's author, are left as they are.
"""

from __future__ import annotations


def retold(text: str) -> str:
    """Return a sentence of findings in the language that is spoken."""
    return text
