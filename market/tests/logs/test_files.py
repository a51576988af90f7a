"""Where lines go: into files that several processes share, and into a stdout that may be anything."""

import gzip
import json
import logging
import os
import sys
import time

import pytest

from market.logs.files import QUIET_SECONDS, tidy
from market.logs.handlers import SharedFile, Stream, rotated

PROCESSES, LINES = 4, 2_000
WRITE = """
import logging, sys
from market.logs.handlers import SharedFile
handler = SharedFile(sys.argv[1], most_bytes=20_000, files=10_000)
handler.setFormatter(logging.Formatter('{"who": %(who)s, "n": %(n)s, "filling": "' + "x" * 200 + '"}'))
logger = logging.Logger("x")
logger.addHandler(handler)
for n in range(int(sys.argv[3])):
    logger.info("", extra={"who": sys.argv[2], "n": n})
assert handler.lost == 0
"""


def said(handler, text):
    handler.handle(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "web.log"


def test_of_what_several_processes_write_at_once_nothing_is_lost_or_torn_while_files_are_renamed(spawn, path):
    writers = [spawn([sys.executable, "-c", WRITE, str(path), str(who), str(LINES)]) for who in range(PROCESSES)]
    assert [writer.wait() for writer in writers] == [0] * PROCESSES, [writer.text for writer in writers]

    files = [*rotated(path), path]
    found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    every = [(str(who), n) for who in range(PROCESSES) for n in range(LINES)]
    assert sorted((str(line["who"]), line["n"]) for line in found) == every
    assert 50 < len(files) < 130  # none was renamed when another process had just done so
    assert max(file.stat().st_size for file in files) < 20_000 + PROCESSES * 300


def test_there_are_never_more_files_than_wanted_and_the_youngest_stay(path):
    handler = SharedFile(str(path), most_bytes=100, files=3)
    for number in range(50):
        said(handler, f"{number:040}")

    assert [len(rotated(path)), path.exists()] == [2, True]
    kept = "".join(file.read_text() for file in [*rotated(path), path]).split()
    assert kept == [f"{number:040}" for number in range(50 - len(kept), 50)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_taken_away_or_can_not_be_written_stops_nobody(path, tmp_path):
    handler = SharedFile(str(path), most_bytes=10_000, files=3)
    said(handler, "one")
    path.unlink()
    said(handler, "two")
    assert path.read_text() == "two\n"

    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    said(handler, "three")
    assert (handler.lost, (tmp_path / "elsewhere").exists()) == (1, False)

    path.unlink()
    said(handler, "four")
    assert path.read_text() == "four\n1 lines before this one could not be written\n"


def test_a_stdout_that_nobody_reads_holds_nobody_up_for_long_and_says_later_what_is_missing(monkeypatch):
    monkeypatch.setattr("market.logs.handlers.PATIENCE_MS", 50)
    reads, writes = os.pipe()
    handler = Stream(writes)
    handler._patience_ms = 50
    began = time.monotonic()

    for _ in range(500):
        said(handler, "x" * 1_000)

    assert time.monotonic() - began < 1
    lost = handler.lost
    assert lost > 400
    os.read(reads, 65_536)
    said(handler, "and on")
    assert os.read(reads, 65_536).decode().endswith(f"and on\n{lost} lines before this one could not be written\n")
    os.close(reads)
    said(handler, "into nothing")  # EPIPE
    assert handler.lost == 1
    os.close(writes)


@pytest.fixture
def logs(tmp_path):
    """Six old files of one log, the youngest just renamed, and what is not ours."""
    directory = tmp_path / "logs"
    directory.mkdir()
    long_ago = time.time() - QUIET_SECONDS - 5
    for number in range(1, 7):
        old = directory / f"celery_tasks.log.{10**18 + number}"
        old.write_text(f"line {number}\n" * 1_000)
        os.utime(old, (long_ago, long_ago))
    os.utime(old)
    (directory / "celery_tasks.log").write_text("now\n")
    (directory / f"celery_tasks.log.{10**18}.gz.part").write_text("left behind")
    (directory / "notes.txt").write_text("a person's")
    outside = tmp_path / "outside.log"
    outside.write_text("not ours")
    os.utime(outside, (long_ago, long_ago))
    (directory / f"web.log.{10**18}").symlink_to(outside)
    (directory / f"beat.log.{10**18}").mkdir()
    return directory


def test_old_files_are_compressed_and_beyond_their_number_dropped_and_nothing_else_is_touched(logs):
    done = tidy(logs, files=4)

    names = [f"celery_tasks.log.{10**18 + number}" for number in (4, 5, 6)]
    ours = {file.name for file in logs.iterdir() if file.name.startswith("celery")}
    assert ours == {"celery_tasks.log", f"{names[0]}.gz", f"{names[1]}.gz", names[2]}
    assert gzip.decompress((logs / f"{names[0]}.gz").read_bytes()) == b"line 4\n" * 1_000
    assert (done.compressed, done.dropped) == (2, 3)
    assert done.bytes == sum(file.stat().st_size for file in logs.iterdir() if file.is_file() and not file.is_symlink())
    assert (logs / "notes.txt").read_text() == "a person's"
    assert (logs.parent / "outside.log").read_text() == "not ours"
    assert tidy(logs, files=4)._replace(bytes=0) == (0, 0, 0)
