"""A file of numbers that are written in place, in the format of ``prometheus_client.mmap_dict``, which reads it.

Four bytes that say how much of it is used, four of padding, then entries: the length of a key, the key padded so that
what follows lies at a multiple of 8, the number, a moment that we leave at 0. An entry is written before it counts as
used, and a number is one aligned word: whoever reads, or is killed, at any moment leaves or sees nothing half done.
"""

import mmap
import os
import struct
from pathlib import Path

PIECE = 65_536  # bytes by which it grows
MOST_BYTES = 4 * 2**20  # what all series that we allow need is far less
_HEAD = 8
_USED = struct.Struct("i")
_NUMBER = struct.Struct("d")


class Unreadable(Exception):
    """The file is none of ours, or broken."""


class NumbersFile:
    """The numbers of one slot and type. Not thread-safe. Raises OSError when it can't be opened, or can't grow."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(self._file).st_size
            if size < PIECE:  # new, or whoever made it died meanwhile
                _allocate(self._file, size, PIECE - size)
            self._map = mmap.mmap(self._file, max(size, PIECE))
            self._used = max(_USED.unpack_from(self._map, 0)[0], _HEAD)
            self._places = _read_places(self._map, self._used)
        except BaseException:
            os.close(self._file)
            raise

    def place(self, key: str) -> int:
        """Where the number with this key is; a new one is 0."""
        place = self._places.get(key)
        return self._append(key) if place is None else place

    def read(self, place: int) -> float:
        number: float = _NUMBER.unpack_from(self._map, place)[0]
        return number

    def write(self, place: int, number: float) -> None:
        # Not pack_into: that writes zeros first, which a reader may see.
        self._map[place : place + 8] = _NUMBER.pack(number)

    def close(self) -> None:
        self._map.close()
        os.close(self._file)

    def _append(self, key: str) -> int:
        encoded = key.encode()
        padded = encoded + b" " * (8 - (len(encoded) + 4) % 8)
        entry = _USED.pack(len(encoded)) + padded + bytes(16)
        self._make_room(len(entry))
        end = self._used + len(entry)
        self._map[self._used : end] = entry
        self._map[:4] = _USED.pack(end)
        self._used = end
        self._places[key] = end - 16
        return end - 16

    def _make_room(self, length: int) -> None:
        size = len(self._map)
        if self._used + length <= size:
            return
        if size + PIECE > MOST_BYTES:
            raise OSError(f"more than {MOST_BYTES} bytes of numbers")
        _allocate(self._file, size, PIECE)
        larger = mmap.mmap(self._file, size + PIECE)
        self._map.close()
        self._map = larger


def _allocate(file: int, start: int, length: int) -> None:
    """Have the disk give the space now: a page of a map that finds the disk full ends the process with SIGBUS."""
    written = 0
    while written < length:
        written += os.pwrite(file, bytes(length - written), start + written)


def _read_places(data: mmap.mmap, used: int) -> dict[str, int]:
    """By key the place of its number. Raises Unreadable."""
    places, at = {}, _HEAD
    if used > len(data):
        raise Unreadable
    while at < used:
        (length,) = _USED.unpack_from(data, at)
        number = at + 4 + length + (8 - (length + 4) % 8)
        if length <= 0 or number + 16 > used:
            raise Unreadable
        try:
            places[data[at + 4 : at + 4 + length].decode()] = number
        except UnicodeDecodeError:
            raise Unreadable from None
        at = number + 16
    return places
