"""API-55: the pages, in a real browser, over the real binary, with spans that came over OTLP."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from browser import CHROMIUM, DRIVER, Browser, browsing
from harness import ROOT, Server, attribute, connection_to, request, running, span, wait_until
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from shop_traces import send_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIB = 1024
HOSTILE = "<img src=x onerror=\"window.seen.push('markup')\">"
RULES = """
groups:
- name: shop
  interval: 1s
  rules:
  - record: calls:sum
    expr: sum by (service_name) (traces_spanmetrics_calls_total)
  - alert: CallsFail
    expr: sum by (service_name) (traces_spanmetrics_calls_total{status_code=~".*ERROR"}) > 0
    labels: {severity: page}
    annotations: {summary: "Calls of {{ $labels.service_name }} fail"}
"""
CONFIG = """
rule_files: [%s]
metrics_generator: {collection_interval: 1s}
"""


@dataclass
class Site:
    """A server with data, a browser before it."""

    server: Server
    browser: Browser
    checkout: str
    hostile: str


@pytest.fixture(scope="module")
def chromium() -> None:
    """Skip without a browser, and say so."""
    if CHROMIUM is None or DRIVER is None:
        reason = "no chromium or chromedriver: apt-get install chromium chromium-driver"
        print(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def loaded(
    chromium: None,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES)
    with running(CONFIG % rules) as server, browsing(server.url) as browser:
        checkout = send_shop(server, 90).hex()
        wild = span(HOSTILE, error=True)
        wild.attributes.append(attribute(HOSTILE, HOSTILE))
        wild.status.message = HOSTILE
        wild.events.add(time_unix_nano=wild.start_time_unix_nano, name=HOSTILE)
        server.send(wild, service=HOSTILE)
        wait_until(lambda: server.get("/api/v1/alerts").json["data"]["alerts"], "an alert")
        yield Site(server, browser, checkout, wild.trace_id.hex())


@pytest.fixture
def site(loaded: Site) -> Iterator[Site]:
    """The site; afterwards nothing bad may have happened on it."""
    loaded.browser.complaints()
    yield loaded
    assert loaded.browser.complaints("400 (Bad Request)") == []


def test_the_logic_of_the_scripts() -> None:
    node = shutil.which("node")
    if node is None:
        print("no node")
        pytest.skip("no node")
    files = sorted((ROOT / "tests/ui").glob("*.test.mjs"))
    assert files
    done = subprocess.run(
        [node, "--test", *files], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:]


def needed(name: str, seen: set[str]) -> set[str]:
    """Return a script with all that it imports at once."""
    if name not in seen:
        seen.add(name)
        for other in re.findall(r"from '\./([\w.]+)'", (ROOT / "ui" / name).read_text()):
            needed(other, seen)
    return seen


def test_the_pages_are_small(server: Server) -> None:
    """All together at most 250 KiB, the first page at most 60; both as they are sent."""
    sizes = {}
    for path in (ROOT / "ui").iterdir():
        if path.suffix in {".js", ".css", ".svg"}:
            answer = server.get(f"/ui/assets/{path.name}", **{"Accept-Encoding": "gzip"})
            assert gzip.decompress(answer.body) == path.read_bytes()
            sizes[path.name] = len(answer.body)
    styles = {name for name in sizes if not name.endswith(".js")}
    print(f"all: {sum(sizes.values())} bytes")
    assert sum(sizes.values()) <= 250 * KIB
    for page in sorted(name for name in sizes if name.endswith("_page.js")):
        first = sum(sizes[name] for name in needed(page, needed("app.js", set())) | styles)
        print(f"{page}: {first} bytes")
        assert first <= 60 * KIB, page


def test_programs_get_text_and_browsers_pages(server: Server) -> None:
    assert "Running" in server.get("/status").text
    assert "<!doctype html>" in server.get("/status", Accept="text/html").text
    assert "OTLP" in server.get("/").text
    assert "<!doctype html>" in server.get("/", Accept="text/html").text


def opened(site: Site, page: str) -> None:
    browser = site.browser
    if page == "search":
        browser.open("/ui/search")
        assert len(browser.one(".traces").find_elements("css selector", "tbody tr")) > 20
        assert browser.one(".scatter circle")
    elif page == "trace":
        browser.open(f"/ui/trace/{site.checkout}")
        browser.wait_for("POST /checkout", "h1")
        assert len(browser.all(".wf-row")) == 14
    elif page == "services":
        browser.open("/ui/services")
        assert browser.one(".graph [data-node='checkout']")
        assert len(browser.all(".graph .edge")) > 10
        browser.wait_for("payment", ".services")
    elif page == "service":
        browser.open("/ui/service/checkout")
        wait_until(lambda: len(browser.all(".panels svg")) == 3, "the plots")
        browser.wait_for("PlaceOrder", "[aria-label='Operations']")
        assert browser.one(".heat")
        assert browser.one(".exemplar")
    elif page == "metrics":
        browser.open("/ui/metrics", expr="calls:sum")
        browser.wait_for('calls:sum{service_name="cart"}', ".series")
        assert browser.one(".plot")
    elif page == "alerts":
        browser.open("/ui/alerts")
        browser.wait_for("CallsFail", ".alerts")
        browser.wait_for("Calls of payment fail", ".alerts")
    else:
        browser.open("/ui/status")
        browser.wait_for("span-store: Running")
        browser.wait_for("rule_files", ".config")


PAGES = ["search", "trace", "services", "service", "metrics", "alerts", "status"]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_with_real_data(site: Site, page: str, tmp_path: Path) -> None:
    """In light and in dark, without an error, a violation or a request elsewhere."""
    for theme in ("light", "dark"):
        site.browser.set_theme(theme)
        opened(site, page)
        ground = site.browser.script("return getComputedStyle(document.body).backgroundColor")
        shade = sum(int(part) for part in re.findall(r"\d+", ground)[:3]) / 3
        assert shade > 200 if theme == "light" else shade < 60
        picture = tmp_path / f"{page}-{theme}.png"
        site.browser.driver.save_screenshot(str(picture))
        assert picture.stat().st_size > 20_000  # A page of one colour has a tenth of it.
        assert site.browser.script(NAMELESS) == []
    site.browser.set_theme("light")


# What can be pressed or written into must have a name for those who do not see it.
NAMELESS = """
return [...document.querySelectorAll('button, a[href], input, select, textarea, [role=link]')].filter((e) => {
  const label = e.labels && [...e.labels].map((l) => l.textContent).join('');
  return !(e.getAttribute('aria-label') || e.textContent || label || '').trim();
}).map((e) => e.outerHTML.slice(0, 200));
"""  # noqa: E501

CONTRAST = """
const probe = document.body.appendChild(document.createElement('canvas'));
const pen = probe.getContext('2d', {willReadFrequently: true});
const light = (name) => {
  const e = document.body.appendChild(document.createElement('i'));
  e.style.color = `var(--${name})`;
  pen.fillStyle = getComputedStyle(e).color;
  pen.fillRect(0, 0, 1, 1);
  e.remove();
  const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const bad = [];
for (const [text, grounds] of [
    ['text', ['ground', 'surface', 'raised', 'hover', 'chosen']], ['soft', ['ground', 'surface', 'raised', 'hover', 'chosen']],
    ['faint', ['surface', 'ground']], ['accent', ['surface', 'ground', 'hover']], ['on-accent', ['accent']], ['bad', ['bad-ground', 'surface']],
    ['warn', ['warn-ground', 'surface']], ['good', ['good-ground', 'surface']]]) {
  for (const ground of grounds) {
    const [a, b] = [light(text), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.push(`${text} on ${ground}: ${ratio.toFixed(2)}`);
  }
}
probe.remove();
return bad;
"""  # noqa: E501


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(site: Site, theme: str) -> None:
    """WCAG AA: 4.5 to 1."""
    site.browser.set_theme(theme)
    opened(site, "search")
    assert site.browser.script(CONTRAST) == []
    site.browser.set_theme("light")


def test_the_theme_is_chosen_and_kept(site: Site) -> None:
    browser = site.browser
    opened(site, "search")
    browser.button("Theme: as the system").click()
    browser.button("Theme: light").click()
    assert browser.script("return document.documentElement.dataset.theme") == "dark"
    opened(site, "alerts")
    assert browser.script("return document.documentElement.dataset.theme") == "dark"
    browser.button("Theme: dark").click()


def test_markup_in_spans_stays_text(site: Site) -> None:
    """Names, attributes, events and services are written by others."""
    browser = site.browser
    for path in (
        "/ui/search",
        f"/ui/trace/{site.hostile}",
        f"/ui/trace/{site.hostile}?view=graph",
        f"/ui/trace/{site.hostile}?view=flame",
        f"/ui/trace/{site.hostile}?view=table",
        "/ui/services",
        "/ui/service/" + urllib.parse.quote(HOSTILE, safe=""),
        "/ui/metrics?expr=calls:sum",
        "/ui/alerts",
        "/ui/search?" + urllib.parse.urlencode({"q": "{ " + HOSTILE + " }"}),
        "/ui/metrics?" + urllib.parse.urlencode({"expr": HOSTILE}),
        "/ui/trace/" + urllib.parse.quote(HOSTILE, safe=""),
    ):
        browser.open(path)
        browser.wait_for("onerror")
        assert browser.all("main img, main script") == [], path
    browser.open(f"/ui/trace/{site.hostile}")
    browser.one(".wf-row").click()
    browser.wait_for(HOSTILE, ".detail td")
    assert browser.all("main img") == []


def test_a_query_is_completed_run_and_walked_through(site: Site) -> None:
    """By the keyboard alone, from the query to a span."""
    browser = site.browser
    opened(site, "search")
    browser.keys("/")
    browser.keys("{ resource.serv")
    browser.wait_for("resource.service.name", ".options")
    browser.keys(Keys.ENTER)
    browser.keys(' = "pay')
    browser.wait_for('"payment"', ".options")
    browser.keys(Keys.ENTER)
    browser.keys(" && status = err")
    browser.wait_for("error", ".options")
    browser.keys(Keys.TAB)
    browser.keys(" }", Keys.ENTER)
    wanted = '{ resource.service.name = "payment" && status = error }'
    wait_until(lambda: browser.params.get("q") == wanted, f"the query, not {browser.params}")
    browser.wait_for("POST /checkout", ".traces")
    assert all("error" in row.text for row in browser.all(".traces tbody tr"))
    browser.keys(Keys.ESCAPE)
    browser.keys("j")
    browser.keys("j")
    browser.keys("k")
    browser.keys(Keys.ENTER)
    wait_until(lambda: browser.path.startswith("/ui/trace/"), "the trace")
    browser.one(".wf-row")
    browser.keys("j")
    browser.keys("j")
    wait_until(lambda: browser.all("#span-1.selected"), "the second span")
    assert browser.params["span"]
    browser.keys("?")
    browser.wait_for("next match of the filter", "dialog")
    browser.keys(Keys.ESCAPE)
    browser.driver.back()
    wait_until(lambda: browser.path.startswith("/ui/search"), "the way back")
    browser.wait_for("POST /checkout", ".traces")


def test_an_error_is_shown_at_its_place(site: Site) -> None:
    browser = site.browser
    browser.open("/ui/search", q="{ status = eror }")
    browser.wait_for("At 12: unknown status eror", ".editor-error")
    assert browser.one(".t-wrong").text == "eror"
    browser.open("/ui/metrics", expr="sum(up")
    browser.wait_for("At ", ".editor-error")


def test_chips_build_the_query(site: Site) -> None:
    browser = site.browser
    opened(site, "search")
    browser.button("Service").click()
    browser.wait_for("shipping", ".chip .options")
    browser.keys("paym", Keys.ENTER)
    wait_until(lambda: "payment" in browser.params.get("q", ""), "the service")
    browser.button("Longer than").click()
    browser.keys("1ms", Keys.ENTER)
    wanted = '{ resource.service.name = "payment" && duration > 1ms }'
    wait_until(lambda: browser.params.get("q") == wanted, "the duration")
    browser.button("Without Service").click()
    wait_until(lambda: browser.params.get("q") == "{ duration > 1ms }", "the rest")


def test_a_range_of_time_is_chosen(site: Site) -> None:
    browser = site.browser
    opened(site, "search")
    browser.button("Range of time").click()
    browser.button("Last 3 hours").click()
    wait_until(lambda: browser.params.get("from") == "now-3h", "the range")
    browser.open("/ui/search", **{"from": "now-3d", "to": "now-2d"})
    browser.wait_for("export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318")
    browser.open("/ui/search", q="{ status = error }", **{"from": "now-3d", "to": "now-2d"})
    browser.wait_for("No trace fits")


def test_a_trace_is_filtered_folded_and_linked(site: Site) -> None:
    browser = site.browser
    opened(site, "trace")
    browser.keys("f")
    browser.keys("service=postgres", Keys.ENTER)
    browser.wait_for("4 of 14", ".find-count")
    wait_until(lambda: "span" in browser.params, "the first match")
    first = browser.params["span"]
    browser.keys(Keys.ESCAPE)
    browser.keys("n")
    wait_until(lambda: browser.params["span"] != first, "the next match")
    browser.keys("p")
    wait_until(lambda: browser.params["span"] == first, "the match before")
    browser.wait_for("db.statement", ".detail")
    browser.wait_for("service.version", ".detail")
    link = browser.path
    browser.open("/ui/search")
    browser.one(".traces")
    browser.open(link)
    browser.wait_for("SELECT sessions", ".wf-row.selected")
    browser.wait_for("SELECT sessions", ".detail h2")
    browser.keys(Keys.ESCAPE)
    wait_until(lambda: "span" not in browser.params, "no span")
    browser.button("Collapse").click()
    wait_until(lambda: len(browser.all(".wf-row")) == 3, "the folded tree")
    browser.button("Expand").click()
    wait_until(lambda: len(browser.all(".wf-row")) == 14, "the whole tree")
    assert browser.all(".wf-critical")
    browser.button("Critical path").click()
    wait_until(lambda: not browser.all(".wf-critical"), "no critical path")


@pytest.mark.parametrize(
    ("view", "selector", "least"),
    [("graph", ".graph .node", 14), ("flame", ".flame-box", 12), ("table", ".other tbody tr", 14)],
)
def test_other_views_of_a_trace(site: Site, view: str, selector: str, least: int) -> None:
    site.browser.open(f"/ui/trace/{site.checkout}", view=view)
    wait_until(lambda: len(site.browser.all(selector)) >= least, view)


def test_a_trace_is_compared_with_another(site: Site) -> None:
    browser = site.browser
    browser.open(f"/ui/trace/{site.checkout}", view="compare")
    browser.one(".other .row.wrap button").click()
    browser.wait_for("PlaceOrder", ".other td")
    assert re.fullmatch("[0-9a-f]{32}", browser.params["other"])


def test_what_is_different_about_failures(site: Site) -> None:
    """One card fails: the page finds it, and leads to its traces."""
    browser = site.browser
    browser.open("/ui/service/payment")
    browser.button("What is different about failures?").click()
    browser.wait_for("span.card.brand", ".difference h3")
    brand = next(e for e in browser.all(".difference") if "span.card.brand" in e.text)
    assert "elm" in brand.text
    brand.find_element("css selector", ".difference-row").click()
    browser.wait_for("POST /checkout", ".traces")
    assert "span.card.brand" in browser.params["q"]


def test_a_box_of_the_distribution_is_looked_into(site: Site) -> None:
    browser = site.browser
    opened(site, "service")
    cell = browser.one(".heat")
    ActionChains(browser.driver).click_and_hold(cell).move_by_offset(40, -30).release().perform()
    browser.wait_for("What is different")
    assert re.fullmatch(r"\d+_\d+_\d+_\d+", browser.params["pick"])
    browser.button("Traces of the selection").click()
    browser.wait_for("POST /checkout", ".traces")


def test_addresses_of_others_lead_here(site: Site) -> None:
    """The links of alerts, as Prometheus writes them, and Jaeger's of traces."""
    browser = site.browser
    alert = next(
        one for one in site.server.get("/api/v2/alerts").json if "graph" in one["generatorURL"]
    )
    expr = urllib.parse.urlsplit(alert["generatorURL"])
    browser.open(f"{expr.path}?{expr.query}")
    browser.wait_for('{service_name="payment"}', ".table")
    assert browser.path.startswith("/ui/metrics?")
    assert "traces_spanmetrics_calls_total" in str(browser.one("textarea").get_property("value"))
    browser.open(f"/trace/{site.checkout}")
    browser.wait_for("POST /checkout", "h1")
    browser.open("/alerts")
    browser.wait_for("CallsFail", ".alerts")
    browser.open("/")
    browser.one(".traces")


def test_alerts_lead_to_their_traces(site: Site) -> None:
    browser = site.browser
    opened(site, "alerts")
    link = browser.one(".alerts a.mono")
    link.click()
    browser.one(".wf-row")
    browser.open("/ui/alerts", tab="rules")
    browser.wait_for("calls:sum", ".rule-cell")
    browser.wait_for("evaluated", ".card")
    browser.open("/ui/alerts", tab="told")
    browser.wait_for("Routing")


def test_an_alert_is_silenced(site: Site) -> None:
    browser = site.browser
    opened(site, "alerts")
    browser.button("Silence").click()
    fields = [browser.one("dialog textarea"), *browser.all("dialog input")]
    assert 'alertname="CallsFail"' in str(fields[0].get_property("value"))
    for field, text in zip(fields[2:], ("a test", "known"), strict=True):
        field.send_keys(text)
    browser.one("dialog button[type=submit]").click()
    browser.wait_for("known", "[aria-label='Silences']")
    silences = site.server.get("/api/v2/silences").json
    assert [one["status"]["state"] for one in silences] == ["active"]
    browser.open("/ui/alerts")
    browser.wait_for("silenced", ".alerts")
    browser.open("/ui/alerts", tab="silences")
    browser.button("Expire").click()
    browser.wait_for("expired", "[aria-label='Silences']")


def test_metrics_lead_to_traces(site: Site) -> None:
    browser = site.browser
    expr = 'traces_spanmetrics_latency_bucket{service_name="payment"}'
    browser.open("/ui/metrics", expr=expr, **{"from": "now-30m"})
    mark = browser.one(".exemplar")
    browser.script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", mark)
    wait_until(lambda: browser.path.startswith("/ui/trace/"), "the exemplar's trace")
    browser.one(".wf-row")


@contextlib.contextmanager
def prefixed(server: Server) -> Iterator[str]:
    """Run a proxy that takes /tocsin away and hands the rest on; yield its address."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path.startswith("/tocsin/"), self.path
            with contextlib.closing(connection_to(server.url)) as upstream:
                upstream.request(
                    "GET", self.path.removeprefix("/tocsin"), headers=dict(self.headers)
                )
                answer = upstream.getresponse()
                body = answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding", "Location"):
                if value := answer.headers[name]:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing on stderr."""

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}/tocsin"
    finally:
        proxy.shutdown()
        proxy.server_close()


def test_a_proxy_may_put_a_path_before_all(loaded: Site) -> None:
    with prefixed(loaded.server) as url, browsing(url) as browser:
        browser.open(f"/trace/{loaded.checkout}")
        browser.wait_for("POST /checkout", "h1")
        assert browser.path.startswith("/ui/trace/")
        browser.button("Services").click()
        browser.one(".graph [data-node='checkout']").click()
        browser.wait_for("PlaceOrder", "[aria-label='Operations']")
        assert browser.complaints() == []


def test_a_server_without_data_says_how_to_send(chromium: None, own_server: Server) -> None:
    del chromium
    with browsing(own_server.url) as browser:
        for page in ("search", "services"):
            browser.open(f"/ui/{page}")
            browser.wait_for("export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318")
            browser.wait_for("OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
        browser.open("/ui/metrics")
        browser.wait_for("To begin with")
        browser.open("/ui/alerts")
        browser.wait_for("There are no rules yet")
        browser.open("/ui/trace/" + "0" * 31 + "1")
        browser.wait_for("No trace 0")
        assert browser.complaints("404 (Not Found)") == []


def send_wide(server: Server, count: int) -> str:
    """Send one trace of so many spans; return its id."""
    trace_id, root = os.urandom(16), os.urandom(8)
    begin = time.time_ns() - 10**10
    server.send(span("root", trace_id=trace_id, span_id=root, start=begin, duration=10**10))
    for first in range(0, count, 5000):
        server.send(
            *(
                span(
                    f"step {i % 50}",
                    trace_id=trace_id,
                    parent_id=root,
                    start=begin + i * 90_000,
                    duration=80_000,
                )
                for i in range(first, min(first + 5000, count))
            ),
            service=f"worker-{first // 5000 % 7}",
        )
    return trace_id.hex()


def test_a_trace_of_100000_spans_scrolls(site: Site) -> None:
    browser = site.browser
    trace = send_wide(site.server, 100_000)
    browser.open(f"/ui/trace/{trace}")
    wait_until(lambda: browser.all(".wf-row"), "the rows", 60)
    browser.wait_for("100,001", ".trace-facts")
    rows: list[Any] = browser.driver.execute_async_script(
        """
const done = arguments[0], seen = [], box = document.querySelector('.wf-scroll');
const step = (n) => {
  seen.push(document.querySelectorAll('.wf-row').length);
  if (n === 0) return done(seen);
  box.scrollTop = box.scrollHeight * (1 - n / 21);
  requestAnimationFrame(() => requestAnimationFrame(() => step(n - 1)));
};
step(20);
"""
    )
    assert max(rows) < 120
    browser.script("document.querySelector('.wf-scroll').scrollTop = 1e9")
    wait_until(lambda: browser.all("#span-100000"), "the last row")


def test_what_is_asked_is_not_asked_again_and_again(site: Site) -> None:
    """Files are asked for once a load and then answered by 304."""
    answer = site.server.get("/ui/assets/app.js")
    again = request(
        site.server.url + "/ui/assets/app.js", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status, again.body) == (304, b"")
