"""A process that streams the series named in a file, one a line: `python -m market.tests.feeder FILE`.

An empty file stands for a database that does not answer.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")

import django
from django.db import InterfaceError

django.setup()

from market.feed import service  # noqa: E402
from market.types import Series  # noqa: E402


def wanted() -> set[Series]:
    names = Path(sys.argv[1]).read_text().split()
    if not names:
        raise InterfaceError("away")
    return {Series(*name.split(":")) for name in names}


if __name__ == "__main__":
    service.run(wanted)
