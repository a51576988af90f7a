"""Nonsense for endpoints: whatever is sent, the answer is JSON with Binance's code, and never a 500."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from itertools import product
from typing import Any
from urllib.parse import urlencode

from market.paper.tests.server import PaperServer
from market.paper.web.call import Endpoint
from market.paper.web.security import signature_of

NASTY = [
    *("", " ", "0", "-1", "1e5", "1e-05", "NaN", "Infinity", "null", "[]", "{}", "true", "ünïcödé", "\x00", "%", "&="),
    *(
        "9" * 19,
        str(2**63 - 1),
        str(2**63),
        "9" * 20,
        "9" * 40,
        "0." + "0" * 19 + "1",
        "9" * 20 + "." + "9" * 20,
        "A" * 20_000,
        '["BTCUSDT"',
    ),
    *("'; DROP TABLE orders;--", "../../etc/passwd", "<script>", "١٢٣", "1_000", "+1", " 1", "1 ", "0x10", "1,5", "🚀"),
]


def send_nonsense(
    paper: PaperServer,
    key: Mapping[str, Any],
    endpoint: Endpoint,
    valid: Mapping[str, str],
    names: Iterable[str],
    values: Collection[str] = NASTY,
) -> None:
    """Call an endpoint with every one of ``values`` as every one of ``names``, the other parameters ``valid``."""
    with closing(paper.connection()) as connection:
        for name, value in product(names, values):
            params = {**valid, "timestamp": str(int(time.time() * 1000)), name: value}
            query = urlencode(params)
            if name != "signature":
                query += "&signature=" + signature_of(key["api_secret"], query)
            status, answer, headers = paper.exchange(
                connection, endpoint.method, f"{endpoint.path}?{query}", headers={"X-MBX-APIKEY": key["api_key"]}
            )
            assert status < 500, (name, value, answer)
            assert headers["Content-Type"] == "application/json;charset=UTF-8"
            assert status == 200 or answer["code"] < 0, (name, value, answer)
            assert status == 200 or isinstance(answer["msg"], str), (name, value, answer)
