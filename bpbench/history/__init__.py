"""The history: one SQLite file of recorded runs, named baselines and decisions, and its twin in JSON lines.

``records`` says what is kept, ``schema`` how the file is laid out and brought up from older layouts, ``opening`` opens
it or says in a sentence why it cannot, ``file`` reads and writes it, ``union`` brings two histories together, and
``lines`` writes and reads the text that a team keeps in git.
"""

from bpbench.history.file import History, default_history
from bpbench.history.lines import export, read_in
from bpbench.history.records import Baseline, Decision, Run, now
from bpbench.history.union import ReadIn

__all__ = ["Baseline", "Decision", "History", "ReadIn", "Run", "default_history", "export", "now", "read_in"]
