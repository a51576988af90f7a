"""An update that is killed, at any step that it takes, leaves the old release or the new one after the next start."""

import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from ops.release import sources, switching, unfinished, updating
from ops.tests.release.trees import NOON, install, pack, read_tree, write_tree

STEPS = ("replace", "rename", "unlink", "rmdir", "mkdir", "fsync", "fchmod")
# Each kind of change twice, as the second may find what the first has made or left: a kill is tried at each step.
SAME = {"same/a.py": "same"}
OLD = SAME | {
    **{f"app/{number}.py": f"old {number}" for number in range(2)},
    **{f"gone/deep/{number}.py": "gone" for number in range(2)},
    "was_file": "#!old",
    "was_directory/a/b.py": "old",
    "manage.py": "#!old",
}
NEW = SAME | {
    **{f"app/{number}.py": f"new {number}" for number in range(2)},
    **{f"added/deep/{number}.py": "added" for number in range(2)},
    "was_file/inside.py": "new",
    "was_directory": "new",
    "manage.py": "#!new",
}


@pytest.fixture(scope="module")
def releases(memory):
    """The old release, installed, with a secret beside it; and archives of both."""
    folder = Path(tempfile.mkdtemp(dir=memory))
    old, new = pack(folder, OLD), pack(folder, NEW, NOON + 1)
    install(folder / "tree", old)
    write_tree(folder / "tree", {".env": "SECRET_KEY=mine", "app/notes.txt": "mine"})
    yield folder / "tree", new
    shutil.rmtree(folder)


@pytest.fixture
def outcomes(releases, tmp_path):
    """What the tree is before and after an update that nobody kills."""
    tree, new = releases
    shutil.copytree(tree, tmp_path / "whole")
    install(tmp_path / "whole", new)
    before, after = read_tree(tree), read_tree(tmp_path / "whole")
    assert [text.removeprefix("x ") for path, text in sorted(after.items()) if path in NEW] == [
        text for _, text in sorted(NEW.items())
    ]
    assert after.keys() - NEW.keys() == before.keys() - OLD.keys() == {".env", "app/notes.txt", "release.json"}
    return [before, after]


def killed_before(step: int, work) -> bool:
    """Do the work in a process that is killed when it is about to take this step; False if it ends before that."""
    child = os.fork()
    if not child:
        try:
            count_down(step)
            with suppress(switching.SwitchError):
                work()
        except BaseException:
            os._exit(1)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def count_down(step: int) -> None:
    taken = 0

    def counted(function):
        def call(*args, **kwargs):
            nonlocal taken
            if taken == step:
                os.kill(os.getpid(), signal.SIGKILL)
            taken += 1
            return function(*args, **kwargs)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def end(root: Path, step: int) -> None:
    """What the next start does; now and then in a process of its own, as it is done."""
    if step % 10 == 0:
        unfinished.finish(root)
    else:
        with switching.locked(root):
            switching.complete(root)


def test_an_update_killed_at_any_step_leaves_the_old_or_the_new(releases, outcomes, tmp_path):
    tree, archive = releases
    new = outcomes[1]
    found, torn, step = [], 0, 0
    while True:
        root = tmp_path / str(step)
        shutil.copytree(tree, root)
        if not killed_before(step, lambda: install(root, archive)):  # noqa: B023 - called at once
            break
        torn += read_tree(root) not in outcomes
        end(root, step)
        left = read_tree(root)
        assert left in outcomes, f"killed before step {step}"
        found.append(left == new)
        assert not (root / ".release/next/journal.json").exists()
        if step % 25 == 0:
            install(root, archive)
            assert read_tree(root) == new
        shutil.rmtree(root)
        step += 1

    assert found == sorted(found)  # the old until the moment when it counts, then the new
    assert min(found.count(False), found.count(True), torn) > 20  # and so many were neither, until the next start


def test_ending_it_may_be_killed_as_well(releases, outcomes, tmp_path):
    tree, archive = releases
    begun = tmp_path / "begun"
    shutil.copytree(tree, begun)
    with sources.opened(archive) as opened, updating.alone(begun):
        prepared = updating.prepare(begun, opened, updating.UPDATE)
        begin_only(begun, opened, prepared)
    step = 0
    while True:
        root = tmp_path / str(step)
        shutil.copytree(begun, root)
        if not killed_before(step, lambda: switching.complete(root)):  # noqa: B023
            break
        killed_before(step // 2, lambda: switching.complete(root))  # noqa: B023
        end(root, step + 1)
        assert read_tree(root) == outcomes[1], f"killed before step {step}, and again"
        step += 1
    assert step > 40


def begin_only(root, opened, prepared):
    switch, switching.complete = switching.complete, lambda _: True
    try:
        updating.carry_out(root, opened, prepared)
    finally:
        switching.complete = switch


def test_a_file_that_is_damaged_in_between_brings_all_of_the_old_back(releases, outcomes, tmp_path):
    tree, archive = releases
    root = tmp_path / "damaged"
    shutil.copytree(tree, root)
    with sources.opened(archive) as opened, updating.alone(root):
        begin_only(root, opened, updating.prepare(root, opened, updating.UPDATE))
    (staged,) = (path for path in (root / ".release/next/files").iterdir() if path.read_text() == "new 1")
    staged.write_text("bad")

    for step in range(0, 300, 5):
        again = tmp_path / f"damaged-{step}"
        shutil.copytree(root, again)
        if not killed_before(step, lambda: switching.complete(again)):  # noqa: B023 - called at once
            break
        with switching.locked(again), suppress(switching.SwitchError):  # it may have been put back, but for the end
            switching.complete(again)
        assert read_tree(again) == outcomes[0], f"killed before step {step}"
    with switching.locked(root), pytest.raises(switching.SwitchError, match=r"app/1.py: .* all is as it was"):
        switching.complete(root)
    assert read_tree(root) == outcomes[0]
    assert 40 < step < 290
