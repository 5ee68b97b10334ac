"""The docs tell the truth: tests that they name exist, links lead somewhere, nothing leaks in."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "storage/*.md", "rules/*.md", "deploy/**/*.md")
    for path in ROOT.glob(pattern)
)
COMPATIBILITY = ROOT / "docs/compatibility.md"
ROW = re.compile(r"^\| ([A-Z]{3,4}-\d\d) \| (\w+) \| (.*) \|$")
TEST = re.compile(r"`((?:tests|storage|cpp)/[\w/.]+)(?:::(\w+))?`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")

# Rows that the issues so far name.
NAMED = {
    *(f"API-{n:02}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 23)),
    *(f"GEN-{n:02}" for n in (1, 2, 3, 4)),
    "MTN-09",
    *(f"RCV-{n:02}" for n in (1, 2, 7, 21, 22)),
    *(f"STO-{n:02}" for n in (1, 2, 3, 4, 5, 6, 21)),
    *(f"PAPI-{n:02}" for n in (1, 3, 4)),
    *(f"RWR-{n:02}" for n in (1, 2, 16)),
}


def rows() -> dict[str, tuple[str, str]]:
    found = {}
    for line in COMPATIBILITY.read_text().splitlines():
        if match := ROW.match(line):
            found[match[1]] = (match[2], match[3])
    return found


def test_every_named_row_is_there() -> None:
    assert set(rows()) >= NAMED, sorted(NAMED - set(rows()))


def test_every_row_that_works_names_a_test() -> None:
    for row, (state, text) in rows().items():
        assert state in {"yes", "partly", "no"}, f"{row}: {state}"
        if state != "no":
            assert TEST.search(text), f"{row} names no test"


def test_named_tests_exist() -> None:
    for row, (_, text) in rows().items():
        for file, function in TEST.findall(text):
            path = ROOT / file
            assert path.exists(), f"{row}: {file}"
            if function:
                source = path.read_text()
                assert re.search(rf"\b{function}\b", source), f"{row}: {file}::{function}"


def linked(page: Path) -> list[Path]:
    return [(page.parent / target).resolve() for target in LINK.findall(page.read_text())]


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in linked(path):
        assert target.exists(), f"{path.name} links to {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    """A link to a folder leads to the pages in it."""
    reached: set[Path] = set()
    coming = [ROOT / "README.md"]
    while coming:
        page = coming.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in linked(page):
            coming += [one for one in DOCS if target in {one, one.parent}]
    assert not sorted(str(page) for page in set(DOCS) - reached)


def test_the_code_map_has_a_row_for_every_module() -> None:
    modules = tomllib.loads((ROOT / "tools/layers.toml").read_text())["modules"]
    rows = re.findall(r"^\| \d \| ([^|]*) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    mapped = [folder for cell in rows for folder in re.findall(r"`([\w/]+)`", cell)]
    assert len(mapped) == len(set(mapped))
    assert set(modules) - set(mapped) == set()
    assert [folder for folder in mapped if not (ROOT / folder).is_dir()] == []


def test_no_unfinished_work_is_marked() -> None:
    done = subprocess.run(
        ["git", "grep", "-nIE", r"\b(TODO|FIXME|XXX)\b", "--", "cpp", "storage", "python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
