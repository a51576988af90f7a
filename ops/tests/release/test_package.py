"""What is in a release, and that everybody who makes it makes the same."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile

import pytest

from ops.release import command_line, listing, packing, sources
from ops.release.errors import ReleaseError
from ops.release.ignoring import is_ignored
from ops.tests.release.trees import write_tree

KEPT = {
    "manage.py": "#!python",
    "app/a.py": "a",
    "app/.env.example": "SECRET_KEY=",
    ".gitignore": ".env",
    "b c.txt": "b",
}
NEVER = {
    *(".env", "app/.env", "APP/.Env.Production", "deploy/prod.env", ".envrc", "tls/server.pem", "tls/Server.KEY"),
    *("a/id_rsa", "a/id_ed25519.pub", "a/.pgpass", "db.sqlite3", "x/ledger.SQLite-wal", "var/app.db", "dump.rdb"),
    *(
        "backup/all.sql.gz",
        "backup/dump.sql",
        "appendonly.aof",
        "logs/web.log",
        "logs/web.log.3",
        "celerybeat-schedule.db",
    ),
    *(
        ".local/secrets.env",
        ".venv/bin/python",
        "tools/venv/lib/x.py",
        "node_modules/a/index.js",
        "a/__pycache__/b.pyc",
    ),
    *(".git/config", ".release/before-update/0", "staticfiles/a.css", ".pytest_cache/x", "a.py~", ".DS_Store"),
    *("a/.env.example/secret", "odd/bin/python", "odd/pyvenv.cfg", "．env", "secrets.yaml", "web.pid"),
    "deploy/prometheus/metrics-token",
}


def git(root, *arguments):
    named = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *named, *arguments], cwd=root, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository that tracks even what it should not."""
    root = write_tree(tmp_path_factory.mktemp("repository"), KEPT | dict.fromkeys(NEVER - {".git/config"}, "SECRET"))
    git(root, "init", "-q")
    git(root, "add", "--all", "--force")
    git(root, "commit", "-q", "-m", "all of it")
    return root


def members(archive):
    with tarfile.open(archive) as opened:
        return {info.name: opened.extractfile(info).read() for info in opened}


def test_what_is_secret_or_of_this_machine_is_never_packaged_even_if_git_tracks_it(repository, tmp_path, monkeypatch):
    without_git = tmp_path / "without-git"
    shutil.copytree(repository, without_git)
    shutil.rmtree(without_git / ".git")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1770000000")

    for root in (repository, without_git):
        packing.package(root, tmp_path / "a.tar.gz")
        found = members(tmp_path / "a.tar.gz")
        assert found.keys() == KEPT.keys() | {"release.json"}
        assert b"SECRET" not in b"".join(found.values()).replace(b"SECRET_KEY=", b"")
    assert set(listing.left_out(repository)) == NEVER - {".git/config"}


def test_all_that_we_track_here_is_released():
    assert not listing.left_out(command_line.ROOT)
    assert len(listing.paths_of(command_line.ROOT)) > 1000


def test_secrets_are_known_by_any_spelling():
    assert [path for path in NEVER - {"odd/bin/python"} if not is_ignored(path)] == []
    assert [path for path in KEPT if is_ignored(path)] == []


@pytest.mark.parametrize("beginning", [b"SQLite format 3\0", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"PGDMP"])
def test_a_secret_under_an_innocent_name_stops_everything(tmp_path, beginning):
    (tmp_path / "notes.txt").write_bytes(beginning)

    with pytest.raises(ReleaseError, match=r"notes.txt: is a"):
        listing.manifest_of(tmp_path)


def test_the_archive_is_the_same_bytes_wherever_and_by_whomever_it_is_made(repository, tmp_path):
    sums = {}
    for name, umask, about in (
        ("one", 0o022, {"TZ": "UTC", "LC_ALL": "C", "USER": "anna", "PYTHONHASHSEED": "1"}),
        ("and/another place", 0o077, {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "USER": "bert"}),
    ):
        clone, home = tmp_path / name / "clone", tmp_path / name
        home.mkdir(parents=True)
        (home / ".gitconfig").write_text('[safe]\n\tdirectory = "*"\n')
        subprocess.run(["git", "clone", "-q", repository, clone], check=True, umask=umask, timeout=30)
        if os.geteuid() == 0 and umask == 0o077:
            subprocess.run(["chown", "-R", "12345:12345", clone], check=True)
        for path in clone.rglob("*.py"):
            os.utime(path, (umask, umask))
        environment = {"PATH": os.environ["PATH"], "HOME": str(home)} | about
        command = [sys.executable, "-m", "ops.release", "--tree", clone, "package", home / "out.tar.gz"]
        how = {"capture_output": True, "text": True, "timeout": 60, "cwd": command_line.ROOT}
        done = subprocess.run(command, env=environment, umask=umask, check=False, **how)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("no release holds it") == len(NEVER) - 1
        archive = (home / "out.tar.gz").read_bytes()
        assert archive[4:8] == bytes(4)  # gzip's own time, which the two would share
        sums[name] = hashlib.sha256(archive).hexdigest()
        assert done.stdout.split() == [sums[name]]
    assert len(set(sums.values())) == 1


def test_what_is_not_committed_is_not_packaged_under_the_name_of_a_commit(repository, tmp_path):
    root = tmp_path / "edited"
    shutil.copytree(repository, root)
    (root / "app/a.py").write_text("edited")

    with pytest.raises(ReleaseError, match=r"app/a.py: differs from the commit"):
        packing.package(root, tmp_path / "a.tar.gz")
    with pytest.raises(ReleaseError, match=r"app/a.py: differs from the commit"), sources.opened(root):
        pass
    with sources.opened(repository) as source:
        assert {entry.path for entry in source.manifest.files} == KEPT.keys()
    assert not list(tmp_path.glob("a.tar*"))


@pytest.mark.parametrize("kind", ["link", "above", "pipe", "name"])
def test_what_is_no_plain_file_is_named(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1770000000")
    write_tree(tmp_path / "tree", {"a.py": "a"})
    match kind:
        case "link":
            (tmp_path / "tree/b.py").symlink_to("/etc/passwd")
        case "above":
            (tmp_path / "tree/b.py").symlink_to("/etc")
        case "pipe":
            os.mkfifo(tmp_path / "tree/b.py")
        case "name":
            (tmp_path / "tree/b.py\n").touch()

    with pytest.raises(ReleaseError, match=r"b\.py"):
        packing.package(tmp_path / "tree", tmp_path / "a.tar.gz")
