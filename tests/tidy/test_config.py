"""No key of the configuration is without effect and without a word.

A key that the readers of cpp/config do not name is refused, and one that they Ignore() is warned
of (tests/unit/config). What is left fills a member of Config: each of them must be read by the
part that it configures.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "cpp/config/config.h").read_text()
MEMBER = re.compile(r"^ {2}[\w:<>, ]+ (\w+)(?: = [^;]+)?;", re.MULTILINE)
USERS = [
    path.read_text()
    for folder in ("cpp/engine", "cpp/server", "cpp/cli")
    for path in sorted((ROOT / folder).glob("*.cc"))
]


def members() -> list[str]:
    return sorted(set(MEMBER.findall(CONFIG)))


def test_the_members_are_found() -> None:
    assert {"http_address", "wal_max_bytes", "routing", "headers"} <= set(members())


@pytest.mark.parametrize("member", members())
def test_what_is_configured_is_read(member: str) -> None:
    assert any(re.search(rf"[.>]{member}\b", text) for text in USERS), (
        f"nothing in cpp/engine, cpp/server or cpp/cli reads Config's {member}"
    )
