"""What every start of ours does first: an update that was cut short is ended, by the code that began it.

Until then our modules may be of two releases, so this one is imported before all others, and imports none of them.
"""

import subprocess
import sys
from pathlib import Path

SECONDS = 300


def finish(root: Path) -> None:
    """Nothing, but for one look at the disk, if no update was cut short. SystemExit if it cannot be ended."""
    pending = root / ".release" / "next"
    if (pending / "journal.json").exists():
        command = [sys.executable, "-I", str(pending / "complete.py"), str(root)]
        if subprocess.run(command, timeout=SECONDS, check=False).returncode:
            sys.exit(1)
