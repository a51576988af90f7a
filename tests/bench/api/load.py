"""A program that reads a list again and again: ``python -m tests.bench.api.load <pid of the server>``, task on stdin.

A process of its own with a few kept connections, one request under way on each, all of them written beforehand: what it
takes of the machine is in its figures.
"""

from __future__ import annotations

import json
import sys

from tests.bench.load import drive
from tests.bench.machine import watching


def main() -> None:
    """Do the task on stdin, print what came of it."""
    task = json.load(sys.stdin)
    head = f"GET {task['path']} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {task['token']}\r\n\r\n"
    requests = [head.encode()] * task["count"]
    with watching(int(sys.argv[1])) as busy:
        address = (task["host"], task["port"])
        figures = drive(address, requests, task["connections"], task["expected"].encode(), each=True)
    print(json.dumps(figures | busy))  # noqa: T201


if __name__ == "__main__":
    main()
