"""Figures are kept for some seconds, for each owner apart."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from market.planning import planned_anew
from market.store import shared

SECONDS = 4.0
PAST_SECONDS = 300.0  # what is booked late into a day that is over shows after so long
Owner = int | None  # whose rows; None: everybody's


def remembered(name: str, owner: Owner, compute: Callable[[], Any], *, seconds: float) -> Any:
    """What ``compute`` says, as JSON has it (amounts and moments are texts), at most so many seconds old.

    While Redis is away it is computed each time.
    """

    def fetch() -> tuple[bytes, Any]:
        with planned_anew():
            packed = json.dumps(compute(), cls=DjangoJSONEncoder).encode()
        return packed, [json.loads(packed)]

    # In a list, for None is a figure, too.
    key = f"figures:{name}:{'all' if owner is None else owner}"
    return shared(key, read=lambda packed: [json.loads(packed)], fetch=fetch, keep=timedelta(seconds=seconds))[0]
