"""Real peers from Debian, started on loopback: Prometheus and Alertmanager."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness import free_port, request, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def _peer(name: str, config: str, flags: list[str], port: int) -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix=f"tocsin-{name}-"))
    (home / "config.yml").write_text(config)
    binary = shutil.which(name)
    assert binary, f"{name} is missing: run ./dev setup"
    log = (home / "log").open("wb")
    process = subprocess.Popen(
        [
            binary,
            f"--config.file={home}/config.yml",
            f"--web.listen-address=127.0.0.1:{port}",
            *(flag.format(home=home) for flag in flags),
        ],
        stdout=log,
        stderr=log,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: request(f"{url}/-/ready").status == 200, name, 60)
        yield url
    finally:
        process.terminate()
        process.wait(30)
        log.close()
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def prometheus(port: int | None = None, config: str = "global: {}\n") -> Iterator[str]:
    """Run a Prometheus that takes remote write and keeps exemplars; yield its URL."""
    flags = [
        "--storage.tsdb.path={home}/data",
        "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage",
    ]
    with _peer("prometheus", config, flags, port or free_port()) as url:
        yield url


ALERTMANAGER_CONFIG = """
route: {receiver: none, group_wait: 1s}
receivers: [{name: none}]
"""


@contextlib.contextmanager
def alertmanager(config: str = ALERTMANAGER_CONFIG, port: int | None = None) -> Iterator[str]:
    """Run an Alertmanager; yield its URL."""
    flags = ["--storage.path={home}/data", "--cluster.listen-address="]
    with _peer("prometheus-alertmanager", config, flags, port or free_port()) as url:
        yield url
