"""TA-Lib, which would load pandas wherever it finds it, to serve a kind of series that nobody here gives it.

That is half a second of computing and 60 MB for each process of a machine on which something else needs pandas.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Let these modules not be found until the block ends, unless they are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: what import takes for "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with absent("pandas", "polars"):
    import talib

__all__ = ["talib"]
