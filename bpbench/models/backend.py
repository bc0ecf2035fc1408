"""The door to TensorFlow: silent, on one thread, on the CPU; imported at the first call."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bpbench.errors import BpbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How TensorFlow's C++ side begins a line that it logs.
_CHATTER = re.compile(rb"(?:[IWE]\d{4} |WARNING: All log messages before absl::InitializeLog|To enable the following)")

_SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # neither notes nor warnings from C++
    "TF_ENABLE_ONEDNN_OPTS": "0",  # its kernels may sum in another order
    "CUDA_VISIBLE_DEVICES": "-1",  # a GPU would give other bits, and a small network gains nothing from it
    "KERAS_BACKEND": "tensorflow",  # Keras computes with whatever it finds named here or in a file of the user's
}


@lru_cache(maxsize=1)
def quiet_tensorflow() -> Any:
    """Return the module ``tensorflow``, set to one thread and the CPU, without a word on the terminal.

    Several threads would share out a sum in an order that depends on the machine; one thread per process keeps a
    training bit-identical, and two trainings at once use two cores better than one training does.

    Raises
    ------
    BpbenchError
        When TensorFlow is not installed, or was already started in this process with other threads.
    """
    # Assigned, not defaulted: a setting of the user's own could change bits.
    os.environ.update(_SETTINGS)
    with _without_chatter():
        try:
            import tensorflow as tf
        except ModuleNotFoundError:
            raise BpbenchError(
                "The optimizer keras-adam is Keras's own and needs TensorFlow, which is not installed; "
                "`pip install bpbench[keras]` brings it, or choose the optimizer adam, which learns the same."
            ) from None
    tf.get_logger().setLevel(logging.ERROR)
    threads = tf.config.threading
    try:
        threads.set_intra_op_parallelism_threads(1)
        threads.set_inter_op_parallelism_threads(1)
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError:
        if (threads.get_intra_op_parallelism_threads(), threads.get_inter_op_parallelism_threads()) != (1, 1):
            raise BpbenchError(
                "TensorFlow was started in this process with several threads, bpbench needs one; call "
                "bpbench.models.backend.quiet_tensorflow() before any other use of TensorFlow."
            ) from None
    return tf


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back what C++ writes to the error stream; whatever is not a log line of its own is written afterwards.

    Some of these lines are written before any setting is read, so only the stream itself can be silenced.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(2, line)
