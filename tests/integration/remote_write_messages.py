"""Remote write requests of both versions, as bytes: just enough of protobuf and snappy."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

V1 = "application/x-protobuf"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def bytes_field(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def int_field(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def double_field(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def snappy(data: bytes) -> bytes:
    """Return a block of literals only: any reader of snappy takes it."""
    out = varint(len(data))
    for at in range(0, len(data), 60):
        piece = data[at : at + 60]
        out += bytes([(len(piece) - 1) << 2]) + piece
    return out


def sample(time_ms: int, value: float, start_ms: int = 0) -> bytes:
    return double_field(1, value) + int_field(2, time_ms) + int_field(3, start_ms)


def histogram(time_ms: int, counts: Sequence[int], total: float) -> bytes:
    """Return an integer histogram of schema 0 with its first bucket at (0.5, 1]."""
    deltas = b""
    previous = 0
    for count in counts:
        delta = count - previous
        deltas += varint(delta << 1 ^ delta >> 63)
        previous = count
    return (
        int_field(1, sum(counts))
        + double_field(3, total)
        + bytes_field(11, int_field(2, len(counts)))
        + bytes_field(12, deltas)
        + int_field(15, time_ms)
    )


def series_v1(labels: Mapping[str, str], *samples: bytes) -> bytes:
    """Return a TimeSeries as a field of a WriteRequest."""
    out = b""
    for name, value in labels.items():
        out += bytes_field(1, bytes_field(1, name.encode()) + bytes_field(2, value.encode()))
    out += b"".join(bytes_field(2, one) for one in samples)
    return bytes_field(1, out)


class RequestV2:
    """A 2.0 request as it grows."""

    def __init__(self) -> None:
        self.symbols = [""]
        self.series = b""

    def ref(self, text: str) -> int:
        if text not in self.symbols:
            self.symbols.append(text)
        return self.symbols.index(text)

    def refs(self, labels: Mapping[str, str]) -> bytes:
        return b"".join(
            varint(self.ref(name)) + varint(self.ref(value)) for name, value in labels.items()
        )

    def add(
        self,
        labels: Mapping[str, str],
        *,
        samples: Sequence[bytes] = (),
        histograms: Sequence[bytes] = (),
        exemplar: tuple[Mapping[str, str], float, int] | None = None,
        kind: int = 0,
        help_text: str = "",
    ) -> None:
        out = bytes_field(1, self.refs(labels))
        out += b"".join(bytes_field(2, one) for one in samples)
        out += b"".join(bytes_field(3, one) for one in histograms)
        if exemplar:
            its_labels, value, time_ms = exemplar
            encoded = bytes_field(1, self.refs(its_labels))
            out += bytes_field(4, encoded + double_field(2, value) + int_field(3, time_ms))
        out += bytes_field(5, int_field(1, kind) + int_field(3, self.ref(help_text)))
        self.series += bytes_field(5, out)

    def encode(self) -> bytes:
        return b"".join(bytes_field(4, text.encode()) for text in self.symbols) + self.series
