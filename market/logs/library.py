"""structlog without what only a terminal needs."""

import sys

# structlog.dev would load rich for its tracebacks: 6 MB and 60 ms of each process, which nothing here uses.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]
try:
    from structlog import contextvars as contextvars
    from structlog.stdlib import ProcessorFormatter as ProcessorFormatter
finally:
    del sys.modules["rich"]
    if _rich is not None:
        sys.modules["rich"] = _rich
