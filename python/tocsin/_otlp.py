"""OTLP traces as protobuf: as much of the encoding as it takes to write them and to count them.

A field is written as its tag, then its value; a message is the concatenation of its fields, so that
pieces made apart are put together with `+`. Field numbers are those of opentelemetry-proto.
"""

from __future__ import annotations

import base64
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LENGTH_DELIMITED = 2
_FIXED64 = 1
_FIXED32 = 5
_U64 = 2**64 - 1
_pack_u64 = struct.Struct("<Q").pack
_pack_double = struct.Struct("<d").pack


def _varint(value: int) -> bytes:
    value &= _U64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = [_varint(n) for n in range(4096)]


def varint(value: int) -> bytes:
    """Encode an integer; a negative one as its two's complement of 64 bits."""
    return _SMALL[value] if 0 <= value < 4096 else _varint(value)


def delimited(tag: bytes, value: bytes) -> bytes:
    """Encode a field of bytes, text or a message: its one-byte tag, its length, itself."""
    return tag + varint(len(value)) + value


def fixed64(tag: bytes, value: int) -> bytes:
    """Encode a field of 64 bits."""
    return tag + _pack_u64(value & _U64)


def number(tag: bytes, value: int) -> bytes:
    """Encode a field of a varint; nothing for 0, which is what its absence means."""
    return tag + varint(value) if value else b""


def text(tag: bytes, value: str | bytes) -> bytes:
    """Encode a field of text or bytes; nothing if it is empty, which is what its absence means."""
    if not value:
        return b""
    return delimited(tag, value.encode() if isinstance(value, str) else value)


# AnyValue: string 1, bool 2, int 3, double 4, array 5, kvlist 6, bytes 7.


def string_value(value: str) -> bytes:
    """Encode an AnyValue."""
    return delimited(b"\x0a", value.encode())


def bool_value(value: bool) -> bytes:
    """Encode an AnyValue."""
    return b"\x10\x01" if value else b"\x10\x00"


def int_value(value: int) -> bytes:
    """Encode an AnyValue."""
    return b"\x18" + varint(value)


def double_value(value: float) -> bytes:
    """Encode an AnyValue."""
    return b"\x21" + _pack_double(value)


def array_value(values: Iterable[bytes]) -> bytes:
    """Encode an AnyValue out of others."""
    return delimited(b"\x2a", b"".join([delimited(b"\x0a", value) for value in values]))


@lru_cache(maxsize=4096)
def _key(key: str) -> bytes:
    return delimited(b"\x0a", key.encode())


def key_value(tag: bytes, key: str, value: bytes) -> bytes:
    """Encode a field of a KeyValue whose value is an encoded AnyValue."""
    return delimited(tag, _key(key) + delimited(b"\x12", value))


def value_of_json(json: Any) -> bytes:
    """Encode an AnyValue that is given as protobuf's JSON mapping has it; ValueError if it is none.

    An object without members is a value that is not set.
    """
    if not isinstance(json, dict):
        message = f"an AnyValue is an object, not {type(json).__name__}"
        raise ValueError(message)
    for name, value in json.items():
        match name.replace("_value", "Value"):
            case "stringValue":
                return string_value(str(value))
            case "boolValue":
                return bool_value(bool(value))
            case "intValue":
                return int_value(int(value))
            case "doubleValue":
                return double_value(float(value))  # Also "NaN" and "Infinity".
            case "bytesValue":
                return delimited(b"\x3a", base64.b64decode(value))
            case "arrayValue":
                return array_value([value_of_json(item) for item in value.get("values", [])])
            case "kvlistValue":
                pairs = [
                    key_value(b"\x0a", str(pair["key"]), value_of_json(pair.get("value", {})))
                    for pair in value.get("values", [])
                ]
                return delimited(b"\x32", b"".join(pairs))
            case _:
                message = f'"{name}" is no kind of AnyValue'
                raise ValueError(message)
    return b""


def fields(message: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the length-delimited fields of a message by number; pass over the others.

    ValueError if it is cut short.
    """
    for field, value in _all_fields(message):
        if not isinstance(value, int):
            yield field, value


def _all_fields(message: bytes | memoryview) -> Iterator[tuple[int, memoryview | int]]:
    view = memoryview(message)
    at = 0
    while at < len(view):
        tag, at = _read_varint(view, at)
        kind = tag & 7
        if kind == 0:
            value, at = _read_varint(view, at)
            yield tag >> 3, value
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        elif kind == _LENGTH_DELIMITED:
            size, at = _read_varint(view, at)
            if size > len(view) - at:
                message_text = f"the field at byte {at} is cut short"
                raise ValueError(message_text)
            yield tag >> 3, view[at : at + size]
            at += size
        else:
            message_text = f"no protobuf at byte {at}"
            raise ValueError(message_text)


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(view) and shift < 70:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    message = f"no number at byte {at}"
    raise ValueError(message)


def count_spans(request: bytes) -> int:
    """Return the number of spans in a serialised request; ValueError if it is none."""
    return sum(
        1
        for resource_number, resource_spans in fields(request)
        if resource_number == 1
        for scope_number, scope_spans in fields(resource_spans)
        if scope_number == 2
        for span_number, _ in fields(scope_spans)
        if span_number == 2
    )


def partial_success(answer: bytes) -> tuple[int, str]:
    """Return what an ExportTraceServiceResponse says: how many spans were rejected, and why."""
    rejected, why = 0, ""
    for _, told in fields(answer):
        for number_of_field, value in _all_fields(told):
            if isinstance(value, int):
                rejected = value if number_of_field == 1 else rejected
            elif number_of_field == 2:
                why = bytes(value).decode(errors="replace")
    return rejected, why
