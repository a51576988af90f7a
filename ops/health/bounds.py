"""From which figure on something is a warning, and from which it is critical. The bounds are settings."""

from collections.abc import Sequence

from ops.health.findings import Level


def level_of(value: float, bounds: Sequence[float]) -> Level:
    """``bounds``: of a warning, and of what is critical; a figure that reaches one counts."""
    warning, critical = bounds
    return Level.CRITICAL if value >= critical else Level.WARNING if value >= warning else Level.OK


def told(bounds: Sequence[float], unit: str = "") -> str:
    """The bounds as people read them."""
    warning, critical = bounds
    return f"(bounds {warning:g}{unit} and {critical:g}{unit})"


def level_of_share(bad: int, total: int, bounds: Sequence[float], *, least: int) -> tuple[Level, float]:
    """How bad it is that so many of all are, and how many percent that is; below ``least`` it says nothing."""
    percent = 100 * bad / total if total else 0.0
    return (level_of(percent, bounds) if bad >= least else Level.OK), percent
