"""What the tests through the real binary share: a server, requests, spans, receivers."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[2]
BINARY = os.environ.get("TOCSIN_BINARY", str(ROOT / ".venv/bin/tocsin"))
LOADGEN = ROOT / "build/release/tests/bench/loadgen"


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 30) -> Any:
    """Return the first true value of `condition`, which may raise OSError while things start."""
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        try:
            if value := condition():
                return value
        except OSError as error:
            last = error
        time.sleep(0.05)
    message = f"gave up waiting for {what}: {last}"
    raise AssertionError(message)


def tocsin(
    *arguments: str | Path, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command; any exit code is a result."""
    return subprocess.run(
        [BINARY, *arguments], input=stdin, capture_output=True, timeout=300, check=False
    )


def tocsin_text(
    *arguments: str | Path, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command, which reads and writes text; any exit code is a result."""
    return subprocess.run(
        [BINARY, *arguments],
        input=stdin,
        capture_output=True,
        timeout=300,
        check=False,
        text=True,
    )


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(
    url: str,
    *,
    method: str | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30,
) -> Answer:
    """Send one request; any status is an answer."""
    call = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(call, timeout=timeout) as response:
            return Answer(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read())


# Ports that are free, whatever else runs on this machine.
FREE_PORTS = {
    "server.http_listen_address": "127.0.0.1",
    "server.http_listen_port": "0",
    "receivers.otlp.protocols.grpc.endpoint": "127.0.0.1:0",
    "receivers.otlp.protocols.http.endpoint": "127.0.0.1:0",
    "service.telemetry.metrics.address": "127.0.0.1:0",
}


@dataclass
class Server:
    """A running `tocsin serve`. `data` outlives it, so that it can be started again."""

    data: Path
    config: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    listeners: dict[str, str] = field(default_factory=lambda: dict(FREE_PORTS))
    before: Callable[[], None] | None = None  # Runs in the new process, before the command does.
    process: subprocess.Popen[bytes] | None = None
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def log_file(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def command(self) -> list[str]:
        config_file = self.data.parent / f"{self.data.name}.yaml"
        config_file.write_text(self.config)
        settings = {"storage.path": str(self.data)} | self.listeners | self.settings
        pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        return [BINARY, "serve", "--config", str(config_file), *pairs]

    def start(self, timeout: float = 60) -> Server:
        """Start and wait until it is ready."""
        (self.data / "server.json").unlink(missing_ok=True)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stderr=log,
                stdout=log,
                env=os.environ | self.environment,
                preexec_fn=self.before,
            )
        process = self.process

        def ready() -> bool:
            assert process.poll() is None, f"the server ended: {self.log[-3000:]}"
            path = self.data / "server.json"
            if not path.exists():
                return False
            state = json.loads(path.read_text())
            self.addresses = state["addresses"]
            return bool(state["pid"] == process.pid and self.get("/ready").status == 200)

        wait_until(ready, "the server to be ready", timeout)
        return self

    def stop(self, timeout: float = 30) -> int:
        """Send SIGTERM; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process = None
        return code

    def kill(self) -> None:
        """Send SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self) -> None:
        assert self.stop() == 0
        self.start()

    @property
    def url(self) -> str:
        return "http://" + self.addresses["http"]

    @property
    def otlp_grpc(self) -> str:
        return self.addresses["otlp_grpc"]

    @property
    def otlp_http(self) -> str:
        return "http://" + self.addresses["otlp_http"]

    @property
    def own_metrics(self) -> str:
        """Where the metrics are under the names of a Collector."""
        return "http://" + self.addresses["metrics"] + "/metrics"

    def get(self, path: str, **headers: str) -> Answer:
        return request(self.url + path, headers=headers)

    def flush(self) -> None:
        assert request(self.url + "/flush", method="POST", timeout=120).status == 204

    def search(self, query: str, **params: object) -> Any:
        """Return the traces of a TraceQL search."""
        text = urllib.parse.urlencode({"q": query} | params)
        answer = self.get(f"/api/search?{text}")
        assert answer.status == 200, answer.text
        return answer.json["traces"]

    def promql(self, expr: str, **params: object) -> Any:
        """Return the result of an instant query."""
        text = urllib.parse.urlencode({"query": expr} | params)
        answer = self.get(f"/api/v1/query?{text}")
        assert answer.status == 200, answer.text
        return answer.json["data"]["result"]

    def metric(self, name: str) -> float:
        """Return what /metrics has of that name: with labels one sample, else their sum."""
        samples = [line.rsplit(" ", 1) for line in self.get("/metrics").text.splitlines()]
        values = [float(value) for key, value in samples if name in (key, key.split("{")[0])]
        assert values, f"no {name}"
        return sum(values)

    def send(self, *spans: trace_pb2.Span, service: str = "myapp", **resource: str) -> None:
        """Send spans of one service over OTLP/HTTP and check the acknowledgement."""
        answer = request(
            self.otlp_http + "/v1/traces",
            body=export_request(*spans, service=service, **resource).SerializeToString(),
            headers={"Content-Type": "application/x-protobuf"},
        )
        assert answer.status == 200, answer.text


@contextlib.contextmanager
def running(config: str = "", **settings: str) -> Iterator[Server]:
    """Run a server in a directory of its own; stop it and remove everything at the end.

    Setting names are written with `__` for the dots: `storage__max_bytes="200MB"`.
    """
    home = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    server = Server(
        home / "data", config, {key.replace("__", "."): value for key, value in settings.items()}
    )
    server.data.mkdir()
    try:
        yield server.start()
    except BaseException:
        if server.log_file.exists():
            print(server.log[-6000:])
        raise
    finally:
        if server.process is not None:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(home, ignore_errors=True)


def attribute(key: str, value: str | bool | float) -> common_pb2.KeyValue:
    any_value = common_pb2.AnyValue()
    if isinstance(value, bool):
        any_value.bool_value = value
    elif isinstance(value, int):
        any_value.int_value = value
    elif isinstance(value, float):
        any_value.double_value = value
    else:
        any_value.string_value = value
    return common_pb2.KeyValue(key=key, value=any_value)


def span(
    name: str = "GET /api/users",
    *,
    trace_id: bytes | None = None,
    span_id: bytes | None = None,
    parent_id: bytes = b"",
    start: int | None = None,
    duration: int = 5_000_000,
    kind: int = trace_pb2.Span.SPAN_KIND_SERVER,
    error: bool = False,
    **attributes: str | bool | float,
) -> trace_pb2.Span:
    """Make a span that began now (nanoseconds); `__` in attribute names stands for a dot."""
    begin = time.time_ns() if start is None else start
    made = trace_pb2.Span(
        name=name,
        trace_id=os.urandom(16) if trace_id is None else trace_id,
        span_id=os.urandom(8) if span_id is None else span_id,
        parent_span_id=parent_id,
        start_time_unix_nano=begin,
        end_time_unix_nano=begin + duration,
        kind=kind,  # type: ignore[arg-type]
        attributes=[attribute(k.replace("__", "."), v) for k, v in attributes.items()],
    )
    if error:
        made.status.code = trace_pb2.Status.STATUS_CODE_ERROR
    return made


def export_request(
    *spans: trace_pb2.Span, service: str = "myapp", **resource: str
) -> trace_service_pb2.ExportTraceServiceRequest:
    made = trace_service_pb2.ExportTraceServiceRequest()
    resource_spans = made.resource_spans.add()
    resource_spans.resource.attributes.append(attribute("service.name", service))
    for key, value in resource.items():
        resource_spans.resource.attributes.append(attribute(key.replace("__", "."), value))
    resource_spans.scope_spans.add().spans.extend(spans)
    return made


class WebhookReceiver:
    """Records the JSON bodies that are posted to it; answers 500 to the first `refuse` of them."""

    def __init__(self, refuse: int = 0) -> None:
        self.payloads: list[Any] = []
        self.paths: list[str] = []
        self.refuse = refuse
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.refuse > 0:
                    receiver.refuse -= 1
                    self.send_response(500)
                else:
                    receiver.paths.append(self.path)
                    receiver.payloads.append(json.loads(body))
                    self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def alerts(self, name: str, status: str) -> list[Any]:
        """Return the alerts of that name and status, of all payloads, in order of arrival."""
        return [
            alert
            for payload in self.payloads
            for alert in payload["alerts"]
            if alert["labels"]["alertname"] == name and alert["status"] == status
        ]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def webhook(refuse: int = 0) -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver(refuse)
    try:
        yield receiver
    finally:
        receiver.close()


def connection_to(url: str) -> http.client.HTTPConnection:
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname is not None
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
