"""Rule files as people give them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from tocsin._core import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    #: A path, which may be a pattern; the text of a rule file; or what such a file holds.
    RuleSource: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]

_PATTERN = frozenset("*?[")


def rule_texts(rules: RuleSource | Sequence[RuleSource]) -> list[tuple[str, str]]:
    """Return the name and the text of each rule file.

    A string with a line break or a brace is the text of a file, any other one is a path.
    """
    sources: list[RuleSource] = (
        [*rules] if isinstance(rules, list | tuple) else [cast("RuleSource", rules)]
    )
    texts: list[tuple[str, str]] = []
    for number, source in enumerate(sources, 1):
        name = "<rules>" if len(sources) == 1 else f"<rules {number}>"
        if isinstance(source, str) and ("\n" in source or "{" in source):
            texts.append((name, source))
        elif isinstance(source, str | os.PathLike):
            texts += _read(os.fspath(source))
        else:
            # JSON is YAML.
            texts.append((name, json.dumps(source)))
    return texts


def _read(path: str) -> list[tuple[str, str]]:
    paths = [path]
    if _PATTERN & set(path) and not Path(path).exists():
        anchor = Path(path).anchor
        found = Path(anchor).glob(str(Path(path).relative_to(anchor)))
        paths = sorted(str(one) for one in found)
    texts = []
    for one in paths:
        try:
            texts.append((one, Path(one).read_text(encoding="utf-8")))
        except FileNotFoundError:
            paths = []
    if not paths:
        message = f"there is no rule file {path}"
        raise NotFoundError(message)
    return texts
