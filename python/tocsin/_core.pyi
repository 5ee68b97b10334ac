"""The C++ core. Private: use the package."""

from collections.abc import Sequence
from typing import Any, final

__version__: str

class Error(Exception):
    """The root of everything that this package raises."""

class QueryError(Error):
    """A query or an argument that cannot be meant; the message has line and column."""

class NotFoundError(Error):
    """What was asked for does not exist."""

class LockedError(Error):
    """The directory is held by a process that does not answer."""

class UnavailableError(Error):
    """The server or the disk is gone for now."""

class CorruptionError(Error):
    """Bytes on disk fail their checks."""

@final
class Table:
    """Typed columns of equal length; an Arrow stream of one record batch."""

    @staticmethod
    def from_columns(columns: Sequence[tuple[str, str, Sequence[Any]]]) -> Table:
        """Make a table of (name, type, values); None is null.

        Types are "int64", "double", "bool", "string", "category" and "timestamp" (nanoseconds).
        """

    @property
    def num_rows(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    def to_pydict(self) -> dict[str, list[Any]]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class Engine:
    """A data directory, opened in this process."""

    @staticmethod
    def open(path: str) -> Engine: ...
    def close(self) -> None: ...
    def ingest(self, body: bytes) -> tuple[int, int, str]:
        """Store an OTLP request; return spans accepted, spans rejected, and why."""
    def search(self, query: str, start_ns: int, end_ns: int, limit: int) -> Table: ...
    def trace(self, trace_id: str) -> Table | None: ...
    def pin(self, trace_id: str) -> None: ...
    def unpin(self, trace_id: str) -> None: ...
    def pins(self) -> list[str]: ...
    def promql_instant(self, expr: str, time_ms: int) -> Table: ...
    def promql_range(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Table: ...
    def backtest(
        self,
        rules: Sequence[tuple[str, str]],
        start_ns: int,
        end_ns: int,
        interval_ns: int,
        dimensions: Sequence[str],
        from_spans: bool,
    ) -> tuple[Table, str]:
        """Evaluate rule files, (path, text) each; return periods, and notes as JSON."""
    def flush(self) -> None: ...

@final
class Storage:
    """Series in memory."""

    def __init__(self, experimental: bool) -> None: ...
    def load(self, script: str) -> None: ...
    def clear(self) -> None: ...
    def promql_instant(self, expr: str, time_ms: int) -> Table: ...
    def promql_range(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Table: ...

def decode_trace(otlp: bytes) -> Table:
    """Turn TracesData into the table of its spans."""
