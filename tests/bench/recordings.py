"""A folder of recordings with many symbols: the recorded ones under other names, a few days of each."""

from __future__ import annotations

import gzip
import json
from itertools import cycle, islice
from pathlib import Path

from market.paper.prices.recording import DATA, INFO_FILES

LINES = 2 * 1440 + 1  # a head, and the minutes of two days


def clone_symbols(folder: Path, count: int) -> list[str]:
    """Write ``count`` spot symbols and what futures need beside them; return their names."""
    folder.mkdir()
    for path in DATA.iterdir():
        if not path.name.startswith("spot_") and path.name != INFO_FILES["spot"]:
            (folder / path.name).symlink_to(path)
    info = json.loads((DATA / INFO_FILES["spot"]).read_text())
    entries = {entry["symbol"]: entry for entry in info["symbols"]}
    minutes = {symbol: _minutes(symbol) for symbol in entries}
    info["symbols"] = []
    for number, symbol in enumerate(islice(cycle(sorted(minutes)), count)):
        base = f"B{number:03}"
        info["symbols"].append(entries[symbol] | {"symbol": f"{base}USDT", "baseAsset": base})
        (folder / f"spot_{base}USDT_1m_2025-01-01_2025-01-02.csv.gz").write_bytes(minutes[symbol])
    (folder / INFO_FILES["spot"]).write_text(json.dumps(info))
    return [entry["symbol"] for entry in info["symbols"]]


def _minutes(symbol: str) -> bytes:
    (path,) = DATA.glob(f"spot_{symbol}_1m_*.csv.gz")
    with gzip.open(path, "rt") as lines:
        return gzip.compress("".join(islice(lines, LINES)).encode(), 1)
