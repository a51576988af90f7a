"""Chaos: ``manage.py chaos <area> --rounds n``. Things are killed while they work; promises must still be kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Findings:
    """What was done, and sentences about everything that is wrong afterwards, by kind."""

    done: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, Any]:
        """Numbers to print."""
        return self.done | {kind: len(sentences) for kind, sentences in self.wrong.items()} | self.more

    @property
    def sentences(self) -> list[str]:
        """Everything that is wrong."""
        return [f"{kind}: {sentence}" for kind, sentences in self.wrong.items() for sentence in sentences]
