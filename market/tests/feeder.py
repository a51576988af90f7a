"""A process that streams the series named in a file, one a line: `python -m market.tests.feeder FILE`."""

import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")

import django

django.setup()

from market.feed import service  # noqa: E402
from market.types import Series  # noqa: E402


def wanted() -> set[Series]:
    return {Series(*line.split(":")) for line in Path(sys.argv[1]).read_text().split()}


if __name__ == "__main__":
    service.run(wanted)
