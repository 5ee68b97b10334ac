"""A data directory, opened in this process or through the server that holds it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tocsin._core import Engine, LockedError, NotFoundError, UnavailableError
from tocsin._rules import rule_texts
from tocsin._times import Time, duration_ns, time_ns
from tocsin.client import Client
from tocsin.result import Backtest, Result, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from types import TracebackType

    from tocsin._rules import RuleSource

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

    def pin(self, trace_id: str) -> None:
        """Keep a trace whatever retention and size cap say; it need not be there yet.

        Raises
        ------
        UnavailableError
            Too much is pinned: 10,000 traces, or a quarter of `storage.max_bytes`.
        """
        self._engine.pin(trace_id)

    def unpin(self, trace_id: str) -> None:
        """Keep a trace no longer than others; nothing happens if it is not pinned."""
        self._engine.unpin(trace_id)

    def pins(self) -> list[str]:
        """Return the hexadecimal ids of what is pinned, ascending."""
        return self._engine.pins()

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
        """Tell when alerting rules would have fired, had they been there all the time.

        Rules are evaluated over what is stored, at the times at which a server would have done it,
        recording rules, `for` and templates included. Nothing is stored and nobody is told.

        Span metrics (`traces_spanmetrics_*`) are counted again from the stored spans where the
        stored series do not answer: a rule may name any attribute as a label, as in
        `sum by (http_route) (...)`, also one that was never a dimension.

        Parameters
        ----------
        rules
            A path or pattern, the text of a rule file, a dictionary with `groups`, or a list of
            these. PrometheusRule manifests are understood too.
        start, end
            The time that is looked at, both ends included.
        dimensions
            Attributes that every span metric is to have as labels, such as `["http.route"]`.
        from_spans
            Count all span metrics again from spans.
        interval
            How often groups are evaluated that do not say it.

        Returns
        -------
        Backtest
            One row for each time that an alert was active: alert, labels (JSON), state ("firing",
            or "pending" if it never fired), pending_since, firing_since (null: never), resolved_at
            (null: still active at the end), all UTC, value (when it fired), peak (the greatest
            value), evaluations (their number), annotations (JSON), group, file. Warnings, the
            health of the rules and where each metric came from are attributes of it.

        Raises
        ------
        QueryError
            A rule file is wrong; the message has its lines and columns.
        NotFoundError
            There is no such rule file.
        UnavailableError
            It would take too much memory: ask for less time, or for fewer rules.
        """
        now = time.time_ns()
        table, notes = self._engine.backtest(
            rule_texts(rules),
            time_ns(start, now),
            time_ns(end, now),
            duration_ns(interval),
            [*(dimensions or ())],
            from_spans,
        )
        return Backtest(table, json.loads(notes))

    def ingest(self, otlp: bytes) -> tuple[int, int, str]:
        """Store a serialised OTLP request; return spans accepted, spans rejected, and why.

        Raises
        ------
        QueryError
            It is none; nothing was stored.
        """
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
