"""The door to the compiler: how a kernel is compiled and kept, and an exponential that runs on vector units."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic, overload

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Function = TypeVar("Function", bound="Callable[..., object]")


def kernel(function: Function) -> Function:
    """Compile a function of arrays that releases the GIL and is cached on disk for the next process.

    Of the fast-math freedoms only two are given, reordering of sums and fused products: the compiler uses them the same
    way every time on one kind of CPU, and sums run on vector units.
    """
    return _compiled(function, {"reassoc", "contract"})


def literal(function: Function) -> Function:
    """Compile a function whose sums must stay in the order in which they are written."""
    return _compiled(function, {"contract"})


def _compiled(function: Function, freedoms: set[str]) -> Function:
    # numba looks at a function's own file alone, and would go on with what it inlined from another before that changed;
    # a folder named after all the sources of the room cannot be out of date.
    kept = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_cache(kept, Path(function.__code__.co_filename).parent))
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=freedoms)(function)
    finally:
        numba.config.CACHE_DIR = kept
    return cast("Function", compiled)


@lru_cache(maxsize=8)
def _cache(chosen: str, room: Path) -> Path:
    """Return the folder of a room's compiled code: in the one that the user chose, beside the sources, among caches."""
    sources = b"".join(path.read_bytes() for path in (Path(__file__), *sorted(room.glob("*.py"))))
    beside = room / "__pycache__"
    if chosen:
        base = Path(chosen)
    elif os.access(beside if beside.is_dir() else room, os.W_OK):
        base = beside
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bpbench"
    return base / f"kernels-{hashlib.sha256(sources).hexdigest()[:12]}"


def load() -> None:
    """Have the compiler loaded, which it is only with the first function that it compiles."""
    numba.njit(_nothing)()


def _nothing() -> None:
    pass


def _cast(source: Any, target: Any) -> Any:
    """Return an intrinsic that reads the bits of a number as a number of another type."""

    @intrinsic  # type: ignore[untyped-decorator]
    def cast_bits(_context: Any, _x: Any) -> Any:
        def build(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return builder.bitcast(values[0], context.get_value_type(target))

        return target(source), build

    return cast_bits


_bits, _from_bits = _cast(types.float64, types.int64), _cast(types.int64, types.float64)
_bits_single, _from_bits_single = _cast(types.float32, types.int32), _cast(types.int32, types.float32)

#: Added to a number below 2⁵¹ (in single precision 2²²) they round it to a whole one, which then stands in the lowest
#: bits.
_ROUNDER, _ROUNDER_SINGLE = 6755399441055744.0, np.float32(12582912.0)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
#: Of ln 2, in single precision: the first part times any n up to 128 is exact.
_LN2_HIGH_SINGLE, _LN2_LOW_SINGLE = np.float32(0.693359375), np.float32(-2.12194440e-4)


@literal
def _exp_double(x: float) -> float:
    some = 1.0 if x >= -708.0 else 0.0
    x = max(x, -708.0)
    shifted = x * 1.4426950408889634 + _ROUNDER
    n = shifted - _ROUNDER
    f = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = 1 / 6227020800.0
    p = p * f + 1 / 479001600.0
    p = p * f + 1 / 39916800.0
    p = p * f + 1 / 3628800.0
    p = p * f + 1 / 362880.0
    p = p * f + 1 / 40320.0
    p = p * f + 1 / 5040.0
    p = p * f + 1 / 720.0
    p = p * f + 1 / 120.0
    p = p * f + 1 / 24.0
    p = p * f + 1 / 6.0
    p = p * f + 0.5
    p = p * f + 1.0
    p = p * f + 1.0
    return float(some * _from_bits(_bits(p) + (_bits(shifted) << 52)))


@literal
def _exp_single(x: Any) -> Any:
    one, half = np.float32(1.0), np.float32(0.5)
    some = one if x >= np.float32(-87.0) else np.float32(0.0)
    x = max(x, np.float32(-87.0))
    shifted = x * np.float32(1.4426950408889634) + _ROUNDER_SINGLE
    n = shifted - _ROUNDER_SINGLE
    f = (x - n * _LN2_HIGH_SINGLE) - n * _LN2_LOW_SINGLE
    p = np.float32(1 / 5040)
    p = p * f + np.float32(1 / 720)
    p = p * f + np.float32(1 / 120)
    p = p * f + np.float32(1 / 24)
    p = p * f + np.float32(1 / 6)
    p = p * f + half
    p = p * f + one
    p = p * f + one
    return some * _from_bits_single(np.int32(_bits_single(p) + np.int32(_bits_single(shifted) << np.int32(23))))


def exp(x: Any) -> Any:
    """Return eˣ for x ≤ 0 in the precision of x, and 0 below -708 (single: -87), where it leaves the normal numbers.

    2ⁿ·eᶠ with f = x - n·ln 2 in two parts (Cody & Waite 1980) and Taylor's series to f¹³ (single: f⁷), whose rest is
    below 0.35¹⁴/14! = 5·10⁻¹⁸ (0.35⁸/8! = 6·10⁻⁹): to one unit in the last place. Unlike the library's it has no
    branch, so loops over it run on vector units.
    """
    return _exp_single(x) if isinstance(x, np.float32) else _exp_double(x)


@overload(exp)  # type: ignore[untyped-decorator]
def _typed_exp(x: Any) -> Any:
    def single(x: Any) -> Any:
        return _exp_single(x)

    def double(x: Any) -> Any:
        return _exp_double(x)

    return single if x == types.float32 else double
