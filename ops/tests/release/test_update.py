"""Updates, repairs, rollbacks, and the comparison with a manifest."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.release import command_line, updating
from ops.release.errors import ReleaseError
from ops.stack import lock, places
from ops.tests.release.trees import NOON, install, pack, read_tree, write_tree

OLD = {"manage.py": "#!old", "app/a.py": "a", "app/b.py": "b", "gone/c.py": "c"}
NEW = {"manage.py": "#!new", "app/a.py": "a", "app/b.py": "#!b", "added/d.py": "d"}
MINE = {".env": "SECRET_KEY=mine", "app/.env": "mine", "gone/notes.txt": "mine", "app/__pycache__/a.pyc": "x"}


@pytest.fixture
def old(tmp_path):
    return pack(tmp_path, OLD)


@pytest.fixture
def new(tmp_path):
    return pack(tmp_path, NEW, NOON + 1)


@pytest.fixture
def tree(tmp_path, old):
    install(tmp_path / "tree", old)
    return write_tree(tmp_path / "tree", MINE)


def ours(tree):
    return {path: text.removeprefix("x ") for path, text in read_tree(tree).items() if path != "release.json"}


def run(tree, *arguments):
    """Exit code and what `release … --json` printed."""
    parser = command_line.argparse.ArgumentParser()
    command_line.add_arguments(parser)
    with redirect_stdout(io.StringIO()) as printed:
        code = command_line.run(vars(parser.parse_args(["--tree", str(tree), *map(str, arguments), "--json"])))
    return code, json.loads(printed.getvalue())


def test_an_update_changes_what_differs_and_nothing_else(tree, new):
    untouched = (tree / "app/a.py").stat()

    code, told = run(tree, "update", new, "--yes")

    assert ours(tree) == NEW | MINE
    assert (tree / "app/a.py").stat() == untouched
    assert (code, told["done"], told["edited"]) == (0, True, [])
    assert (told["added"], told["changed"]) == (["added/d.py"], ["app/b.py", "manage.py"])
    assert told["removed"] == ["gone/c.py"]
    assert run(tree, "verify")[1]["version"] == "1.1"


def test_a_dry_run_tells_it_and_writes_nothing(tree, new):
    before = read_tree(tree)

    _, told = run(tree, "update", new, "--dry-run")

    assert (told["removed"], told["done"]) == (["gone/c.py"], False)
    assert read_tree(tree) == before
    with pytest.raises(ReleaseError, match="--dry-run"):
        run(tree, "update", new)
    assert read_tree(tree) == before


def test_a_directory_serves_as_well_as_an_archive(tree, new, tmp_path):
    install(tmp_path / "other", new)

    run(tree, "update", tmp_path / "other", "--yes")

    assert ours(tree) == NEW | MINE
    (tmp_path / "other/manage.py").write_text("edited")
    with pytest.raises(ReleaseError, match=r"manage.py: is not what the release there says"):
        run(tree, "update", tmp_path / "other", "--yes")


def test_a_rollback_brings_the_old_back_and_another_one_the_new(tree, new):
    before = read_tree(tree)
    (tree / "app/b.py").write_text("edited")
    assert run(tree, "update", new, "--yes")[1]["edited"] == ["app/b.py"]
    after = read_tree(tree)

    run(tree, "rollback", "--yes")
    assert read_tree(tree) == before | {"app/b.py": "edited"}
    run(tree, "rollback", "--yes")
    assert read_tree(tree) == after


def test_verify_tells_what_is_missing_changed_and_extra(tree, new):
    write_tree(tree, {"app/a.py": "edited", "extra.py": "x"})
    (tree / "manage.py").chmod(0o644)
    (tree / "gone/c.py").unlink()

    code, told = run(tree, "verify")
    assert code == 1
    assert told["missing"] == ["gone/c.py"]
    assert told["changed"] == {"app/a.py": "content", "manage.py": "mode 0644 instead of 0755"}
    assert told["extra"] == ["extra.py", "gone/notes.txt"]

    (tree / "app/a.py").write_text("a")
    for mode, is_whole in ((0o4755, False), (0o757, False), (0o700, True)):
        (tree / "manage.py").chmod(mode)
        assert ("manage.py" not in run(tree, "verify")[1]["changed"]) is is_whole


def test_what_is_extra_alone_is_no_fault(tree):
    assert run(tree, "verify")[0] == 0


def test_a_repair_restores_this_release_and_no_other(tree, old, new):
    before = read_tree(tree)
    (tree / "manage.py").unlink()
    write_tree(tree, {"app/a.py": "damaged"})

    with pytest.raises(ReleaseError, match="does not repair"):
        run(tree, "repair", new, "--yes")
    assert run(tree, "repair", old, "--yes")[1]["changed"] == ["app/a.py"]
    assert read_tree(tree) == before

    (tree / "release.json").write_text("{damaged")
    with pytest.raises(ReleaseError, match=r"release.json: is no manifest"):
        run(tree, "update", new, "--yes")
    run(tree, "repair", old, "--yes")
    assert read_tree(tree) == before


def test_a_downgrade_has_to_be_meant(tree, old, new):
    run(tree, "update", new, "--yes")

    with pytest.raises(ReleaseError, match="is older than"):
        run(tree, "update", old, "--yes")
    run(tree, "update", old, "--yes", "--older")
    assert ours(tree) == OLD | MINE


def test_nothing_is_changed_under_a_stack_that_runs(tree, new):
    with lock.owning(places.Places(tree / ".local"), "make up") as owned:
        assert owned is not None
        with pytest.raises(ReleaseError, match=r"make up, pid \d+, runs here"):
            run(tree, "update", new, "--yes")
    assert ours(tree) == OLD | MINE


@pytest.mark.parametrize("stands", ["link", "link above", "directory", "file above"])
def test_what_is_not_ours_and_in_the_way_is_named_and_left(tree, new, tmp_path, stands):
    outside = write_tree(tmp_path / "outside", {"b.py": "outside", "d.py": "outside"})
    match stands:
        case "link":
            (tree / "app/b.py").unlink()
            (tree / "app/b.py").symlink_to(outside / "b.py")
        case "link above":
            (tree / "added").symlink_to(outside)
        case "directory":
            write_tree(tree, {"added/d.py/notes.txt": "mine"})
        case "file above":
            (tree / "added").write_text("mine")
    before = ours(tree)

    with pytest.raises(ReleaseError, match="move it away first"):
        run(tree, "update", new, "--yes")

    assert ours(tree) == before
    assert read_tree(outside) == {"b.py": "outside", "d.py": "outside"}


def test_a_full_disk_is_told_before_anything_is_written(tree, new, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))

    with pytest.raises(ReleaseError, match="1 MB are free"):
        run(tree, "update", new, "--yes")
    assert ours(tree) == OLD | MINE


def test_a_copy_that_is_not_what_was_copied_is_noticed(tree, new, monkeypatch):
    real = updating.switching.digest
    monkeypatch.setattr(updating.switching, "digest", lambda path: "0" if path.name == "1" else real(path))

    with pytest.raises(ReleaseError, match="is not what was copied"):
        run(tree, "update", new, "--yes")
    assert ours(tree) == OLD | MINE
    assert not (tree / ".release/next").exists()


@pytest.fixture
def cut_short(tree, new, monkeypatch):
    """The tree, of which everything is prepared and nothing is switched."""
    monkeypatch.setattr(updating.switching, "complete", lambda _: False)
    run(tree, "update", new, "--yes")
    assert ours(tree) == OLD | MINE
    return tree


def test_installing_requirements_ends_an_update_that_was_cut_short_first(cut_short):
    digest = hashlib.sha256(b"none").hexdigest()[:16]
    write_tree(cut_short, {"requirements.txt": "none", f".venv/.installed-requirements.txt-{digest}": ""})

    setup = ["sh", command_line.ROOT / "ops/stack/setup.sh", "requirements.txt"]
    subprocess.run(setup, cwd=cut_short, env={"PYTHON": sys.executable, **os.environ}, check=True, timeout=60)

    assert ours(cut_short).items() >= (NEW | MINE).items()


def test_every_start_ends_an_update_that_was_cut_short(cut_short, tmp_path):
    for path in ("manage.py", "ops/__init__.py", "ops/release/__init__.py", "ops/release/unfinished.py"):
        write_tree(tmp_path / "start", {path: (command_line.ROOT / path).read_text()})
    shutil.move(cut_short / ".release", tmp_path / "start/.release")

    # Of all that is ours there is no more than this, so it ends the update before it fails to find anything else.
    command = [sys.executable, "-B", tmp_path / "start/manage.py", "check"]  # no cache: it is no part of the tree
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "No module named 'ops.stack'" in done.stderr
    assert ours(tmp_path / "start").items() >= {"manage.py": NEW["manage.py"], "added/d.py": "d"}.items()


def test_the_command_says_what_is_wrong_in_one_line(tree, new, capsys):
    with pytest.raises(CommandError, match="No such file"):
        call_command("release", "--tree", str(tree), "update", str(tree / "nowhere.tar.gz"), "--yes")
    call_command("release", "--tree", str(tree), "verify", str(new.parent / f"{NOON}.tar.gz"))
    assert "whole, 4 files" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="1"):
        call_command("release", "--tree", str(tree), "verify", str(new))
    call_command("release", "print-ignore")
    assert "!.env.example" in capsys.readouterr().out


names = st.sampled_from(["a", "b", "c", "d.py", "E"])
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join), st.sampled_from(["", "1", "2", "#!1", "#!2"]), max_size=9
)


def apart(files):
    """Without files that are directories of others at the same time."""
    above = {path[: -len(path) + cut] for path in files for cut in range(len(path)) if path[cut] == "/"}
    return {path: text for path, text in files.items() if path not in above}


@settings(max_examples=40)
@given(old=trees.map(apart).filter(bool), new=trees.map(apart).filter(bool))
def test_whatever_was_there_an_update_makes_it_the_new_and_a_rollback_the_old(memory, old, new):
    folder = Path(tempfile.mkdtemp(dir=memory))
    tree, archives = folder / "tree", (pack(folder, old), pack(folder, new, NOON + 1))
    install(tree, archives[0])
    before = read_tree(tree)
    write_tree(tree, {".env": "mine"})

    install(tree, archives[1])
    assert ours(tree) == new | {".env": "mine"}
    install(tree, archives[0], may_be_older=True)
    assert ours(tree) == old | {".env": "mine"}
    run(tree, "rollback", "--yes")
    assert ours(tree) == new | {".env": "mine"}
    run(tree, "rollback", "--yes")
    assert read_tree(tree) == before | {".env": "mine"}
    shutil.rmtree(folder)
