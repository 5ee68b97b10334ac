"""Traces, metrics and alerts of one process, from a notebook.

>>> import tocsin
>>> with tocsin.open("./tocsin-data") as db:  # doctest: +SKIP
...     db.search("{ status = error }").to_pandas()

`open` reads a data directory in this process, or attaches to the server that holds it; `connect`
talks to a server. Both give the same methods. Results speak the Arrow PyCapsule interface
(`__arrow_c_stream__`): pandas, polars, duckdb and pyarrow read them without a copy.
"""

from tocsin._core import (
    CorruptionError,
    Error,
    LockedError,
    NotFoundError,
    QueryError,
    UnavailableError,
    __version__,
)
from tocsin._tempo import import_tempo_blocks
from tocsin.client import Client
from tocsin.database import Database, open
from tocsin.result import Backtest, Result, Trace

connect = Client

__all__ = [
    "Backtest",
    "Client",
    "CorruptionError",
    "Database",
    "Error",
    "LockedError",
    "NotFoundError",
    "QueryError",
    "Result",
    "Trace",
    "UnavailableError",
    "__version__",
    "connect",
    "import_tempo_blocks",
    "open",
]
