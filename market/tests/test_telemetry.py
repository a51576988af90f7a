"""What processes count is added up, whoever of them is replaced, killed, or can't write."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from market.telemetry.files import PIECE, NumbersFile, Unreadable

ROOT = Path(__file__).parents[2]

# A service in a process of its own: it does what its standard input says, and answers each line.
PROGRAM = """
import json, os, sys
from pathlib import Path
from prometheus_client import generate_latest
from market import telemetry
from market.telemetry import values

DONE = telemetry.Counter("tradebot_test_total", "Things", "kind", most=3)
TOOK = telemetry.Histogram("tradebot_test_seconds", "Time", buckets=(1, 10))
telemetry.keep_in(Path(sys.argv[1]))

def answer(word, *rest):
    if word == "count":
        for _ in range(int(rest[1])):
            DONE.inc(kind=rest[0])
            TOOK.observe(2)
    elif word == "fork":
        DONE.inc(kind="a")  # the child has what it counted, and must not count it twice
        pid = os.fork()
        if not pid:
            answer(*rest)
            os._exit(0)
        os.waitpid(pid, 0)
    elif word == "begin":
        telemetry.begin_service(host="127.0.0.1", port=0)
    elif word == "scrape":
        return generate_latest(telemetry.process_registry()).decode()
    return values._slot and values._slot.number

for line in sys.stdin:
    print(json.dumps(answer(*line.split())), flush=True)
"""


class Process:
    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(directory)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self, line: str) -> None:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def ask(self, line: str):
        self.tell(line)
        return json.loads(self.process.stdout.readline())

    def kill(self) -> str:
        self.process.kill()
        return self.process.communicate()[1]


@pytest.fixture
def where(tmp_path):
    return tmp_path / "metrics"


@pytest.fixture
def begin(where):
    begun = []

    def begin(directory=where) -> Process:
        begun.append(Process(directory))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()


def total(scraped: str, series: str) -> float:
    return sum(float(line.split()[1]) for line in scraped.splitlines() if line.startswith(series + " "))


def test_processes_never_share_a_slot_and_who_follows_a_killed_one_goes_on_with_its_totals(begin, where):
    first, second = begin(), begin()
    assert first.ask("count a 5") == 0
    assert second.ask("count a 7") == 1

    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    third = begin()

    assert third.ask("count a 1") == 0
    scraped = second.ask("scrape")
    assert total(scraped, 'tradebot_test_total{kind="a"}') == 13
    assert total(scraped, 'tradebot_test_seconds_bucket{le="1.0"}') == 0
    assert total(scraped, 'tradebot_test_seconds_bucket{le="+Inf"}') == 13
    assert total(scraped, "tradebot_test_seconds_sum") == 26
    assert len(list(where.glob("*.db"))) == 4


def test_a_forked_child_counts_in_a_slot_of_its_own_and_nothing_twice(begin, where):
    process = begin()
    process.ask("count a 10")

    for _ in range(5):
        process.ask("fork count a 100")
        process.ask("fork fork count b 1")

    scraped = process.ask("scrape")
    assert total(scraped, 'tradebot_test_total{kind="a"}') == 10 + 5 + 500 + 10
    assert total(scraped, 'tradebot_test_total{kind="b"}') == 5
    assert sorted(path.name for path in where.glob("counter_*")) == ["counter_0.db", "counter_1.db", "counter_2.db"]


def test_a_run_that_begins_forgets_the_one_before_though_one_of_its_processes_is_still_ending(begin, where):
    leftover = begin()
    leftover.ask("count a 5")

    main = begin()
    main.ask("begin")
    main.ask("count a 2")
    leftover.ask("count a 1")

    assert total(main.ask("scrape"), 'tradebot_test_total{kind="a"}') == 2


def test_a_scrape_survives_writers_that_are_killed_and_files_that_are_half_made(begin, where):
    reader = begin()
    reader.ask("count a 1")
    last = 0.0
    for _ in range(5):
        writer = begin()
        writer.ask("count a 1")
        writer.tell("count a 1000000")
        for _ in range(20):
            now = total(reader.ask("scrape"), 'tradebot_test_total{kind="a"}')
            assert now >= last
            last = now
        writer.kill()
    (where / "counter_9.db").touch()  # made, not filled yet
    (where / "histogram_9.db").write_bytes(b"\xff" * 5000)

    assert total(reader.ask("scrape"), 'tradebot_test_total{kind="a"}') >= last > 6


def test_who_finds_a_broken_file_in_its_slot_begins_anew(begin, where):
    where.mkdir()
    (where / "counter_0.db").write_bytes(b"\x40\0\0\0" + b"\xee" * 100_000)
    process = begin()

    assert process.ask("count a 3") == 0
    assert total(process.ask("scrape"), 'tradebot_test_total{kind="a"}') == 3


@pytest.mark.parametrize("obstacle", ["a file", "/proc/nowhere", "/dev/full"])
def test_where_nothing_can_be_written_counting_goes_on_in_memory_and_says_so_once(begin, tmp_path, obstacle):
    directory = Path(obstacle) if obstacle.startswith("/") else tmp_path / obstacle
    if not directory.is_absolute() or directory.parent == tmp_path:
        directory.touch()
    process = begin(directory)

    process.ask("count a 3")
    process.ask("count b 3")

    assert total(process.ask("scrape"), 'tradebot_test_total{kind="a"}') == 3
    assert process.kill().count("can't be kept in") == 1


def test_a_disk_that_is_full_ends_no_process(begin, tmp_path):
    """A page of a map that finds no space would end it with SIGBUS: so the space is taken before."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({PIECE - 1},) * 2)"
    ignore = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    program = f"import resource, signal; {ignore}; {limit}\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "metrics")], cwd=ROOT, input="count a 3\nscrape\n",
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0
    assert total(json.loads(done.stdout.splitlines()[1]), 'tradebot_test_total{kind="a"}') == 3


def test_series_do_not_grow_beyond_what_a_metric_may_have(begin):
    process = begin()
    for number in range(50):
        process.ask(f"count kind{number} 1")

    lines = [line for line in process.ask("scrape").splitlines() if line.startswith("tradebot_test_total{")]
    assert len(lines) == 4
    assert 'tradebot_test_total{kind="other"} 47.0' in lines


def test_a_file_grows_by_pieces_and_keeps_its_numbers(tmp_path):
    file = NumbersFile(tmp_path / "counter_0.db")
    for number in range(2_000):
        file.write(file.place(f"key {number:>50}"), number)
    file.close()

    again = NumbersFile(tmp_path / "counter_0.db")

    assert [again.read(again.place(f"key {number:>50}")) for number in (0, 1_000, 1_999)] == [0, 1_000, 1_999]
    found = (tmp_path / "counter_0.db").stat()
    assert found.st_size % PIECE == 0
    assert found.st_blocks * 512 >= found.st_size  # no holes, for which there might be no room when they are written


def test_what_is_no_file_of_ours_is_not_read(tmp_path):
    path = tmp_path / "counter_0.db"
    for content in (b"\x10\0\0\x7f", b"\x40\0\0\0\0\0\0\0\xff\xff\xff\x7f", b"\x40\0\0\0\0\0\0\0\0\0\0\0"):
        path.write_bytes(content.ljust(PIECE, b"\0"))
        with pytest.raises(Unreadable):
            NumbersFile(path)
