"""Rows of vParquet3, vParquet4 and vParquet5, as pyarrow gives them, to OTLP.

Columns become lists of encoded messages, all rows of a column at once: a row at a time would take
ten times as long.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tocsin import _otlp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

# Spans that are encoded together.
_SPANS = 4096
# Spans of one message, so that nobody who reads it need hold a large trace.
_SPANS_A_MESSAGE = 512

# Attributes with a column of their own in every block of vParquet3 and vParquet4.
_RESOURCE_COLUMNS = {
    "ServiceName": "service.name",
    "Cluster": "cluster",
    "Namespace": "namespace",
    "Pod": "pod",
    "Container": "container",
    "K8sClusterName": "k8s.cluster.name",
    "K8sNamespaceName": "k8s.namespace.name",
    "K8sPodName": "k8s.pod.name",
    "K8sContainerName": "k8s.container.name",
}
_SPAN_COLUMNS = {
    "HttpMethod": "http.method",
    "HttpUrl": "http.url",
    "HttpStatusCode": "http.status_code",
}


def messages(batch: Any, dedicated: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[int, bytes]]:
    trace_ids = batch.column("TraceID").to_pylist()
    resource_lists = batch.column("rs")
    resources = resource_lists.values
    scope_lists = resources.field("ss")
    scopes = scope_lists.values
    span_lists = scopes.field("Spans")
    spans = span_lists.values
    encoded_resources = _resources(resources.field("Resource"), dedicated["resource"])
    encoded_scopes = _scopes(scopes.field("Scope"))
    window: list[bytes] = []
    begin = end = 0  # Of the spans that `window` has.
    for trace, resource, scope, first, last in _runs(resource_lists, scope_lists, span_lists):
        trace_id = _otlp.delimited(b"\x0a", trace_ids[trace].rjust(16, b"\0"))
        while first < last:
            if first >= end:
                begin, end = first, min(first + _SPANS, len(spans))
                window = _spans(spans.slice(begin, end - begin), dedicated)
            until = min(last, end, first + _SPANS_A_MESSAGE)
            listed = [
                _otlp.delimited(b"\x12", trace_id + span)
                for span in window[first - begin : until - begin]
            ]
            scope_spans = _otlp.delimited(b"\x12", encoded_scopes[scope] + b"".join(listed))
            message = _otlp.delimited(b"\x0a", encoded_resources[resource] + scope_spans)
            yield until - first, message
            first = until


def _runs(
    resource_lists: Any, scope_lists: Any, span_lists: Any
) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield trace, resource, scope, first and last span, by their places in the batch."""
    of_trace = resource_lists.offsets.to_pylist()
    of_resource = scope_lists.offsets.to_pylist()
    of_scope = span_lists.offsets.to_pylist()
    for trace in range(len(of_trace) - 1):
        for resource in range(of_trace[trace], of_trace[trace + 1]):
            for scope in range(of_resource[resource], of_resource[resource + 1]):
                yield trace, resource, scope, of_scope[scope], of_scope[scope + 1]


def _resources(array: Any, dedicated: Mapping[str, str]) -> list[bytes]:
    attributes = _attributes(array.field("Attrs"), b"\x0a")
    own = _own_columns(array, _RESOURCE_COLUMNS, dedicated, b"\x0a")
    dropped = _dropped(array, "DroppedAttributesCount")
    return [
        _otlp.delimited(b"\x0a", a + o + _otlp.number(b"\x10", d))
        for a, o, d in zip(attributes, own, dropped, strict=True)
    ]


def _scopes(array: Any) -> list[bytes]:
    attributes = [b""] * len(array)
    if _has(array, "Attrs"):
        attributes = _attributes(array.field("Attrs"), b"\x1a")
    return [
        _otlp.delimited(
            b"\x0a", _otlp.text(b"\x0a", n) + _otlp.text(b"\x12", v) + a + _otlp.number(b"\x20", d)
        )
        for n, v, a, d in zip(
            values_of(array.field("Name")),
            values_of(array.field("Version")),
            attributes,
            _dropped(array, "DroppedAttributesCount"),
            strict=True,
        )
    ]


def _spans(array: Any, dedicated: Mapping[str, Mapping[str, str]]) -> list[bytes]:
    """Encode spans, without the ids of their traces."""
    column = {
        name: values_of(array.field(name))
        for name in (
            *("SpanID", "ParentSpanID", "TraceState", "Name", "Kind", "StatusCode"),
            *("StatusMessage", "StartTimeUnixNano", "DurationNano"),
        )
    }
    starts = column["StartTimeUnixNano"]
    rest = zip(
        _attributes(array.field("Attrs"), b"\x4a"),
        _own_columns(array, _SPAN_COLUMNS, dedicated["span"], b"\x4a"),
        _dropped(array, "DroppedAttributesCount"),
        _events(array.field("Events"), starts, dedicated["event"]),
        _dropped(array, "DroppedEventsCount"),
        _links(array.field("Links")),
        _dropped(array, "DroppedLinksCount"),
        strict=True,
    )
    return [
        _otlp.text(b"\x12", span_id)
        + _otlp.text(b"\x1a", state)
        + _otlp.text(b"\x22", parent)
        + _otlp.text(b"\x2a", name)
        + _otlp.number(b"\x30", kind)
        + _otlp.fixed64(b"\x39", start)
        + _otlp.fixed64(b"\x41", start + duration)
        + attributes
        + own
        + _otlp.number(b"\x50", no_attributes)
        + events
        + _otlp.number(b"\x60", no_events)
        + links
        + _otlp.number(b"\x70", no_links)
        + _otlp.text(b"\x7a", _otlp.text(b"\x12", message) + _otlp.number(b"\x18", code))
        for (
            (span_id, parent, state, name, kind, code, message, start, duration),
            (attributes, own, no_attributes, events, no_events, links, no_links),
        ) in zip(zip(*column.values(), strict=True), rest, strict=True)
    ]


def _events(lists: Any, starts: Sequence[int], dedicated: Mapping[str, str]) -> list[bytes]:
    array = lists.flatten()
    offsets = lists.offsets.to_pylist()
    if _has(array, "TimeUnixNano"):
        times = values_of(array.field("TimeUnixNano"))
    else:
        since = values_of(array.field("TimeSinceStartNano"))
        begins = [
            start
            for start, (first, last) in zip(starts, pairwise(offsets), strict=True)
            for _ in range(first, last)
        ]
        times = [begin + time for begin, time in zip(begins, since, strict=True)]
    encoded = [
        _otlp.delimited(
            b"\x5a",
            _otlp.fixed64(b"\x09", time)
            + _otlp.text(b"\x12", name)
            + attributes
            + own
            + _otlp.number(b"\x20", dropped),
        )
        for time, name, attributes, own, dropped in zip(
            times,
            values_of(array.field("Name")),
            _attributes(array.field("Attrs"), b"\x1a"),
            _own_columns(array, {}, dedicated, b"\x1a"),
            _dropped(array, "DroppedAttributesCount"),
            strict=True,
        )
    ]
    return _joined(encoded, offsets)


def _links(lists: Any) -> list[bytes]:
    if not hasattr(lists, "offsets"):
        return _encoded_links(lists.to_pylist())
    array = lists.flatten()
    encoded = [
        _otlp.delimited(
            b"\x6a",
            _otlp.text(b"\x0a", trace_id)
            + _otlp.text(b"\x12", span_id)
            + _otlp.text(b"\x1a", state)
            + attributes
            + _otlp.number(b"\x28", dropped),
        )
        for trace_id, span_id, state, attributes, dropped in zip(
            values_of(array.field("TraceID")),
            values_of(array.field("SpanID")),
            values_of(array.field("TraceState")),
            _attributes(array.field("Attrs"), b"\x22"),
            _dropped(array, "DroppedAttributesCount"),
            strict=True,
        )
    ]
    return _joined(encoded, lists.offsets.to_pylist())


def _encoded_links(values: Iterable[bytes | None]) -> list[bytes]:
    """Take the links of vParquet3: a message whose field 1 is OTLP's own."""
    return [
        b"".join(
            [
                _otlp.delimited(b"\x6a", bytes(link))
                for field, link in _otlp.fields(value or b"")
                if field == 1
            ]
        )
        for value in values
    ]


def _attributes(lists: Any, tag: bytes) -> list[bytes]:
    """Encode lists of attributes, each list as fields of that tag."""
    array = lists.flatten()
    keys = values_of(array.field("Key"))
    if _has(array, "ValueInt"):
        values = _any_values(array)
    else:
        values = [_event_value(value) for value in values_of(array.field("Value"))]
    encoded = [_otlp.key_value(tag, *pair) for pair in zip(keys, values, strict=True)]
    return _joined(encoded, lists.offsets.to_pylist())


def _any_values(array: Any) -> list[bytes]:
    # A value stands in the column of its type; whatever has none is JSON.
    columns = [values_of(array.field(f"Value{kind}")) for kind in ("", "Int", "Double", "Bool")]
    written = [
        values_of(array.field(name))
        for name in ("ValueUnsupported", "ValueArray", "ValueKVList")
        if _has(array, name)
    ]
    arrays = values_of(array.field("IsArray")) if _has(array, "IsArray") else [False] * len(array)
    others = [next(filter(None, row), None) for row in zip(*written, strict=True)]
    if not written:
        others = [None] * len(array)
    return [
        _any_value(row, is_array, other)
        for row, is_array, other in zip(zip(*columns, strict=True), arrays, others, strict=True)
    ]


_ENCODERS: tuple[Callable[[Any], bytes], ...] = (
    _otlp.string_value,
    _otlp.int_value,
    _otlp.double_value,
    _otlp.bool_value,
)


def _any_value(row: tuple[Any, ...], is_array: bool, other: str | None) -> bytes:
    for value, encode in zip(row, _ENCODERS, strict=True):
        if isinstance(value, list):
            if len(value) > 1 or (value and is_array):
                return _otlp.array_value([encode(item) for item in value])
            if value:
                return encode(value[0])
        elif value is not None:
            return encode(value)
    if other is not None:
        return _otlp.value_of_json(json.loads(other))
    return _otlp.array_value([]) if is_array else b""


def _event_value(value: bytes | None) -> bytes:
    """Take a value of an event of vParquet3: protobuf, or JSON of older blocks."""
    if value is not None and value.startswith(b"{"):
        return _otlp.value_of_json(json.loads(value))
    return value or b""


def _own_columns(
    array: Any, known: Mapping[str, str], dedicated: Mapping[str, str], tag: bytes
) -> list[bytes]:
    """Encode the attributes that have columns of their own."""
    columns = [(array, column, key) for column, key in known.items()]
    if _has(array, "DedicatedAttributes"):
        spare = array.field("DedicatedAttributes")
        columns += [(spare, column, key) for column, key in dedicated.items()]
    out = [b""] * len(array)
    for held_in, column, key in columns:
        if not _has(held_in, column):
            continue
        # An empty name of a service is none: the column cannot say null.
        values = values_of(held_in.field(column))
        for row, value in enumerate(values):
            if value is None or value == [] or (value == "" and column == "ServiceName"):
                continue
            out[row] += _otlp.key_value(tag, key, _dedicated_value(value))
    return out


def _dedicated_value(value: Any) -> bytes:
    if isinstance(value, list):
        encoded = [_dedicated_value(item) for item in value]
        return encoded[0] if len(encoded) == 1 else _otlp.array_value(encoded)
    return _otlp.string_value(value) if isinstance(value, str) else _otlp.int_value(value)


def _dropped(array: Any, name: str) -> list[int]:
    # int32 there, uint32 in OTLP.
    if not _has(array, name):
        return [0] * len(array)
    return [value & 0xFFFFFFFF for value in values_of(array.field(name))]


def values_of(array: Any) -> list[Any]:
    """Return the values of a column; text that is no UTF-8 gets U+FFFD where it is not.

    Tempo stores text as it came.
    """
    try:
        values: list[Any] = array.to_pylist()
    except UnicodeDecodeError:
        import pyarrow as pa

        of_lists = pa.types.is_list(array.type)
        raw = array.cast(pa.list_(pa.binary()) if of_lists else pa.binary()).to_pylist()
        values = [
            [_text(item) for item in value or ()] if of_lists else value and _text(value)
            for value in raw
        ]
    return values


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _has(array: Any, name: str) -> bool:
    return bool(array.type.get_field_index(name) >= 0)


def _joined(encoded: Sequence[bytes], offsets: Sequence[int]) -> list[bytes]:
    base = offsets[0] if offsets else 0
    return [b"".join(encoded[first - base : last - base]) for first, last in pairwise(offsets)]
