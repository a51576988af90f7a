"""A directory in memory: these tests wait for the disk thousands of times, and are about kills, which it survives."""

import os
import tempfile
from pathlib import Path

import pytest

MEMORY = "/dev/shm"


@pytest.fixture(scope="session")
def memory():
    base = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="release-", dir=base) as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path(memory):
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)
