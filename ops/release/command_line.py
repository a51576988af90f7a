"""`manage.py release`, and the same without Django: `python -m ops.release`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ops.release import comparing, ignoring, listing, packing, sources, unpacking, updating
from ops.release.errors import ReleaseError
from ops.release.manifest import Manifest
from ops.release.switching import SwitchError
from ops.release.updating import Prepared
from ops.stack.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS = (ReleaseError, SwitchError, StackError)
FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tree", type=Path, default=ROOT, help="the installation, if it is not this one")
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    acts.add_parser("manifest", help="print path, mode, size and sha256 of each file of the release")
    acts.add_parser("print-ignore", help="print what no release holds")
    verify = acts.add_parser("verify", help="compare what is installed with its manifest; exit 1: missing or changed")
    verify.add_argument("manifest", type=Path, nargs="?", help="a manifest or an archive; else what was installed")
    package = acts.add_parser("package", help="write the archive, and print its sha256")
    package.add_argument("archive", type=Path)
    update = acts.add_parser("update", help="become the release of an archive, or of a directory")
    update.add_argument("--older", action="store_true", help="also if it is older than what is installed")
    repair = acts.add_parser("repair", help="copy what is missing or changed from the release that is installed")
    rollback = acts.add_parser("rollback", help="put back what was there before the last update")
    for act in (update, repair):
        act.add_argument("source", type=Path, metavar="ARCHIVE|DIRECTORY")
    for act in (update, repair, rollback):
        act.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")
        act.add_argument("--yes", action="store_true", help="do not ask")
    for act in (verify, package, update, repair, rollback):
        act.add_argument("--json", action="store_true", help="print one JSON object")


def run(given: dict[str, Any]) -> int:
    """Do what the arguments say; return the exit code. Raises one of PROBLEMS."""
    root: Path = given["tree"].resolve()
    match given["act"]:
        case "manifest":
            sys.stdout.write(listing.manifest_of(root).to_json().decode())
        case "print-ignore":
            sys.stdout.write(ignoring.rules() + "\n")
        case "verify":
            return _verify(root, given)
        case "package":
            manifest, sha256 = packing.package(root, given["archive"])
            for path in listing.left_out(root):
                sys.stderr.write(f"{path}: git tracks it, and no release holds it\n")
            _tell(given, {"archive": str(given["archive"]), "sha256": sha256, **_about(manifest)}, sha256)
        case "rollback":
            return _roll_back(root, given)
        case kind:
            return _update(root, kind, given)
    return 0


def _verify(root: Path, given: dict[str, Any]) -> int:
    manifest = _manifest(root, given["manifest"])
    found = comparing.compare(root, manifest)
    lines = [
        *(f"missing  {path}" for path in found.missing),
        *(f"changed  {path}: {why}" for path, why in found.changed.items()),
        *(f"extra    {path}" for path in found.extra),
        f"{manifest}: {'whole' if found.is_whole else 'not whole'}, {len(manifest.files)} files",
    ]
    _tell(given, {"whole": found.is_whole, **vars(found), **_about(manifest)}, "\n".join(lines))
    return 0 if found.is_whole else FAILED


def _manifest(root: Path, path: Path | None) -> Manifest:
    if path is None:
        if manifest := listing.installed(root):
            return manifest
        raise ReleaseError(f"{root}: no release was installed here: name a manifest, or an archive")
    with unpacking.opened(path) as file:
        if file.peek(1)[:1] == b"{":  # type: ignore[attr-defined]
            return Manifest.from_json(file.read(), name=str(path))
        return unpacking.examine(file, name=path.name)


def _update(root: Path, kind: str, given: dict[str, Any]) -> int:
    with sources.opened(given["source"]) as source:
        options = {"may_be_older": given.get("older", False)}
        if given["dry_run"]:
            _tell_plan(given, updating.prepare(root, source, kind, **options), is_done=False)
            return 0
        with updating.alone(root):
            prepared = updating.prepare(root, source, kind, **options)
            if prepared.is_needed:
                _ask(given, _plan_text(prepared))
                updating.carry_out(root, source, prepared)
            _tell_plan(given, prepared, is_done=True)
    return 0


def _roll_back(root: Path, given: dict[str, Any]) -> int:
    changes = updating.undone(root)
    paths = [change["path"] for change in changes]
    if not given["dry_run"]:
        with updating.alone(root):
            _ask(given, "\n".join(f"back     {path}" for path in paths))
            updating.roll_back(root, updating.undone(root))
    done = "put back" if not given["dry_run"] else "would be put back"
    _tell(given, {"back": paths, "done": not given["dry_run"]}, f"{len(paths)} files {done}")
    return 0


def _ask(given: dict[str, Any], text: str) -> None:
    """Show it, and let a person decide. Raises ReleaseError where nobody can."""
    if given["yes"]:
        return
    if given["json"] or not sys.stdin.isatty():
        raise ReleaseError("nobody is here to be asked: look at it with --dry-run, then say --yes")
    sys.stdout.write(f"{text}\nDo it? [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise ReleaseError("nothing was done")


def _tell_plan(given: dict[str, Any], prepared: Prepared, *, is_done: bool) -> None:
    about = {"act": prepared.kind, "from": str(prepared.old) if prepared.old else None, "to": str(prepared.new)}
    done = "done" if is_done else "nothing was written"
    _tell(given, {**about, **vars(prepared.plan), "done": is_done}, f"{_plan_text(prepared)}; {done}")


def _plan_text(prepared: Prepared) -> str:
    plan = prepared.plan
    lines = [
        *(f"new      {path}" for path in plan.added),
        *(f"changed  {path}" for path in plan.changed),
        *(f"removed  {path}" for path in plan.removed),
        *(f"careful  {path}: was edited here; what it was is kept" for path in plan.edited),
    ]
    counts = f"{len(plan.added)} new, {len(plan.changed)} changed, {len(plan.removed)} removed"
    return "\n".join([*lines, f"{prepared.kind}: {prepared.old or 'what is here'} → {prepared.new}, {counts}"])


def _about(manifest: Manifest) -> dict[str, Any]:
    named = {"version": manifest.version, "commit": manifest.commit, "made_at": manifest.made_at}
    return {**named, "files": len(manifest.files)}


def _tell(given: dict[str, Any], figures: dict[str, Any], text: str) -> None:
    sys.stdout.write(json.dumps(figures) + "\n" if given["json"] else text + "\n")
