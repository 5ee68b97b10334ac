"""./dev bench faults: what becomes of notifications when everything around them fails."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

import alert_loop

if TYPE_CHECKING:
    import argparse


def faults(options: argparse.Namespace) -> dict[str, Any]:
    """Kill between evaluation and delivery, and take the webhook away; count what is wrong."""
    with tempfile.TemporaryDirectory(prefix="tocsin-faults-", dir=options.directory) as home:
        report = alert_loop.run(Path(home), options.kills, options.outage, options.seed)
    return {"bench": "faults", "seed": options.seed} | report


def add_benches(benches: Any) -> None:
    """Add the benchmark of this file to the command line of bench.py."""
    parse = benches.add_parser("faults", help=faults.__doc__)
    parse.add_argument("--kills", type=int, default=50)
    parse.add_argument("--outage", type=float, default=60, help="seconds without the webhook")
    parse.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parse.add_argument("--directory", help="where the data directory is made (a real disk)")
    parse.add_argument("--json", type=Path, help="write the object to this file as well")
    parse.set_defaults(run=faults)
