"""A remote-write receiver that notes what it is sent, of either version, and answers as told."""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a varint; the value and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def uncompress(data: bytes) -> bytes:
    """Undo the block format of snappy."""
    size, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            length = (tag >> 2) + 1
            if length > 60:
                extra = length - 60
                length = int.from_bytes(data[at : at + extra], "little") + 1
                at += extra
            out += data[at : at + length]
            at += length
            continue
        if kind == 1:
            length = (tag >> 2 & 7) + 4
            offset = tag >> 5 << 8 | data[at]
            at += 1
        else:
            length = (tag >> 2) + 1
            bytes_of_offset = 2 if kind == 2 else 4
            offset = int.from_bytes(data[at : at + bytes_of_offset], "little")
            at += bytes_of_offset
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Walk the fields of a protobuf message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        value: Any
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack("<d", data[at : at + 8])[0], at + 8
        else:
            assert kind == 2, kind
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        yield tag >> 3, value


@dataclass
class Written:
    """One request that was taken."""

    headers: dict[str, str]
    samples: list[tuple[str, dict[str, str], int, float]] = field(default_factory=list)
    types: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, int] = field(default_factory=dict)


def _labels_v1(entry: bytes) -> tuple[str, str]:
    pair = {number: value.decode() for number, value in fields(entry)}
    return pair.get(1, ""), pair.get(2, "")


def _refs(packed: bytes) -> list[int]:
    refs = []
    at = 0
    while at < len(packed):
        ref, at = varint(packed, at)
        refs.append(ref)
    return refs


def _series(written: Written, message: bytes, symbols: list[str] | None) -> None:
    labels: dict[str, str] = {}
    samples = []
    kind = 0
    for number, value in fields(message):
        if number == 1 and symbols is None:
            name, text = _labels_v1(value)
            labels[name] = text
        elif number == 1 and symbols is not None:
            refs = _refs(value)
            labels = {symbols[a]: symbols[b] for a, b in zip(refs[::2], refs[1::2], strict=True)}
        elif number == 2:
            sample = dict(fields(value))
            samples.append((sample.get(2, 0), sample.get(1, 0.0)))
        elif number == 5 and symbols is not None:
            kind = dict(fields(value)).get(1, 0)
    name = labels.pop("__name__")
    written.types[name] = kind
    written.samples += [(name, labels, t, v) for t, v in samples]


def decode(headers: dict[str, str], body: bytes) -> Written:
    """Read a request by its Content-Type."""
    written = Written(headers)
    data = uncompress(body)
    if headers["content-type"] == V2:
        symbols = [value.decode() for number, value in fields(data) if number == 4]
        assert symbols[0] == ""
        assert len(set(symbols)) == len(symbols)
        for number, value in fields(data):
            if number == 5:
                _series(written, value, symbols)
        return written
    for number, value in fields(data):
        if number == 1:
            _series(written, value, None)
        elif number == 3:
            entry = dict(fields(value))
            written.metadata[entry[2].decode()] = entry.get(1, 0)
    return written


class WriteReceiver:
    """Listens on loopback. `judge` gives the status of a request; 2xx means that it is kept."""

    def __init__(self, judge: Callable[[Written], int] = lambda _: 204) -> None:
        self.judge = judge
        self.requests: list[Written] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                written = decode(headers, body)
                status = receiver.judge(written)
                receiver.statuses.append(status)
                if status // 100 == 2:
                    receiver.requests.append(written)
                self.send_response(status)
                if headers["content-type"] == V2 and status // 100 == 2:
                    name = "X-Prometheus-Remote-Write-%s-Written"
                    self.send_header(name % "Samples", str(len(written.samples)))
                    self.send_header(name % "Histograms", "0")
                    self.send_header(name % "Exemplars", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        """Return where to write to."""
        return f"http://127.0.0.1:{self._server.server_port}/api/v1/write"

    def samples(self, name: str) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
        """Return what came of a metric, each series in the order in which it came."""
        series: dict[tuple[tuple[str, str], ...], list[tuple[int, float]]] = {}
        for written in list(self.requests):
            for metric, labels, t, v in written.samples:
                if metric == name:
                    series.setdefault(tuple(sorted(labels.items())), []).append((t, v))
        return series

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
