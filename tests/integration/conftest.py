"""Fixtures of the tests through the real binary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness import Server, WebhookReceiver, running, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for a file of tests that do not disturb one another."""
    with running() as started:
        yield started


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of the test's own."""
    with running() as started:
        yield started


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    with webhook() as receiver:
        yield receiver
