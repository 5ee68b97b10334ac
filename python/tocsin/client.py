"""The same methods over HTTP."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Self

from tocsin._core import (
    Error,
    NotFoundError,
    QueryError,
    Table,
    UnavailableError,
    decode_trace,
)
from tocsin._otlp import count_spans, partial_success
from tocsin._times import Time, duration_ns, time_ns
from tocsin.result import Backtest, Result, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from tocsin._rules import RuleSource

_PROTOBUF = "application/x-protobuf"


class Client:
    """A running server. Thread-safe: every call is a request of its own."""

    def __init__(self, url: str, *, timeout: float = 30) -> None:
        """Make a client; nothing is sent yet.

        Parameters
        ----------
        url
            Where the API is: `http://127.0.0.1:3200`.
        timeout
            Seconds to wait for an answer.
        """
        self.url = url.rstrip("/")
        self._timeout = timeout

    def check(self) -> None:
        """Raise UnavailableError unless the server is ready."""
        self._request("/ready")

    def search(
        self, traceql: str, *, start: Time = 0, end: Time | None = None, limit: int = 20
    ) -> Result:
        """Search traces, newest first; see `Database.search`."""
        params: dict[str, object] = {"q": traceql, "limit": limit}
        if start != 0 or end is not None:
            now = time.time_ns()
            params["start"] = time_ns(start, now) // 10**9
            params["end"] = -(-time_ns("now" if end is None else end, now) // 10**9) + 1
        traces = json.loads(self._request("/api/search", params))["traces"]
        return Result(
            Table.from_columns(
                [
                    ("trace_id", "string", [t["traceID"].rjust(32, "0") for t in traces]),
                    ("root_service_name", "category", [t.get("rootServiceName") for t in traces]),
                    ("root_trace_name", "category", [t.get("rootTraceName") for t in traces]),
                    ("start", "timestamp", [int(t["startTimeUnixNano"]) for t in traces]),
                    ("duration_ns", "int64", [t.get("durationMs", 0) * 10**6 for t in traces]),
                    ("matched", "int64", [t["spanSets"][0].get("matched", 0) for t in traces]),
                ]
            )
        )

    def trace(self, trace_id: str) -> Trace:
        """Return one trace by its hexadecimal id; see `Database.trace`."""
        path = f"/api/traces/{urllib.parse.quote(trace_id, safe='')}"
        return Trace(trace_id, decode_trace(self._request(path, accept="application/protobuf")))

    def pin(self, trace_id: str) -> None:
        """Keep a trace whatever retention and size cap say; see `Database.pin`."""
        self._request(f"/api/traces/{urllib.parse.quote(trace_id, safe='')}/pin", method="PUT")

    def unpin(self, trace_id: str) -> None:
        """Keep a trace no longer than others; see `Database.unpin`."""
        self._request(f"/api/traces/{urllib.parse.quote(trace_id, safe='')}/pin", method="DELETE")

    def pins(self) -> list[str]:
        """Return the hexadecimal ids of what is pinned, ascending."""
        return [str(trace) for trace in json.loads(self._request("/api/admin/pins"))["traces"]]

    def ingest(self, otlp: bytes) -> tuple[int, int, str]:
        """Send a serialised OTLP request; see `Database.ingest`."""
        try:
            sent = count_spans(otlp)
        except ValueError as error:
            raise QueryError(str(error)) from None
        answer = self._request(
            "/v1/traces", accept=_PROTOBUF, method="POST", body=otlp, content_type=_PROTOBUF
        )
        rejected, why = partial_success(answer)
        return sent - rejected, rejected, why

    def promql(
        self,
        expr: str,
        *,
        start: Time | None = None,
        end: Time = "now",
        step: str | float = "15s",
    ) -> Result:
        """Evaluate PromQL; see `Database.promql`."""
        now = time.time_ns()
        to = time_ns(end, now) // 10**6 / 1000  # Whole milliseconds: both ends round alike.
        if start is None:
            answer = self._request("/api/v1/query", {"query": expr, "time": to})
        else:
            params = {"query": expr, "start": time_ns(start, now) // 10**6 / 1000, "end": to}
            params["step"] = duration_ns(step) / 10**9
            answer = self._request("/api/v1/query_range", params)
        return Result(_samples(json.loads(answer)["data"]))

    def backtest(
        self,
        rules: RuleSource | Sequence[RuleSource],
        start: Time,
        end: Time = "now",
        *,
        dimensions: Sequence[str] | None = None,
        from_spans: bool = False,
        interval: str | float = "1m",
    ) -> Backtest:
        """Raise Error: only a data directory that no server holds can be asked.

        See `Database.backtest`.
        """
        del rules, start, end, dimensions, from_spans, interval
        message = (
            f"the server {self.url} does no backtests: stop it and open its data directory, or "
            "open a copy that POST /api/admin/snapshot makes"
        )
        raise Error(message)

    def flush(self) -> None:
        """Seal everything that was received."""
        self._request("/flush", method="POST")

    def close(self) -> None:
        """Do nothing: there is no connection to give back."""

    def _request(
        self,
        path: str,
        params: dict[str, object] | None = None,
        *,
        accept: str = "application/json",
        method: str = "GET",
        body: bytes | None = None,
        content_type: str = "",
    ) -> bytes:
        url = self.url + path + ("?" + urllib.parse.urlencode(params) if params else "")
        headers = {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        call = urllib.request.Request(url, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(call, timeout=self._timeout) as response:
                answer: bytes = response.read()
                return answer
        except urllib.error.HTTPError as error:
            raise _error(error.code, error.read().decode(errors="replace"), path) from None
        except OSError as error:
            message = f"{self.url} does not answer: {error}"
            raise UnavailableError(message) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _error(status: int, body: str, path: str) -> Error:
    try:
        text = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        text = body.strip()
    if status in (400, 422):
        return QueryError(text)
    if status == 404:
        return NotFoundError(text or f"{path} does not exist")
    if status in (429, 503, 504):
        return UnavailableError(text)
    return Error(f"HTTP {status}: {text}")


def _samples(data: dict[str, Any]) -> Table:
    """Turn a result of the Prometheus API into one row a sample."""
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        result = [{"metric": {}, "value": result}]
    names = sorted({name for series in result for name in series["metric"]})
    labels: dict[str, list[str | None]] = {name: [] for name in names}
    times: list[int] = []
    values: list[Any] = []
    histograms: list[str | None] = []
    for series in result:
        floats = series.get("values", [series["value"]] if "value" in series else [])
        natives = series.get("histograms", [series["histogram"]] if "histogram" in series else [])
        points: list[tuple[float, Any, str | None]] = [(t, value, None) for t, value in floats]
        points += [
            (moment, None, json.dumps(native, separators=(",", ":"))) for moment, native in natives
        ]
        for moment, value, native in sorted(points, key=lambda point: point[0]):
            for name in names:
                labels[name].append(series["metric"].get(name))
            times.append(round(moment * 1000) * 10**6)
            values.append(value if kind == "string" or value is None else float(value))
            histograms.append(native)
    columns: list[tuple[str, str, list[Any]]] = [
        *((name, "category", labels[name]) for name in names),
        ("time", "timestamp", times),
        ("value", "string" if kind == "string" else "double", values),
    ]
    if any(native is not None for native in histograms):
        columns.append(("histogram", "string", histograms))
    return Table.from_columns(columns)
