"""Is this configuration safe, and are the installed packages those that all tests ran with?"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings
from django.core.checks import ERROR, CheckMessage, Tags, run_checks

from ops.health import Finding, Level

REQUIREMENTS = "requirements.txt"
STAMP = re.compile(r"\.installed-(.+)-[0-9a-f]+")  # what ops/stack/setup.sh leaves
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)( *;.*)?", re.MULTILINE)


def security() -> list[Finding]:
    """What `manage.py check --deploy` says of safety. Of the demo on 127.0.0.1 it would say that it is one."""
    told = run_checks(tags=[Tags.security], include_deployment_checks=True)
    unsafe = [_of(message) for message in told]
    return unsafe or [Finding("settings", Level.OK, "the settings are safe, as check --deploy sees them")]


def _of(message: CheckMessage) -> Finding:
    level = Level.CRITICAL if message.level >= ERROR else Level.WARNING
    mend = f"{message.hint or 'mend the setting'} (manage.py check --deploy; .env.example names the variables)"
    # Some say what is wrong in two sentences: the first one is enough here.
    text = " ".join(str(message.msg).split()).partition(". ")[0]
    return Finding("settings", level, text, " ".join(mend.split()), subject=str(message.id))


def packages(requirements: Path | None = None) -> list[Finding]:
    """Whether what is installed is what the requirements say; nothing where that file is not."""
    path = requirements or settings.BASE_DIR / installed_file(Path(sys.prefix))
    if not path.is_file():
        return []
    other = list(_others(path.read_text()))
    if not other:
        return [Finding("versions", Level.OK, f"the installed packages are those of {path.name}")]
    text = f"{len(other)} packages are not those of {path.name}: {', '.join(other[:3])}"
    mend = f"rm .venv/.installed-*; make {'setup' if path.name == REQUIREMENTS else 'dev'} installs them"
    return [Finding("versions", Level.WARNING, text, mend, subject="packages", value=len(other))]


def installed_file(environment: Path) -> str:
    """The name of the requirements that were installed last: those for tests may pin other versions."""
    stamps = sorted(environment.glob(".installed-*"), key=lambda stamp: stamp.stat().st_mtime)
    named = [found[1] for stamp in stamps if (found := STAMP.fullmatch(stamp.name))]
    return named[-1] if named else REQUIREMENTS


def _others(text: str) -> Iterator[str]:
    """Lines with a condition (another Python, another system) are not judged."""
    for name, wanted, condition in PINNED.findall(text):
        if condition.strip():
            continue
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "none"
        if installed != wanted:
            yield f"{name} {installed}, not {wanted}"
