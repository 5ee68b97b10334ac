"""Blocks of Tempo are imported as they were, whichever format they have."""

from __future__ import annotations

import ctypes
import json
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import json_format
from harness import attribute, running, span, tocsin_text
from harness import tocsin as command
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

import tocsin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness import Server

FORMATS = ("vParquet3", "vParquet4", "vParquet5")
TENANT = "single-tenant"
# What is in the spare columns, and of which scope and type that is.
DEDICATED = [
    {"s": "resource", "n": "ip"},
    {"n": "instance"},
    {"n": "region"},
    {"n": "db.rows", "t": "int"},
    {"n": "tags", "o": ["array"]},
    {"s": "event", "n": "exception.type"},
]
# The same, as far as a format has such columns.
SPARE: dict[str, dict[str, dict[str, str]]] = {
    "vParquet3": {
        "resource": {"ip": "String01"},
        "span": {"instance": "String01", "region": "String02"},
    },
    "vParquet4": {
        "resource": {"ip": "String01"},
        "span": {"instance": "String01", "region": "String02"},
    },
    "vParquet5": {
        "resource": {"ip": "String01"},
        "span": {
            "instance": "String01",
            "region": "String02",
            "db.rows": "Int01",
            "tags": "String03",
        },
        "event": {"exception.type": "String01"},
    },
}
WELL_KNOWN = {
    "service.name": "ServiceName",
    "k8s.pod.name": "K8sPodName",
    "http.method": "HttpMethod",
    "http.url": "HttpUrl",
    "http.status_code": "HttpStatusCode",
}


def lists(of: str) -> pa.DataType:
    return pa.list_(pa.field("element", of, nullable=False))


class Schema:
    """The columns of one format, and spans as its rows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.old = name == "vParquet3"
        self.new = name == "vParquet5"

    def attribute(self) -> pa.DataType:
        if self.old:
            kinds = {"Value": "string", "ValueInt": "int64", "ValueDouble": "double"}
            kinds |= {"ValueBool": "bool", "ValueKVList": "string", "ValueArray": "string"}
            return pa.struct([("Key", pa.string()), *((k, v) for k, v in kinds.items())])
        kinds = {"Value": "string", "ValueInt": "int64", "ValueDouble": "double"}
        return pa.struct(
            [
                ("Key", pa.string()),
                ("IsArray", pa.bool_()),
                *(
                    (column, lists(kind))
                    for column, kind in (kinds | {"ValueBool": "bool"}).items()
                ),
                ("ValueUnsupported", pa.string()),
            ]
        )

    def spare(self) -> pa.DataType:
        text: pa.DataType = lists("string") if self.new else pa.string()
        columns = [(f"String{n:02}", text) for n in range(1, 21 if self.new else 11)]
        if self.new:
            columns += [(f"Int{n:02}", lists("int64")) for n in range(1, 6)]
        return pa.struct(columns)

    def trace(self) -> pa.Schema:
        attributes = pa.list_(self.attribute())
        dropped = ("DroppedAttributesCount", pa.int32())
        event: list[tuple[str, Any]] = [("Name", pa.string()), dropped]
        links: pa.DataType = pa.binary()
        if self.old:
            event.append(("TimeUnixNano", pa.uint64()))
            pair = pa.struct([("Key", pa.string()), ("Value", pa.binary())])
            event.append(("Attrs", pa.list_(pair)))
        else:
            event += [("TimeSinceStartNano", pa.uint64()), ("Attrs", attributes)]
            ids = [("TraceID", pa.binary()), ("SpanID", pa.binary()), ("TraceState", pa.string())]
            links = pa.list_(pa.struct([*ids, ("Attrs", attributes), dropped]))
        if self.new:
            event.append(("DedicatedAttributes", self.spare()))
        known: list[tuple[str, Any]] = []
        if not self.new:
            known = [("HttpMethod", pa.string()), ("HttpUrl", pa.string())]
            known.append(("HttpStatusCode", pa.int64()))
        counts = [(f"Dropped{what}Count", pa.int32()) for what in ("Events", "Links")]
        spans = pa.struct(
            [
                *((name, pa.binary()) for name in ("SpanID", "ParentSpanID")),
                *((name, pa.int32()) for name in ("ParentID", "NestedSetLeft", "NestedSetRight")),
                *((name, pa.string()) for name in ("Name", "TraceState", "StatusMessage")),
                *((name, pa.int64()) for name in ("Kind", "StatusCode")),
                *((name, pa.uint64()) for name in ("StartTimeUnixNano", "DurationNano")),
                *(("Attrs", attributes), dropped, ("Events", pa.list_(pa.struct(event)))),
                *(("Links", links), *counts, *known, ("DedicatedAttributes", self.spare())),
            ]
        )
        scope: list[tuple[str, Any]] = [("Name", pa.string()), ("Version", pa.string())]
        resource: list[tuple[str, Any]] = [("Attrs", attributes), ("ServiceName", pa.string())]
        if not self.new:
            resource.append(("K8sPodName", pa.string()))
        if not self.old:
            scope += [("Attrs", attributes), dropped]
            resource.append(dropped)
        resource.append(("DedicatedAttributes", self.spare()))
        scopes = pa.struct([("Scope", pa.struct(scope)), ("Spans", pa.list_(spans))])
        resources = pa.struct([("Resource", pa.struct(resource)), ("ss", pa.list_(scopes))])
        return pa.schema(
            [
                ("TraceID", pa.binary()),
                ("TraceIDText", pa.string()),
                ("RootServiceName", pa.string()),
                ("rs", pa.list_(resources)),
            ]
        )

    def generic(self, pair: common_pb2.KeyValue) -> dict[str, Any]:
        kind = pair.value.WhichOneof("value")
        columns = {"string_value": "Value", "int_value": "ValueInt", "double_value": "ValueDouble"}
        columns["bool_value"] = "ValueBool"
        row: dict[str, Any] = {"Key": pair.key}
        written = json.dumps(json_format.MessageToDict(pair.value))
        if self.old:
            if kind in columns:
                return row | {columns[kind]: getattr(pair.value, kind)}
            return row | {"ValueArray" if kind == "array_value" else "ValueKVList": written}
        row |= {"IsArray": False} | {column: [] for column in columns.values()}
        if kind in columns:
            return row | {columns[kind]: [getattr(pair.value, kind)]}
        kinds = {value.WhichOneof("value") for value in pair.value.array_value.values}
        if kind == "array_value" and kinds <= columns.keys() and len(kinds) < 2:
            held = {
                columns[k]: [getattr(v, k) for v in pair.value.array_value.values] for k in kinds
            }
            return row | held | {"IsArray": True}
        return row | {"ValueUnsupported": written}

    def attributes(self, pairs: Sequence[common_pb2.KeyValue], scope: str) -> dict[str, Any]:
        spare = SPARE[self.name].get(scope, {})
        out: dict[str, Any] = {"Attrs": [], "DedicatedAttributes": {}}
        if scope == "resource":
            out["ServiceName"] = ""  # That column is never null.
        if self.new:
            out["DedicatedAttributes"] = {field.name: [] for field in self.spare()}
        for pair in pairs:
            kind = pair.value.WhichOneof("value")
            column = WELL_KNOWN.get(pair.key, "")
            has = column == "ServiceName" or (column and not self.new)
            if has and kind == ("int_value" if column == "HttpStatusCode" else "string_value"):
                out[column] = getattr(pair.value, kind)
            elif pair.key in spare and kind in ("string_value", "int_value"):
                value = getattr(pair.value, kind)
                out["DedicatedAttributes"][spare[pair.key]] = [value] if self.new else value
            elif pair.key in spare and self.new and kind == "array_value":
                held = [value.string_value for value in pair.value.array_value.values]
                out["DedicatedAttributes"][spare[pair.key]] = held
            else:
                out["Attrs"].append(self.generic(pair))
        return out

    def event(self, event: trace_pb2.Span.Event, start: int) -> dict[str, Any]:
        row = {"Name": event.name, "DroppedAttributesCount": event.dropped_attributes_count}
        if not self.old:
            since = (event.time_unix_nano - start) % 2**64
            return row | self.attributes(event.attributes, "event") | {"TimeSinceStartNano": since}
        pairs = [{"Key": p.key, "Value": p.value.SerializeToString()} for p in event.attributes]
        return row | {"TimeUnixNano": event.time_unix_nano, "Attrs": pairs}

    def links(self, links: Sequence[trace_pb2.Span.Link]) -> Any:
        if self.old:
            encoded = [link.SerializeToString() for link in links]
            return b"".join(b"\x0a" + bytes([len(one)]) + one for one in encoded)
        return [
            {
                "TraceID": link.trace_id,
                "SpanID": link.span_id,
                "TraceState": link.trace_state,
                "DroppedAttributesCount": link.dropped_attributes_count,
                **self.attributes(link.attributes, "link"),
            }
            for link in links
        ]

    def span(self, one: trace_pb2.Span) -> dict[str, Any]:
        start = one.start_time_unix_nano
        return {
            "SpanID": one.span_id,
            "ParentSpanID": one.parent_span_id,
            "Name": one.name,
            "TraceState": one.trace_state,
            "Kind": one.kind,
            "StatusCode": one.status.code,
            "StatusMessage": one.status.message,
            "StartTimeUnixNano": start,
            "DurationNano": one.end_time_unix_nano - start,
            "DroppedAttributesCount": one.dropped_attributes_count,
            "DroppedEventsCount": ctypes.c_int32(one.dropped_events_count).value,
            "DroppedLinksCount": one.dropped_links_count,
            "Events": [self.event(event, start) for event in one.events],
            "Links": self.links(one.links),
            **self.attributes(one.attributes, "span"),
        }

    def row(self, trace: trace_pb2.TracesData) -> dict[str, Any]:
        trace_id = trace.resource_spans[0].scope_spans[0].spans[0].trace_id
        return {
            "TraceID": trace_id,
            "TraceIDText": trace_id.hex().lstrip("0"),
            "RootServiceName": "",
            "rs": [
                {
                    "Resource": {
                        **self.attributes(held.resource.attributes, "resource"),
                        "DroppedAttributesCount": held.resource.dropped_attributes_count,
                    },
                    "ss": [
                        {
                            "Scope": {
                                "Name": scoped.scope.name,
                                "Version": scoped.scope.version,
                                "Attrs": [self.generic(p) for p in scoped.scope.attributes],
                                "DroppedAttributesCount": scoped.scope.dropped_attributes_count,
                            },
                            "Spans": [self.span(one) for one in scoped.spans],
                        }
                        for scoped in held.scope_spans
                    ],
                }
                for held in trace.resource_spans
            ],
        }


def write_block(
    directory: Path,
    traces: Sequence[trace_pb2.TracesData],
    block_format: str = "vParquet4",
    **meta: object,
) -> Path:
    """Make a block of these traces; `meta` is more of its meta.json."""
    schema = Schema(block_format)
    directory.mkdir(parents=True)
    table = pa.Table.from_pylist([schema.row(trace) for trace in traces], schema=schema.trace())
    pq.write_table(table, directory / "data.parquet", row_group_size=7, compression="snappy")
    told: dict[str, object] = {
        "format": block_format,
        "blockID": directory.name,
        "tenantID": TENANT,
    }
    told |= {"totalObjects": len(traces), "dedicatedColumns": DEDICATED}
    (directory / "meta.json").write_text(json.dumps(told | meta))
    return directory


def value(**kind: Any) -> common_pb2.AnyValue:
    return common_pb2.AnyValue(**kind)


def array(*values: common_pb2.AnyValue) -> common_pb2.AnyValue:
    return value(array_value=common_pb2.ArrayValue(values=values))


def of_every_type() -> dict[str, common_pb2.AnyValue]:
    nan, tiny = struct.unpack("<d", b"\0\0\0\0\0\0\xf8\x7f")[0], 5e-324
    return {
        "string": value(string_value="ä\0b"),
        "empty": value(string_value=""),
        "int": value(int_value=-(2**63)),
        "double": value(double_value=tiny),
        "nan": value(double_value=nan),
        "yes": value(bool_value=True),
        "no": value(bool_value=False),
        "strings": array(value(string_value="a"), value(string_value="")),
        "one": array(value(string_value="alone")),
        "ints": array(value(int_value=1), value(int_value=2**62)),
        "doubles": array(value(double_value=1.5), value(double_value=-0.0)),
        "bools": array(value(bool_value=False), value(bool_value=True)),
        "nothing": array(),
        "mixed": array(value(int_value=7), value(string_value="seven")),
        "map": value(
            kvlist_value=common_pb2.KeyValueList(
                values=[common_pb2.KeyValue(key="k", value=array(value(bytes_value=b"\xff\0")))]
            )
        ),
        "bytes": value(bytes_value=b"\0\x80"),
    }


def pairs(values: Mapping[str, common_pb2.AnyValue]) -> list[common_pb2.KeyValue]:
    return [common_pb2.KeyValue(key=key, value=held) for key, held in values.items()]


def rich_trace(schema: str) -> trace_pb2.TracesData:
    """Make a trace with something of everything that the format can hold."""
    trace_id = b"\0" * 8 + b"trace-id"
    start = time.time_ns() - 5_000_000_000
    root = span("root", trace_id=trace_id, start=start, http__method="GET", http__status_code=200)
    root.attributes.append(attribute("http.url", "/a?b=c"))
    root.attributes.append(attribute("instance", "i-1"))
    root.attributes.append(attribute("db.rows", 12))
    root.attributes.append(common_pb2.KeyValue(key="tags", value=of_every_type()["strings"]))
    root.trace_state = "vendor=1"
    child = span("child", trace_id=trace_id, parent_id=root.span_id, start=start + 1000, kind=3)
    child.attributes.extend(pairs(of_every_type()))
    child.attributes.append(attribute("region", "eu"))
    # Of another type than the column for them.
    child.attributes.append(attribute("http.method", 5))
    child.attributes.append(attribute("http.status_code", "404"))
    child.status.CopyFrom(trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR, message="no"))
    child.dropped_attributes_count, child.dropped_events_count = 3, 2**31
    child.dropped_links_count = 1
    for time_unix_nano, name in ((start + 2000, "exception"), (start, "before it began")):
        event = child.events.add(time_unix_nano=time_unix_nano, name=name)
        event.attributes.extend(pairs(of_every_type()))
        event.attributes.append(attribute("exception.type", "E"))
        event.dropped_attributes_count = 4
    link = child.links.add(trace_id=b"L" * 16, span_id=b"S" * 8, trace_state="x=y")
    link.attributes.append(attribute("why", "because"))
    link.dropped_attributes_count = 2
    other = span("elsewhere", trace_id=trace_id, parent_id=child.span_id, start=start + 3000)
    data = trace_pb2.TracesData()
    first, second = data.resource_spans.add(), data.resource_spans.add()
    for pair in (("service.name", "shop"), ("k8s.pod.name", "p"), ("ip", "10.0.0.1"), ("n", 1)):
        first.resource.attributes.append(attribute(*pair))
    second.resource.attributes.append(attribute("service.name", "other"))
    scoped = first.scope_spans.add()
    scoped.scope.name, scoped.scope.version = "lib", "1.2"
    scoped.spans.append(root)
    if schema != "vParquet3":  # Which does not keep these.
        scoped.scope.attributes.append(attribute("in", "scope"))
        scoped.scope.dropped_attributes_count = 5
        first.resource.dropped_attributes_count = 6
    first.scope_spans.add().spans.append(child)
    second.scope_spans.add().spans.append(other)
    return data


def small_trace(number: int, spans: int = 3) -> trace_pb2.TracesData:
    trace_id = number.to_bytes(16, "big")
    data = trace_pb2.TracesData()
    held = data.resource_spans.add()
    held.resource.attributes.append(attribute("service.name", "shop"))
    held.scope_spans.add().spans.extend(
        span("s", trace_id=trace_id, span_id=(i + 1).to_bytes(8, "big"), n=i) for i in range(spans)
    )
    return data


def facts(data: trace_pb2.TracesData) -> dict[bytes, list[bytes]]:
    """Return everything of each span, whatever order attributes and groups come in."""
    found = {}
    for held in data.resource_spans:
        held.resource.attributes.sort(key=lambda pair: pair.key)
        for scoped in held.scope_spans:
            for one in scoped.spans:
                for keyed in (one, *one.events, *one.links):
                    keyed.attributes.sort(key=lambda pair: pair.key)
                if not one.HasField("status"):
                    one.status.SetInParent()
                parts = (held.resource, scoped.scope, one)
                found[one.span_id] = [part.SerializeToString(deterministic=True) for part in parts]
    return found


def stored_trace(server: Server, trace_id: bytes) -> trace_pb2.TracesData:
    answer = server.get(f"/api/traces/{trace_id.hex()}", Accept="application/protobuf")
    assert answer.status == 200, answer.text
    data: trace_pb2.TracesData = trace_pb2.TracesData.FromString(answer.body)
    return data


def spans_in(server: Server) -> int:
    """Count what is stored, by way of whole traces."""
    found = server.search("{}", limit=1000)
    return sum(trace["spanSets"][0]["matched"] for trace in found)


def blocks_of(path: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    call = [sys.executable, "-m", "tocsin.tempo_blocks", str(path), *arguments]
    return subprocess.run(call, capture_output=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.mark.parametrize("block_format", FORMATS)
def test_a_span_is_stored_as_it_was(block_format: str, tmp_path: Path) -> None:
    """STO-17: ids, times, every type of attribute, events, links, scopes, and what was dropped."""
    trace = rich_trace(block_format)
    write_block(tmp_path / "block", [trace], block_format)
    with running() as own:
        assert tocsin.import_tempo_blocks(tmp_path, tocsin.connect(own.url)) == (3, 0)
        wanted = facts(trace)
        trace_id = trace.resource_spans[0].scope_spans[0].spans[0].trace_id
        assert facts(stored_trace(own, trace_id)) == wanted
        own.flush()
        assert facts(stored_trace(own, trace_id)) == wanted


def test_a_backend_is_imported_and_a_second_run_adds_nothing(tmp_path: Path) -> None:
    """STO-17: all tenants or one, not what was compacted; it can be done again."""
    backend = tmp_path / "traces"
    both = [small_trace(n) for n in range(1, 20)]
    write_block(backend / TENANT / "a", both[:12], "vParquet4")
    write_block(backend / TENANT / "b", both[10:18], "vParquet5-preview5"[:9])
    write_block(backend / "other" / "c", both[18:], "vParquet3", tenantID="other")
    compacted = write_block(backend / TENANT / "d", [small_trace(99)])
    (compacted / "meta.json").rename(compacted / "meta.compacted.json")
    (backend / TENANT / "index.json.gz").write_bytes(b"")
    one = blocks_of(backend, "--tenant", "other")
    assert one.returncode == 0
    assert one.stderr.decode().splitlines() == ["other/c: 3 spans", "3 spans of 1 blocks of other"]
    every = blocks_of(backend)
    assert "63 spans of 3 blocks of other, single-tenant" in every.stderr.decode()
    with running() as own:
        done = tocsin_import(own, every.stdout)
        assert "imported 63 spans" in done
        # Two traces are in both blocks.
        assert spans_in(own) == 57
        own.flush()
        assert tocsin.import_tempo_blocks(backend, tocsin.connect(own.url)) == (63, 0)
        own.flush()
        assert spans_in(own) == 57
        first = stored_trace(own, (1).to_bytes(16, "big"))
        assert facts(first) == facts(both[0])
    with tocsin.open(tmp_path / "data") as db:
        assert tocsin.import_tempo_blocks(backend, db, tenant="other") == (3, 0)
        assert len(db.trace((19).to_bytes(16, "big").hex())) == 3


def tocsin_import(server: Server, body: bytes) -> str:
    done = command("import", "--url", server.url, "-", stdin=body)
    assert done.returncode == 0, done.stderr
    return done.stderr.decode()


def test_a_large_trace_comes_in_pieces(tmp_path: Path) -> None:
    """So that whoever reads them needs little memory; nothing is lost between them."""
    write_block(tmp_path / "block", [small_trace(1), small_trace(2, 10_000), small_trace(3)])
    (block,) = tocsin._tempo.find_blocks(tmp_path)
    pieces = list(block.messages())
    assert sum(count for count, _ in pieces) == 10_006
    assert max(count for count, _ in pieces) == 512
    assert max(len(piece) for _, piece in pieces) < 100_000
    together = trace_pb2.TracesData.FromString(b"".join(piece for _, piece in pieces))
    wanted = {span_id for n in (1, 2, 3) for span_id in facts(small_trace(n, 10_000))}
    assert facts(together).keys() == wanted


def test_text_that_is_no_utf_8_is_mended() -> None:
    """Tempo stores what it gets; a block is not lost by one such name."""
    texts = pa.array([b"a\xffb", None, "ä".encode()]).view(pa.string())
    assert tocsin._tempo_rows.values_of(texts) == ["a\ufffdb", None, "ä"]
    held = pa.ListArray.from_arrays(pa.array([0, 1, 3], pa.int32()), texts)
    with pytest.raises(UnicodeDecodeError):
        held.to_pylist()
    assert tocsin._tempo_rows.values_of(held.slice(0, 1)) == [["a\ufffdb"]]


def test_what_is_no_block_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(tocsin.NotFoundError, match=r"no meta\.json"):
        tocsin._tempo.find_blocks(tmp_path)
    block = write_block(tmp_path / "a", [small_trace(n) for n in range(1, 30)])
    nobody = blocks_of(tmp_path, "--tenant", "x")
    assert nobody.returncode == 1
    assert nobody.stderr.decode() == (
        "tempo_blocks: no block is of tenant x, only of single-tenant\n"
    )
    old = write_block(tmp_path / "b", [small_trace(1)], format="v2")
    refused = blocks_of(tmp_path)
    assert refused.returncode == 1
    assert "blocks of format v2 are not read, only vParquet3" in refused.stderr.decode()
    (old / "meta.json").write_text("{")
    with pytest.raises(tocsin.CorruptionError, match=r"b/meta\.json cannot be read"):
        tocsin._tempo.find_blocks(tmp_path)
    (old / "meta.json").unlink()
    whole = (block / "data.parquet").read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:100] + b"\xff" * 2000 + whole[2100:], b""):
        (block / "data.parquet").write_bytes(damaged)
        with pytest.raises(tocsin.CorruptionError, match=r"data\.parquet: "):
            list(tocsin._tempo.find_blocks(tmp_path)[0].messages())
    pq.write_table(pa.table({"TraceID": [b"x"]}), block / "data.parquet")
    with pytest.raises(tocsin.CorruptionError, match=r"data\.parquet: "):
        list(tocsin._tempo.find_blocks(tmp_path)[0].messages())
    (block / "data.parquet").unlink()
    with pytest.raises(tocsin.CorruptionError, match=r"has no data\.parquet"):
        list(tocsin._tempo.find_blocks(tmp_path)[0].messages())


def test_the_command_says_how_blocks_are_read(server: Server, tmp_path: Path) -> None:
    write_block(tmp_path / "t" / "a", [small_trace(1)])
    for path in (tmp_path, tmp_path / "t" / "a"):
        done = tocsin_text("import", "--url", server.url, str(path))
        assert done.returncode == 1
        assert f"python -m tocsin.tempo_blocks {path} | tocsin import -" in done.stderr
    (tmp_path / "empty").mkdir()
    done = tocsin_text("import", "--url", server.url, str(tmp_path / "empty"))
    assert done.returncode == 1
    assert "is a directory" in done.stderr
