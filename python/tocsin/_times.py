"""Points in time as people write them."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import TypeAlias

#: A datetime (naive ones are UTC), Unix seconds, "now", "-1h30m" before now, or RFC 3339.
Time: TypeAlias = dt.datetime | float | str

_UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def duration_ns(text: str | float) -> int:
    """Return "1h30m" or a number of seconds in nanoseconds."""
    if not isinstance(text, str):
        return round(text * 10**9)
    if not re.fullmatch(rf"(?:{_PART.pattern})+", text):
        message = f"{text!r} is no duration: write it as in 15s, 1h30m or 2d"
        raise ValueError(message)
    return sum(round(float(n) * _UNITS[unit]) for n, unit in _PART.findall(text))


def time_ns(moment: Time, now: int | None = None) -> int:
    """Return a point in time in nanoseconds since the Unix epoch.

    `now`: what "now" and "-1h" count from, this moment by default. Give both ends of a range the
    same.
    """
    now = time.time_ns() if now is None else now
    if isinstance(moment, dt.datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return round(aware.timestamp() * 10**6) * 1000
    if not isinstance(moment, str):
        return round(moment * 10**9)
    if moment == "now":
        return now
    if moment.startswith("-"):
        return now - duration_ns(moment[1:])
    return time_ns(dt.datetime.fromisoformat(moment))
