"""PromQL over series made up in the test itself.

>>> from tocsin.testing import Storage
>>> storage = Storage()
>>> storage.load('''
... load 1m
...   requests_total{code="500"} 0+6x10
... ''')
>>> storage.query("rate(requests_total[5m])", "10m").to_dicts()[0]["value"]
0.1
"""

from __future__ import annotations

import datetime as dt
from typing import TypeAlias

from tocsin import _core
from tocsin._times import duration_ns, time_ns
from tocsin.result import Result

__all__ = ["Moment", "Storage"]

#: Seconds since the epoch, where `load` begins; "1h30m" after it, RFC 3339, or a datetime.
Moment: TypeAlias = dt.datetime | float | str


class Storage:
    """Series in memory, in the language of Prometheus's rule tests. Thread-safe.

    Parameters
    ----------
    experimental
        Whether functions, aggregations and modifiers that Prometheus calls experimental may be
        used, and start timestamps count.
    """

    def __init__(self, *, experimental: bool = False) -> None:
        self._storage = _core.Storage(experimental)

    def load(self, text: str) -> None:
        """Load series: `load 1m`, then one series a line, up to an empty line or the end.

        Values stand one step apart from the epoch on: `1 2 3`, `0+10x100` (0 and 100 more, each
        10 more), `_` (none), `stale`, and native histograms such as
        `{{schema:0 sum:5 count:4 buckets:[1 2 1]}}`. `load_with_nhcb` loads classic histograms as
        native ones with custom bounds, too. A line `metric@st -1m -2m` before a series tells the
        start times of its samples. What is loaded at the time of an earlier sample replaces it.

        Raises
        ------
        QueryError
            A line cannot be meant; the message names it. Nothing is loaded then.
        """
        self._storage.load(text)

    def query(self, expr: str, time: Moment = 0) -> Result:
        """Evaluate PromQL at a time; the rows are those of `Database.promql`.

        Raises
        ------
        QueryError
            The expression cannot be meant; the message has line and column.
        """
        return Result(self._storage.promql_instant(expr, _millis(time)))

    def query_range(
        self, expr: str, start: Moment, end: Moment, step: str | float = "1m"
    ) -> Result:
        """Evaluate PromQL at `start`, and in steps from there up to `end`."""
        width = duration_ns(step) // 10**6
        return Result(self._storage.promql_range(expr, _millis(start), _millis(end), width))

    def clear(self) -> None:
        """Forget all series."""
        self._storage.clear()


def _millis(moment: Moment) -> int:
    if isinstance(moment, str):
        try:
            return duration_ns(moment) // 10**6
        except ValueError:
            pass
    return time_ns(moment) // 10**6
