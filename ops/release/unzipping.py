"""A gzip stream that never grows beyond what was asked of it, and has to end where it is said to."""

import zlib
from typing import BinaryIO

from ops.release.errors import ReleaseError

CHUNK = 2**18
GZIP = 31  # zlib's way to say: 15 bits of window, a gzip header, its check sum at the end


class Unzipped:
    """Raises ReleaseError for whatever is wrong with the stream; ``name`` is of the file, for its text."""

    def __init__(self, file: BinaryIO, *, name: str) -> None:
        self._file, self._name, self._inflate = file, name, zlib.decompressobj(GZIP)

    def read(self, size: int) -> bytes:
        """Exactly so many bytes, at most CHUNK."""
        parts: list[bytes] = []
        while size:
            part = self._more(size)
            if not part:
                raise ReleaseError(f"{self._name}: ends too early")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def end(self) -> None:
        """There may be nothing more, neither in the stream nor behind it."""
        if self._more(1):
            raise ReleaseError(f"{self._name}: goes on after its end")
        if not self._inflate.eof:
            raise ReleaseError(f"{self._name}: ends too early")
        if self._inflate.unused_data or self._file.read(1):
            raise ReleaseError(f"{self._name}: something follows after its end")

    def _more(self, most: int) -> bytes:
        """Up to so many bytes; none when there are no more."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(CHUNK)
            try:
                part = self._inflate.decompress(packed, most)
            except zlib.error as error:
                raise ReleaseError(f"{self._name}: is no gzip, or damaged ({error})") from None
            if part:
                return part
            if not packed:
                break
        return b""
