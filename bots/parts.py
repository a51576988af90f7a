"""What a tick is divided into."""

from dataclasses import asdict, dataclass
from typing import Any

from market.types import Series


@dataclass(frozen=True)
class Part:
    """The active bots of one series with ids from ``first_id`` to ``last_id``."""

    series: Series
    first_id: int
    last_id: int
    bots: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Part":
        return cls(**data | {"series": Series(**data["series"])})
