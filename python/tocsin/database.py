"""A data directory, opened in this process or through the server that holds it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tocsin._core import Engine, LockedError, NotFoundError, UnavailableError
from tocsin._times import Time, duration_ns, time_ns
from tocsin.client import Client
from tocsin.result import Result, Trace

if TYPE_CHECKING:
    from os import PathLike
    from types import TracebackType

_FOREVER = 2**63 - 1


def open(path: str | PathLike[str]) -> Database | Client:
    """Open a data directory; make it if it is not there.

    If a server holds the directory, the returned object talks to that server.

    Raises
    ------
    LockedError
        A process holds the directory and its server does not answer.
    CorruptionError
        The directory is damaged beyond what recovery puts aside.
    """
    directory = Path(path)
    try:
        return Database(directory)
    except LockedError as locked:
        try:
            state = json.loads((directory / "server.json").read_text())
            client = Client("http://" + state["addresses"]["http"])
            client.check()
        except (OSError, KeyError, ValueError, UnavailableError):
            raise locked from None
        return client


class Database:
    """A data directory in this process. Close it, or use it as a context manager."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._engine = Engine.open(str(path))

    def search(
        self, traceql: str, *, start: Time = 0, end: Time | None = None, limit: int = 20
    ) -> Result:
        """Search traces, newest first.

        Parameters
        ----------
        traceql
            A spanset filter, such as `{ status = error && duration > 1s }`.
        start, end
            Traces with a matching span in this range; by default all.
        limit
            The most traces to return.

        Returns
        -------
        Result
            One row a trace: trace_id, root_service_name, root_trace_name, start (UTC),
            duration_ns, matched (spans).

        Raises
        ------
        QueryError
            The query cannot be meant; the message has line and column.
        """
        to = _FOREVER if end is None else time_ns(end)
        return Result(self._engine.search(traceql, time_ns(start), to, limit))

    def trace(self, trace_id: str) -> Trace:
        """Return one trace by its hexadecimal id.

        One row a span: trace_id, span_id, parent_span_id (null for a root), service, name, kind,
        status, start (UTC), duration_ns, attributes (JSON).

        Raises
        ------
        NotFoundError
            There is no such trace.
        """
        table = self._engine.trace(trace_id)
        if table is None:
            message = f"there is no trace {trace_id}"
            raise NotFoundError(message)
        return Trace(trace_id, table)

    def promql(
        self,
        expr: str,
        *,
        start: Time | None = None,
        end: Time = "now",
        step: str | float = "15s",
    ) -> Result:
        """Evaluate PromQL: at `end`, or with `start` over the range in steps.

        One row a sample: a column for each label, time (UTC), value. Native histograms come in a
        column `histogram` of JSON, as Prometheus's API writes them; their value is null.

        Raises
        ------
        QueryError
            The expression cannot be meant; the message has line and column.
        """
        now = time.time_ns()
        to = time_ns(end, now) // 10**6
        if start is None:
            return Result(self._engine.promql_instant(expr, to))
        width = duration_ns(step) // 10**6
        return Result(self._engine.promql_range(expr, time_ns(start, now) // 10**6, to, width))

    def ingest(self, otlp: bytes) -> tuple[int, int, str]:
        """Store a serialised OTLP request; return spans accepted, spans rejected, and why."""
        return self._engine.ingest(otlp)

    def flush(self) -> None:
        """Seal everything that was received."""
        self._engine.flush()

    def close(self) -> None:
        """Give the directory back. Idempotent."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
