"""Unpacks a packed answer piece by piece: a small one that unpacks to gigabytes costs no memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE = 64 * 1024
KNOWN = ("gzip", "x-gzip", "deflate")
_ANY_HEADER = zlib.MAX_WBITS | 32


class NotPacked(Exception):
    """It is not what it says it is, or ends in the middle."""


class Unpacking:
    """Takes what comes in and gives it out as it was before it was packed."""

    def __init__(self, encoding: str) -> None:
        self._packed = encoding in KNOWN
        self._unpack = zlib.decompressobj(_ANY_HEADER)
        self._plain = encoding != "deflate"  # whose header some servers leave out
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of bounded size; raises NotPacked."""
        if not self._packed:
            yield data
            return
        while data:
            if self._unpack.eof:  # another member may follow
                self._unpack = zlib.decompressobj(_ANY_HEADER)
            piece = self._some(data)
            data = self._unpack.unconsumed_tail or self._unpack.unused_data
            if piece:
                yield piece

    def finish(self) -> None:
        """Raises NotPacked if the end is missing."""
        if self._packed and self._begun and not self._unpack.eof:
            raise NotPacked

    def _some(self, data: bytes) -> bytes:
        try:
            piece = self._unpack.decompress(data, PIECE)
        except zlib.error:
            if self._begun or self._plain:
                raise NotPacked from None
            self._plain, self._unpack = True, zlib.decompressobj(-zlib.MAX_WBITS)
            return self._some(data)
        self._begun = True
        return piece
