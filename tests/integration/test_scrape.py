"""Scraping others: targets from the file and from files, relabelled, until they are gone."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from harness import running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Exporter:
    """Answers every GET with `body`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.body = "# TYPE demo gauge\ndemo 1\n"
        self.content_type = "text/plain; version=0.0.4"
        self.paths: list[str] = []
        self.headers: dict[str, str] = {}
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter.paths.append(self.path)
                exporter.headers = dict(self.headers)
                body = exporter.body.encode()
                self.send_response(200)
                self.send_header("Content-Type", exporter.content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def exporter() -> Iterator[Exporter]:
    target = Exporter()
    try:
        yield target
    finally:
        target.close()


def value(result: Any) -> str:
    return str(result[0]["value"][1])


def test_static_targets_are_relabelled_and_report_how_it_went() -> None:
    """RWR-16: parameters, relabelling, metric relabelling, limits, `up` and the scrape_ series."""
    with exporter() as target:
        target.body = '# TYPE demo gauge\ndemo{pod="a"} 7\n# TYPE go_x gauge\ngo_x 1\n'
        config = f"""
scrape_configs:
- job_name: shop
  scrape_interval: 1s
  params: {{module: [http]}}
  static_configs: [{{targets: ["{target.address}"], labels: {{env: test}}}}]
  relabel_configs:
  - {{source_labels: [env], target_label: stage}}
  metric_relabel_configs:
  - {{source_labels: [__name__], regex: go_.*, action: drop}}
"""
        with running(config) as server:
            selector = '{job="shop", env="test", stage="test"}'
            found = wait_until(lambda: server.promql(f"demo{selector}"), "the sample")
            assert found[0]["metric"]["pod"] == "a"
            assert found[0]["metric"]["instance"] == target.address
            assert value(found) == "7"
            assert value(server.promql(f"up{selector}")) == "1"
            assert value(server.promql(f"scrape_samples_scraped{selector}")) == "2"
            kept = server.promql(f"scrape_samples_post_metric_relabeling{selector}")
            assert value(kept) == "1"
            assert server.promql("go_x") == []
            assert target.paths[0] == "/metrics?module=http"
            assert "application/openmetrics-text" in target.headers["Accept"]
            target.body = "demo 1\nbroken"
            wait_until(lambda: value(server.promql(f"up{selector}")) == "0", "the failure")
            assert server.promql(f"demo{selector}") == []


def test_file_targets_come_and_go(tmp_path: Path) -> None:
    """RWR-16: a new file is noticed, a bad one changes nothing, and a target that goes is stale."""
    targets = tmp_path / "targets.json"
    config = f"""
scrape_configs:
- job_name: files
  scrape_interval: 1s
  file_sd_configs: [{{files: ["{tmp_path}/*.json"]}}]
"""
    with exporter() as target, running(config) as server:
        assert server.promql('up{job="files"}') == []
        targets.write_text(json.dumps([{"targets": [target.address], "labels": {"rack": "r1"}}]))
        up = 'up{job="files", rack="r1"}'
        wait_until(lambda: server.promql(up), "the target of the file")
        targets.write_text("[{")
        counter = "prometheus_sd_file_read_errors_total"
        wait_until(lambda: f"{counter} 1" in server.get("/metrics").text, "the error")
        assert value(server.promql(up)) == "1"
        targets.unlink()
        wait_until(lambda: server.promql(up) == [], "the end of the series")
        assert server.promql("demo") == []


def test_openmetrics_brings_starts_exemplars_and_metadata() -> None:
    """RWR-16: what OpenMetrics says beside values."""
    with exporter() as target:
        target.content_type = OPENMETRICS
        target.body = (
            "# TYPE jobs counter\n# HELP jobs Jobs done.\n"
            'jobs_total 3 # {trace_id="abc"} 1\njobs_created 1000\n# EOF\n'
        )
        config = f"""
scrape_configs:
- job_name: om
  scrape_interval: 1s
  static_configs: [{{targets: ["{target.address}"]}}]
"""
        with running(config) as server:
            wait_until(lambda: server.promql("jobs_total"), "the counter")
            metadata = server.get("/api/v1/metadata?metric=jobs_total").json["data"]
            assert metadata["jobs_total"][0]["type"] == "counter"
            assert metadata["jobs_total"][0]["help"] == "Jobs done."
            path = "/api/v1/query_exemplars?query=jobs_total&start=0&end=9999999999"
            exemplars = server.get(path).json["data"]
            assert exemplars[0]["exemplars"][0]["labels"]["trace_id"] == "abc"
