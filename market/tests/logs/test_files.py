"""Where lines go: into files that several processes share, and into a stdout that may be anything."""

import fcntl
import gzip
import json
import logging
import os
import sys
import time
from contextlib import suppress

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
HANG = """
import fcntl, sys, time
with open(sys.argv[1], "a") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(60)
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
    assert 10 < len(files) <= 100  # none was renamed that another process had just begun


def test_there_are_never_more_files_than_wanted_and_the_youngest_stay(path):
    handler = SharedFile(str(path), most_bytes=100, files=3)
    for number in range(50):
        said(handler, f"{number:040}")

    assert [len(rotated(path)), path.exists()] == [2, True]
    assert max(file.stat().st_size for file in [*rotated(path), path]) <= 100
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
    assert path.read_text() == "\nfour\n1 lines before this one could not be written\n"


def test_a_file_that_another_process_has_just_begun_is_not_renamed(path, monkeypatch):
    handler = SharedFile(str(path), most_bytes=100, files=9)
    said(handler, "x" * 80)
    lock = fcntl.lockf

    def after_the_other(*args):
        path.rename(path.with_name("web.log.1"))
        path.write_text("of the other\n")
        lock(*args)

    monkeypatch.setattr(fcntl, "lockf", after_the_other)
    said(handler, "y" * 80)

    assert path.read_text() == f"of the other\n{'y' * 80}\n"
    assert [file.name for file in rotated(path)] == ["web.log.1"]


def test_nobody_waits_for_another_process_that_hangs_while_it_renames(path, spawn):
    hanging = spawn([sys.executable, "-c", HANG, f"{path}.lock"])
    hanging.wait_for("held")
    handler = SharedFile(str(path), most_bytes=100, files=9)

    for _ in range(3):
        said(handler, "x" * 80)

    assert (handler.lost, rotated(path), path.stat().st_size) == (0, [], 3 * 81)
    hanging.kill()
    said(handler, "y" * 80)
    assert (len(rotated(path)), path.read_text()) == (1, f"{'y' * 80}\n")


def test_of_a_line_of_which_only_half_fits_on_the_disk_the_next_one_keeps_clear(path, monkeypatch):
    handler = SharedFile(str(path), most_bytes=10_000, files=3)
    with monkeypatch.context() as full:
        write = os.write
        full.setattr(os, "write", lambda descriptor, line: write(descriptor, line[: len(line) // 2]))
        said(handler, "half of it")

    said(handler, "whole")

    assert path.read_text() == "half \nwhole\n1 lines before this one could not be written\n"


@pytest.fixture
def pipe():
    reads, writes = os.pipe()
    yield reads, writes
    for descriptor in (reads, writes):
        with suppress(OSError):
            os.close(descriptor)


def fill(handler):
    while not handler.lost:
        said(handler, "x" * 4_000)  # of which no two have room in a page


def test_who_finds_the_room_taken_by_another_process_does_not_wait_for_it(pipe, monkeypatch):
    monkeypatch.setattr("market.logs.handlers.PATIENCE", 0.01)
    handler = Stream(pipe[1])
    fill(handler)
    monkeypatch.setattr(handler, "_has_room", lambda: True)  # as it was a moment ago

    said(handler, "x" * 4_000)  # with a write that waits it would hang here

    assert handler.lost == 2
    assert os.get_blocking(pipe[1])  # for others, who do not expect it, all is as it was


def test_a_reader_that_is_slow_takes_a_hundredth_of_the_time(pipe, monkeypatch):
    monkeypatch.setattr("market.logs.handlers.PATIENCE", 0.1)
    handler = Stream(pipe[1])
    fill(handler)
    began = time.monotonic()

    for _ in range(20):  # each time there is room for a few more lines
        os.read(pipe[0], 5_000)
        for _ in range(10):
            said(handler, "x" * 1_000)

    assert time.monotonic() - began < 0.5


def test_a_stdout_that_nobody_reads_holds_nobody_up_for_long_and_says_later_what_is_missing(pipe, monkeypatch):
    monkeypatch.setattr("market.logs.handlers.PATIENCE", 0.05)
    reads, writes = pipe
    handler = Stream(writes)
    began = time.monotonic()

    for _ in range(500):
        said(handler, "x" * 1_000)

    assert time.monotonic() - began < 1
    lost = handler.lost
    assert lost > 400
    os.read(reads, 65_536)
    said(handler, "and on")
    assert os.read(reads, 65_536).decode().endswith(f"and on\n{lost} lines before this one could not be written\n")
    handler.close()
    said(handler, "and after the end")
    assert os.read(reads, 65_536) == b"and after the end\n"
    os.close(reads)
    said(handler, "into nothing")  # EPIPE
    assert handler.lost == 1


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
