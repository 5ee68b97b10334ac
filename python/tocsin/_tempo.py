"""Tempo's blocks: where they are, what is in them, and how it is stored here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin._core import CorruptionError, Error, NotFoundError
from tocsin._tempo_rows import messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from os import PathLike

    from tocsin.client import Client
    from tocsin.database import Database

# What JSON in a column raises that is something else than it should be.
_NOT_AS_MEANT = (AttributeError, TypeError, RecursionError)
_FORMATS = ("vParquet3", "vParquet4", "vParquet5")
# Traces of a file that are looked at together.
_TRACES = 64
_REQUEST_BYTES = 1 << 20
_REQUEST_SPANS = 2000


@dataclass(frozen=True)
class Block:
    """A block of Tempo that can be read."""

    path: Path
    tenant: str
    format: str
    traces: int
    """As its meta.json has it."""
    dedicated: Mapping[str, Mapping[str, str]]
    """By scope (resource, span, event): the attribute that each spare column holds."""

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is in it, in order: a number of spans of one trace, and these spans.

        They come as a field of a TracesData with one ResourceSpans: what is put together from any
        number of them is a request.

        Raises
        ------
        CorruptionError
            The file is damaged, or has other columns than its format.
        """
        pyarrow, parquet = _pyarrow()
        path = self.path / "data.parquet"
        try:
            with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=_TRACES, columns=["TraceID", "rs"]):
                    yield from messages(batch, self.dedicated)
        except FileNotFoundError:
            message = f"{self.path} has no data.parquet"
            raise CorruptionError(message) from None
        except (pyarrow.ArrowException, LookupError, ValueError, OSError, *_NOT_AS_MEANT) as error:
            message = f"{path}: {error}"
            raise CorruptionError(message) from error


def find_blocks(path: str | PathLike[str]) -> list[Block]:
    """Find the blocks at or below a directory, but those that were compacted into others.

    Raises
    ------
    NotFoundError
        There is none.
    CorruptionError
        A meta.json cannot be read.
    Error
        A block has a format that is not understood.
    """
    root = Path(path)
    metas = [root / "meta.json"] if (root / "meta.json").exists() else root.rglob("meta.json")
    blocks = [
        _block(meta) for meta in sorted(metas) if not (meta.parent / "meta.compacted.json").exists()
    ]
    if not blocks:
        message = f"{root} has no block of Tempo: no meta.json at or below it"
        raise NotFoundError(message)
    return blocks


def import_tempo_blocks(
    path: str | PathLike[str], db: Database | Client, *, tenant: str | None = None
) -> tuple[int, int]:
    """Store the traces of Tempo's blocks.

    Spans are stored, and counted by the span metrics, as if they had just been sent. Spans that are
    there already stay as they are, so that it can be done again after it was broken off.

    Parameters
    ----------
    path
        A block, a tenant's directory, or a backend with all its tenants.
    db
        Where to.
    tenant
        Take this tenant's only.

    Returns
    -------
    tuple
        The number of spans that were accepted and of those that were rejected.
    """
    accepted = rejected = 0
    for block in of_tenant(find_blocks(path), tenant):
        for request in _requests(block.messages()):
            taken, refused, _ = db.ingest(request)
            accepted += taken
            rejected += refused
    return accepted, rejected


def _requests(messages: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    parts: list[bytes] = []
    spans = size = 0
    for count, message in messages:
        if parts and (spans + count > _REQUEST_SPANS or size + len(message) > _REQUEST_BYTES):
            yield b"".join(parts)
            parts, spans, size = [], 0, 0
        parts.append(message)
        spans += count
        size += len(message)
    if parts:
        yield b"".join(parts)


def of_tenant(blocks: list[Block], tenant: str | None) -> list[Block]:
    chosen = [block for block in blocks if tenant in (None, block.tenant)]
    if not chosen:
        message = f"no block is of tenant {tenant}, only of {tenants_of(blocks)}"
        raise NotFoundError(message)
    return chosen


def tenants_of(blocks: Iterable[Block]) -> str:
    return ", ".join(sorted({block.tenant for block in blocks}))


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        message = (
            "Tempo's blocks are Parquet: reading them takes pyarrow (pip install tocsin[tempo])"
        )
        raise Error(message) from None
    return pa, pq


def _block(meta: Path) -> Block:
    try:
        told = json.loads(meta.read_text())
        block_format, columns = str(told["format"]), told.get("dedicatedColumns") or []
        known = [name for name in _FORMATS if block_format.startswith(name)]
        dedicated = _dedicated(columns, options=known == ["vParquet5"])
        block = Block(
            meta.parent,
            str(told.get("tenantID") or "single-tenant"),
            block_format,
            int(told.get("totalObjects", 0)),
            dedicated,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        message = f"{meta} cannot be read: {error!r}"
        raise CorruptionError(message) from None
    if not known:
        message = (
            f"{meta}: blocks of format {block_format} are not read, only {', '.join(_FORMATS)}"
        )
        raise Error(message)
    return block


def _dedicated(columns: list[dict[str, Any]], *, options: bool) -> dict[str, dict[str, str]]:
    """Tell what is in the spare columns: they are given out in the order of the list, by type."""
    held: dict[str, dict[str, str]] = {"resource": {}, "span": {}, "event": {}}
    used: dict[tuple[str, str], int] = {}
    for column in columns:
        scope, kind = column.get("s") or "span", column.get("t") or "string"
        if column.get("o") and not options:
            continue  # Formats before keep these with the other attributes.
        place = used[scope, kind] = used.get((scope, kind), 0) + 1
        held.setdefault(scope, {})[f"{kind.capitalize()}{place:02}"] = column["n"]
    return held
