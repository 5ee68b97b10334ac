"""Traces out of Tempo's blocks: the directories of meta.json and data.parquet of its backends.

    python -m tocsin.tempo_blocks /var/tempo/traces | tocsin import -

reads a block, a tenant's directory or a whole backend and writes OTLP to standard output;
`tocsin.import_tempo_blocks` does both from Python. Formats: vParquet3, vParquet4 and vParquet5. It
takes pyarrow (`pip install tocsin[tempo]`). Memory: 64 traces as they are in the file, of these
4,096 spans as OTLP.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, BinaryIO

from tocsin import Error
from tocsin._tempo import Block, find_blocks, of_tenant, tenants_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def _write(blocks: list[Block], out: BinaryIO) -> None:
    total = 0
    for block in blocks:
        spans = 0
        for count, message in block.messages():
            out.write(message)
            spans += count
        print(f"{block.tenant}/{block.path.name}: {spans} spans", file=sys.stderr)
        total += spans
    out.flush()
    print(f"{total} spans of {len(blocks)} blocks of {tenants_of(blocks)}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the traces of blocks to standard output; see the top of this file."""
    parser = argparse.ArgumentParser(
        prog="python -m tocsin.tempo_blocks",
        description="Write the traces of Tempo's blocks as OTLP, for `tocsin import -`.",
    )
    parser.add_argument("path", help="a block, a tenant's directory, or a backend")
    parser.add_argument("--tenant", help="take this tenant's only")
    options = parser.parse_args(arguments)
    try:
        _write(of_tenant(find_blocks(options.path), options.tenant), sys.stdout.buffer)
    except BrokenPipeError:
        return 1  # Whoever reads says why.
    except Error as error:
        print(f"tempo_blocks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
