"""`tocsin promql`: over a server, over a directory, in every format."""

from __future__ import annotations

import csv
import http.server
import io
import json
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from harness import running, span, tocsin_text, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


def promql(*arguments: str) -> subprocess.CompletedProcess[str]:
    return tocsin_text("promql", *arguments)


def printed(*arguments: str) -> str:
    done = promql(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_server_and_its_directory_say_the_same() -> None:
    """CLI: --url, --path while a server holds the directory, and after it has gone."""
    expr = 'sum by (service) (traces_spanmetrics_calls_total{service="shop"})'
    with running("metrics_generator: {collection_interval: 1s}") as server:
        server.send(*[span() for _ in range(3)], service="shop")
        wait_until(lambda: server.promql(expr), "the span metrics", 60)
        wait_until(lambda: server.promql(expr)[0]["value"][1] == "3", "all of them", 60)
        of_server = printed("--url", server.url, expr).splitlines()
        assert of_server[0].split() == ["service", "time", "value"]
        assert of_server[1].split()[0] == "shop"
        assert of_server[1].split()[2] == "3"
        held = json.loads(printed("--path", str(server.data), "--format", "json", expr))
        assert held["data"]["result"][0]["value"][1] == "3"
        server.stop()
        free = json.loads(printed("--path", str(server.data), "--format=json", expr))
        assert free["status"] == "success"
        assert free["data"]["resultType"] == "vector"
        assert free["data"]["result"][0]["metric"] == {"service": "shop"}
        assert free["data"]["result"][0]["value"][1] == "3"
        text = printed(
            "--path", str(server.data), "--start", "-2m", "--step", "30s", "--format", "csv", expr
        )
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {row["service"] for row in rows} == {"shop"}
        assert rows[-1]["value"] == "3"


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    with running() as server:
        url = ("--url", server.url)
        for arguments, what in [
            ((*url, "sum("), "1:5: parse error"),
            (url, "takes one expression"),
            ((*url, "--format", "xml", "1"), "--format is table, json or csv"),
            ((*url, "--path", "x", "1"), "either --path or --url"),
            ((*url, "--time", "0", "--start", "0", "1"), "either --time, or --start"),
            ((*url, "--step", "15s", "1"), "either --time, or --start"),
            ((*url, "--start", "0", "--step", "often", "1"), "--step takes a duration"),
            ((*url, "--time", "soon", "1"), "soon"),
        ]:
            done = promql(*arguments)
            assert done.returncode == 2, arguments
            assert what in done.stderr
            assert done.stdout == ""
    gone = tmp_path / "nothing"
    done = promql("--path", str(gone), "1")
    assert done.returncode == 1
    assert "there is no data directory" in done.stderr
    assert not gone.exists()


def test_times_are_what_is_asked_for() -> None:
    with running() as server:
        url = ("--url", server.url, "--format", "csv")
        at = printed(*url, "--time", "2026-11-22T15:36:42Z", "time()").splitlines()
        assert at == ["time,value", "2026-11-22T15:36:42.000Z,1795361802"]
        over = printed(*url, "--start", "0", "--end", "60", "--step", "30", "time()").splitlines()
        assert over[1:] == [
            "1970-01-01T00:00:00.000Z,0",
            "1970-01-01T00:00:30.000Z,30",
            "1970-01-01T00:01:00.000Z,60",
        ]
        assert printed(*url, "--time", "0", "'a,\"b\"'").splitlines()[1].endswith('"a,""b"""')


@pytest.fixture
def canned() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """Serve one answer, with histograms, warnings and a label that would act on a terminal."""
    answer: dict[str, Any] = {
        "status": "success",
        "warnings": ["PromQL warning: something (1:1)"],
        "data": {
            "resultType": "matrix",
            "result": [
                {
                    "metric": {"name": "\x1b[31mred"},
                    "values": [[60, "1"]],
                    "histograms": [
                        [
                            0.5,
                            {
                                "count": "4",
                                "sum": "2",
                                "buckets": [[0, "0.5", "1", "2"], [3, "-1", "1", "2"]],
                            },
                        ]
                    ],
                }
            ],
        },
    }
    asked: list[dict[str, list[str]]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()


def test_histograms_and_labels_are_readable(canned: tuple[str, list[Any]]) -> None:
    url, asked = canned
    done = promql("--url", url, "--start", "0", "--end", "90.5", "--step", "1m", "a + b")
    assert asked == [{"query": ["a + b"], "start": ["0"], "end": ["90.5"], "step": ["60"]}]
    assert done.stderr == "warning: PromQL warning: something (1:1)\n"
    assert done.stdout.splitlines() == [
        "name           time                      value",
        '"\\x1b[31mred"  1970-01-01T00:00:00.500Z  {count:4, sum:2, (0.5,1]:2, [-1,1]:2}',
        '"\\x1b[31mred"  1970-01-01T00:01:00.000Z  1',
    ]
