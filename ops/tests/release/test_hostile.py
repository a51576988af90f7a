"""Archives of strangers are refused before anything is written."""

import os

import pytest

from ops.release import command_line
from ops.release.errors import ReleaseError
from ops.tests.release import hostile
from ops.tests.release.trees import read_tree, write_tree

CASES = list(hostile.cases())


def update(root, archive):
    options = {"act": "update", "older": False, "dry_run": False, "yes": True, "json": False}
    return command_line.run({**options, "tree": root, "source": archive})


def everything(folder):
    """Every name below it, whatever it is; and what is in the tree."""
    names = sorted(path.as_posix() for path in folder.rglob("*"))
    return names, read_tree(folder / "tree")


@pytest.fixture
def world(tmp_path):
    write_tree(tmp_path / "tree", {"app.py": "mine", ".env": "SECRET_KEY=mine"})
    return tmp_path


@pytest.mark.parametrize(("data", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_hostile_archive_is_refused_before_anything_is_written(world, data, words):
    archive = world / "hostile.tar.gz"
    archive.write_bytes(data)
    before = everything(world)

    with pytest.raises(ReleaseError, match=words):
        update(world / "tree", archive)

    assert everything(world) == before


def test_the_same_archive_without_malice_is_taken(world):
    archive = world / "good.tar.gz"
    archive.write_bytes(hostile.packed(hostile.GOOD))

    assert update(world / "tree", archive) == 0

    assert read_tree(world / "tree")["app.py"] == hostile.CONTENT.decode()
    assert read_tree(world / "tree")[".env"] == "SECRET_KEY=mine"


def test_there_are_forty_of_them():
    assert len(CASES) >= 40


@pytest.mark.parametrize("kind", ["a pipe", "a directory without a release", "nothing"])
def test_what_is_no_archive_is_refused_at_once(world, kind):
    archive = world / "archive"
    if kind == "a pipe":
        os.mkfifo(archive)
    elif kind != "nothing":
        archive.mkdir()

    with pytest.raises(ReleaseError):
        update(world / "tree", archive)
