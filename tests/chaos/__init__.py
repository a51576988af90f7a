"""Chaos: ``manage.py chaos <area> --rounds n``. Things are killed while they work; promises must still be kept."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Findings:
    """What was done, and sentences about everything that is missing or wrong afterwards."""

    done: dict[str, float] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, float]:
        """Numbers to print."""
        return self.done | {"lost": len(self.lost)}
