"""What queries return: tables that every data frame library reads without a copy."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin._core import Table

_ROWS_SHOWN = 20


class Result:
    """A table of results.

    Anything that takes an object with `__arrow_c_stream__` takes a Result: `polars.from_arrow(r)`,
    `pyarrow.table(r)`, `duckdb.sql("from r")`, `pandas.DataFrame.from_arrow(r)`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return self._table.num_rows

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._table.column_names

    def to_pydict(self) -> dict[str, list[Any]]:
        """Return the columns as lists; timestamps are nanoseconds since the Unix epoch."""
        return self._table.to_pydict()

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        columns = self.to_pydict()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_arrow(self) -> Any:
        """Return a pyarrow.Table; needs pyarrow."""
        import pyarrow as pa

        return pa.table(self)

    def to_pandas(self) -> Any:
        """Return a pandas.DataFrame; needs pandas and pyarrow."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """Return a polars.DataFrame; needs polars."""
        import polars as pl

        return pl.DataFrame(self)

    def __repr__(self) -> str:
        shown = ", ".join(self.columns)
        return f"<{type(self).__name__} of {len(self)} rows: {shown}>"

    def _repr_html_(self) -> str:
        rows = self.to_dicts()[:_ROWS_SHOWN]
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(v))}</td>" for v in row.values()) + "</tr>"
            for row in rows
        )
        more = f"<p>{len(self)} rows</p>" if len(self) > len(rows) else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


class Backtest(Result):
    """When alerts would have fired: one row for each time that an alert was active."""

    def __init__(self, table: Table, notes: dict[str, Any]) -> None:
        super().__init__(table)
        self._notes = notes

    @property
    def warnings(self) -> list[str]:
        """What is to be known before the rows are trusted, such as metrics without data."""
        return [str(warning) for warning in self._notes["warnings"]]

    @property
    def rules(self) -> list[dict[str, Any]]:
        """How each rule fared: name, type, evaluations, failures, last_error, queries, ..."""
        return list(self._notes["rules"])

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """Where each metric came from: metric, source ("stored", "recorded", "spans", "none").

        With "spans" also the `dimensions` that it was given, and the `reason`.
        """
        return list(self._notes["metrics"])

    def _repr_html_(self) -> str:
        notes = "".join(f"<p><b>warning:</b> {html.escape(text)}</p>" for text in self.warnings)
        for rule in self.rules:
            if "last_error" in rule:
                text = (
                    f"rule {rule['name']} failed {rule['failures']} of {rule['evaluations']} "
                    f"times, at last with: {rule['last_error']}"
                )
                notes += f"<p><b>warning:</b> {html.escape(text)}</p>"
        return super()._repr_html_() + notes


class Trace(Result):
    """The spans of one trace, in the order of their starts."""

    def __init__(self, trace_id: str, table: Table) -> None:
        super().__init__(table)
        self.trace_id = trace_id

    def _repr_html_(self) -> str:
        """Draw the waterfall: one bar a span, indented below its parent."""
        spans = self.to_dicts()
        if not spans:
            return "<p>no spans</p>"
        begin = min(span["start"] for span in spans)
        total = max(span["start"] + span["duration_ns"] for span in spans) - begin or 1
        depth: dict[str, int] = {}
        lines = []
        for span in spans:
            level = depth.get(span["parent_span_id"] or "", -1) + 1
            depth[span["span_id"]] = level
            left = 100 * (span["start"] - begin) / total
            width = max(100 * span["duration_ns"] / total, 0.3)
            colour = "#c0392b" if span["status"] == "error" else "#2e86c1"
            label = html.escape(f"{span['service'] or '?'}: {span['name']}")
            lines.append(
                f'<div style="padding-left:{level}em">{label} '
                f"<small>{span['duration_ns'] / 1e6:.2f} ms</small>"
                f'<div style="margin-left:{left:.2f}%;width:{width:.2f}%;height:6px;'
                f'background:{colour}"></div></div>'
            )
        return f"<div><b>{self.trace_id}</b>{''.join(lines)}</div>"
