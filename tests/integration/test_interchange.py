"""Traces from one Tocsin into another, and directories looked over, through the real binary."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from harness import (
    BINARY,
    ROOT,
    Server,
    export_request,
    free_port,
    request,
    running,
    span,
    tocsin,
    wait_until,
)

JSON = {"Content-Type": "application/json"}


def succeed(*arguments: str, stdin: bytes | None = None) -> bytes:
    done = tocsin(*arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def otlp_json(*names: str, trace_id: str, start: int) -> str:
    """Return one request on one line."""
    spans = [
        {
            "traceId": trace_id,
            "spanId": f"{i + 1:016x}",
            "name": name,
            "kind": 2,
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + 1000),
        }
        for i, name in enumerate(names)
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})


def fill(server: Server, traces: int = 30) -> list[str]:
    """Send traces of three spans each, some of them sealed; return their ids."""
    ids = []
    for i in range(traces):
        root = span(f"GET /{i}", http__status_code=200, duration=10_000_000 * (i + 1))
        child = span("query", trace_id=root.trace_id, parent_id=root.span_id, error=i % 3 == 0)
        other = span("cache", trace_id=root.trace_id, parent_id=root.span_id, hit=True, ratio=0.25)
        server.send(root, child, other, service=f"service-{i % 4}", region="eu")
        ids.append(root.trace_id.hex())
        if i == traces // 2:
            server.flush()
    return ids


def traces_of(server: Server, ids: list[str]) -> list[Any]:
    return [server.get(f"/api/traces/{trace_id}").json for trace_id in ids]


def test_the_example_of_the_specification(server: Server) -> None:
    """RCV-03: upper-case ids, accepted unchanged."""
    example = ROOT.parent / "shared/conformance/otlp/trace.json"
    if not example.exists():
        print(f"{example} is not there; its request is not sent")
        return
    for url in (server.otlp_http, server.url):
        answer = request(url + "/v1/traces", body=example.read_bytes(), headers=JSON)
        assert answer.status == 200
        assert answer.json == {}
    batches = server.get("/api/traces/5b8efff798038103d269b633813fc60c").json["batches"]
    assert batches[0]["scopeSpans"][0]["spans"][0]["name"] == "I'm a server span"


def test_json_and_protobuf_store_the_same(server: Server) -> None:
    """RCV-04, RCV-05: numbers as strings and not, values of every type, unknown members."""
    start = time.time_ns()
    twin = span("twin", start=start, text="é\n", yes=True, count=2**60, ratio=0.1)
    twin.attributes.add(key="blob").value.bytes_value = b"\x00\xff"
    twin.attributes.add(key="list").value.array_value.values.add().int_value = 7
    inner = twin.attributes.add(key="map").value.kvlist_value.values.add(key="k")
    inner.value.string_value = "v"
    server.send(twin)
    trace_id = "ab" * 16
    body = {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "myapp"}}]
                },
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": trace_id.upper(),
                                "spanId": twin.span_id.hex(),
                                "name": "twin",
                                "kind": "SPAN_KIND_SERVER",
                                "startTimeUnixNano": start,
                                "endTimeUnixNano": str(start + 5_000_000),
                                "fromTheFuture": {"nested": [1, 2, {"x": None}]},
                                "attributes": [
                                    {"key": "text", "value": {"stringValue": "é\n"}},
                                    {"key": "yes", "value": {"boolValue": True}},
                                    {"key": "count", "value": {"intValue": str(2**60)}},
                                    {"key": "ratio", "value": {"doubleValue": 0.1}},
                                    {"key": "blob", "value": {"bytesValue": "AP8="}},
                                    {
                                        "key": "list",
                                        "value": {"arrayValue": {"values": [{"intValue": 7}]}},
                                    },
                                    {
                                        "key": "map",
                                        "value": {
                                            "kvlistValue": {
                                                "values": [
                                                    {"key": "k", "value": {"stringValue": "v"}}
                                                ]
                                            }
                                        },
                                    },
                                ],
                            }
                        ]
                    }
                ],
            }
        ]
    }
    answer = request(
        server.otlp_http + "/v1/traces",
        body=gzip.compress(json.dumps(body).encode()),
        headers=JSON | {"Content-Encoding": "gzip"},
    )
    assert answer.status == 200, answer.text

    def only_span(of: str) -> Any:
        spans = server.get(f"/api/v2/traces/{of}").json["trace"]["resourceSpans"][0]
        found = spans["scopeSpans"][0]["spans"][0]
        found.pop("traceId")
        return found

    assert only_span(trace_id) == only_span(twin.trace_id.hex())


def test_errors_are_json_with_the_place(server: Server) -> None:
    """RCV-03, RCV-08, RCV-14."""
    url = server.otlp_http + "/v1/traces"
    base64_id = (
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[\n{"traceId":"AAAAAAAAAAAAAAAAAAAAAA=="}'
    )
    for body, place in ((b"{]", "line 1, column 2"), (base64_id, "line 2, column 12")):
        answer = request(url, body=body, headers=JSON)
        assert answer.status == 400
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json["code"] == 3
        assert place in answer.json["message"]
    partly = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"no ids"}]}]}]}'
    answer = request(url, body=partly, headers=JSON)
    assert answer.status == 200
    assert answer.json["partialSuccess"]["rejectedSpans"] == "1"
    assert request(url, body=b"[" * 100_000, headers=JSON).status == 400


@pytest.mark.parametrize(
    "name", ["all.jsonl", "all.jsonl.gz", "all.jsonl.zst", "all.pb", "all.pb.gz"]
)
def test_what_is_exported_imports_elsewhere(tmp_path: Path, name: str) -> None:
    """STO-17: from a server that runs into another one: the same traces, byte for byte."""
    file = tmp_path / name
    form = "otlp-proto" if ".pb" in name else "otlp-json"
    with running() as source, running() as target:
        ids = fill(source)
        done = tocsin("export", "--url", source.url, "--format", form, "--output", str(file))
        assert done.returncode == 0, done.stderr
        assert b"exported 90 spans of 30 traces" in done.stderr
        done = tocsin("import", "--url", target.url, str(file))
        assert done.returncode == 0, done.stderr
        assert b"imported 90 spans of 30 requests" in done.stderr
        before = traces_of(source, ids)
        assert traces_of(target, ids) == before
        # Once more: nothing is there twice.
        succeed("import", "--url", target.url, str(file))
        target.flush()
        assert traces_of(target, ids) == before
        assert len(target.search("{}", limit=100)) == 30


def test_directories_export_and_import_without_a_server(tmp_path: Path) -> None:
    """The same from a directory that was left, and into a new one; then served."""
    file = str(tmp_path / "all.jsonl.gz")
    restored = Server(tmp_path / "restored")
    with running() as source:
        ids = fill(source)
        before = traces_of(source, ids)
        assert source.stop() == 0
        succeed("export", "--storage.path", str(source.data), "--output", file)
        again = succeed("export", "--storage.path", str(source.data))
        assert gzip.decompress(Path(file).read_bytes()) == again
        source.start()
        assert traces_of(source, ids) == before
    succeed("import", "--storage.path", str(restored.data), file)
    try:
        restored.start()
        assert traces_of(restored, ids) == before
    finally:
        if restored.process is not None:
            restored.kill()


def test_a_directory_in_use_is_reached_through_its_server(
    own_server: Server, tmp_path: Path
) -> None:
    ids = fill(own_server, 5)
    lines = succeed("export", "--storage.path", str(own_server.data)).splitlines()
    assert len(lines) == 5
    late = tmp_path / "late.jsonl"
    late.write_text(otlp_json("late", trace_id="cd" * 16, start=time.time_ns()))
    succeed("import", "--storage.path", str(own_server.data), str(late))
    assert own_server.get("/api/traces/" + "cd" * 16).status == 200
    assert all(own_server.get(f"/api/traces/{trace_id}").status == 200 for trace_id in ids)


def test_export_of_a_query_and_a_range(own_server: Server) -> None:
    now = time.time_ns()
    hour = 3600 * 10**9
    old = span("old", start=now - 5 * hour, error=True)
    new = span("new", start=now - hour, error=True)
    fine = span("fine", start=now - hour)
    own_server.send(old, new, fine)

    def exported(*flags: str) -> set[str]:
        lines = succeed("export", "--url", own_server.url, *flags).decode().splitlines()
        return {
            one["name"]
            for line in lines
            for one in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
        }

    assert exported() == {"old", "new", "fine"}
    assert exported("--q", "{ status = error }") == {"old", "new"}
    assert exported("--q", "{ status = error }", "--start", "-2h") == {"new"}
    assert exported("--end", str(now // 10**9 - 2 * 3600)) == {"old"}
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now / 10**9 - 2 * 3600))
    assert exported("--start", moment) == {"new", "fine"}
    for flags in (("--q", "{ nonsense"), ("--start", "soon"), ("--format", "xml")):
        assert tocsin("export", "--url", own_server.url, *flags).returncode == 2


def test_a_malformed_line_is_named_and_the_others_count(own_server: Server, tmp_path: Path) -> None:
    start = time.time_ns()
    good = [otlp_json("a", "b", trace_id=f"{i + 1:032x}", start=start) for i in range(10)]
    file = tmp_path / "broken.jsonl"
    file.write_text("\n".join([*good[:6], good[6][:-20], *good[7:]]))
    done = tocsin("import", "--url", own_server.url, str(file))
    assert done.returncode == 1
    message = done.stderr.decode()
    assert str(file) in message
    assert "line 7" in message
    assert "imported 12 spans of 6 requests" in message
    assert own_server.get("/api/traces/" + f"{6:032x}").status == 200
    assert own_server.get("/api/traces/" + f"{8:032x}").status == 404


def test_import_reads_standard_input_and_what_others_write(own_server: Server) -> None:
    start = time.time_ns()
    succeed(
        "import",
        "--url",
        own_server.url,
        "-",
        stdin=otlp_json("piped", trace_id="1" * 32, start=start).encode(),
    )
    message = export_request(span("delimited", trace_id=b"\x22" * 16)).SerializeToString()
    for stdin in (len(message).to_bytes(4, "big") + message, message):
        succeed("import", "--url", own_server.url, "-", stdin=stdin)
    pretty = json.dumps(
        json.loads(otlp_json("pretty", trace_id="3" * 32, start=start)), indent=2
    ).encode()
    succeed("import", "--url", own_server.url, "-", stdin=pretty)
    for digit in "123":
        assert own_server.get("/api/traces/" + digit * 32).status == 200
    assert tocsin("import", "--url", own_server.url, "-", stdin=b"hello").returncode == 1
    assert tocsin("import", "--url", own_server.url, "/nonexistent").returncode == 1
    assert tocsin("import", "--url", own_server.url).returncode == 2


def test_import_waits_for_a_server_that_comes_back(tmp_path: Path) -> None:
    """A server that is out of reach for a moment is asked again."""
    port = free_port()
    file = tmp_path / "one.jsonl"
    file.write_text(otlp_json("patient", trace_id="4" * 32, start=time.time_ns()))
    command = [BINARY, "import", "--url", f"http://127.0.0.1:{port}", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as importing:
        assert importing.stderr is not None
        assert b"trying again" in importing.stderr.readline()
        with running(server__http_listen_port=str(port)) as server:
            assert importing.wait(60) == 0
            assert server.get("/api/traces/" + "4" * 32).status == 200


def test_doctor(tmp_path: Path) -> None:
    """STO-12: 0 and a count for a healthy directory, 2 for one in use, 1 for a damaged one."""
    with running("metrics_generator: {collection_interval: 1s}\n") as server:
        fill(server)
        server.flush()
        wait_until(
            lambda: server.promql("traces_spanmetrics_calls_total"), "span metrics to be stored"
        )
        used = tocsin("doctor", str(server.data))
        assert used.returncode == 2
        assert server.process is not None
        assert str(server.process.pid) in used.stderr.decode()
        assert server.stop() == 0
        healthy = tocsin("doctor", str(server.data))
        assert healthy.returncode == 0, healthy.stdout
        assert healthy.stdout.decode().endswith(" is healthy\n")
        found = json.loads(succeed("doctor", "--json", str(server.data)))
        assert found["healthy"] is True
        assert found["spans"]["spans"] == 90
        assert found["series"]["log_samples"] > 0
        assert found["state"]["values"] > 0

        for pattern in ("spans/volumes/**/*.l*", "series/head.snapshot", "state/*.l*"):
            copy = tmp_path / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(server.data, copy)
            largest = max(copy.glob(pattern), key=lambda path: path.stat().st_size)
            content = bytearray(largest.read_bytes())
            content[len(content) // 2] ^= 0xFF
            largest.write_bytes(bytes(content))
            damaged = tocsin("doctor", "--json", str(copy))
            assert damaged.returncode == 1, f"{largest}: {damaged.stdout.decode()}"
            findings = json.loads(damaged.stdout)["findings"]
            assert findings[0]["severity"] == "damage"
            assert findings[0]["where"].startswith(pattern.split("/")[0])
        # Looking changes nothing.
        server.start()
        assert server.get("/ready").status == 200
    assert tocsin("doctor", str(tmp_path / "nothing")).returncode == 2
    assert tocsin("doctor").returncode == 2
