"""Output of one task to store and to read back."""

from __future__ import annotations

from webapp.output import OutputStore

TASK = "0193a5b0-1111-7000-8000-000000000001"
SEGMENT = 100
CAP = SEGMENT * 16


def numbered(size: int) -> bytes:
    """Bytes that say where they are: lines of ten bytes each."""
    return b"".join(b"%09d\n" % at for at in range(0, size, 10))[:size]


def fill(store: OutputStore, data: bytes, *, piece: int = 37) -> None:
    """Print this, in pieces."""
    writer = store.writer(TASK, 1)
    for at in range(0, len(data), piece):
        writer.append(data[at : at + piece])
    writer.close()
