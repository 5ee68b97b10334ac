"""A headless Chromium for the tests of the pages, which notices what must not happen in it."""

from __future__ import annotations

import contextlib
import json
import shutil
import urllib.parse
from typing import TYPE_CHECKING, Any

from harness import wait_until
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.webelement import WebElement

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

# Runs before the scripts of each document.
WATCH = """
window.seen = [];
addEventListener('error', (e) => seen.push('error: ' + e.message));
addEventListener('unhandledrejection', (e) => seen.push('rejection: ' + e.reason));
document.addEventListener('securitypolicyviolation', (e) => seen.push('policy: ' + e.violatedDirective + ' ' + e.blockedURI));
"""  # noqa: E501


class Browser:
    """One browser with one page of a server."""

    def __init__(self, url: str, theme: str = "light") -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for argument in (
            "--headless=new",
            "--no-sandbox",  # Tests run as root.
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--window-size=1440,900",
            "--lang=en",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=DRIVER or "")
        self.url = url
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.set_theme(theme)

    def set_theme(self, theme: str) -> None:
        """Choose what prefers-color-scheme is."""
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def open(self, path: str, **params: object) -> None:
        text = urllib.parse.urlencode(params)
        self.driver.get(self.url + path + (f"?{text}" if text else ""))

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Wait for the first element that fits and can be seen."""

        def shown() -> WebElement | None:
            with contextlib.suppress(WebDriverException):
                return next((e for e in self.all(selector) if e.is_displayed()), None)
            return None

        found: WebElement = wait_until(shown, f"{selector} at {self.path}")
        return found

    def button(self, text: str) -> WebElement:
        """Wait for the button or link with that text or name."""

        def shown() -> WebElement | None:
            with contextlib.suppress(WebDriverException):
                for e in self.all("button, a"):
                    names = (e.text.strip(), e.get_attribute("aria-label"))
                    if text in names and e.is_displayed():
                        return e
            return None

        found: WebElement = wait_until(shown, f"a button {text}")
        return found

    def wait_for(self, text: str, selector: str = "body") -> None:
        def there() -> bool:
            with contextlib.suppress(WebDriverException):
                return any(text in e.text for e in self.all(selector))
            return False

        wait_until(there, f"{text!r} in {selector} at {self.path}")

    def script(self, code: str, *arguments: object) -> Any:
        return self.driver.execute_script(code, *arguments)

    def keys(self, *keys: str) -> None:
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    @property
    def path(self) -> str:
        return self.driver.current_url.removeprefix(self.url)

    @property
    def params(self) -> dict[str, str]:
        query = urllib.parse.urlsplit(self.driver.current_url).query
        return dict(urllib.parse.parse_qsl(query))

    def _log(self, kind: str) -> list[dict[str, str]]:
        entries: list[dict[str, str]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries

    def complaints(self, expected: str = "") -> list[str]:
        """Return what went wrong since the last call: errors, violations, requests elsewhere.

        A message of the console that contains `expected` is none.
        """
        found = list(self.script("const s = window.seen || []; window.seen = []; return s"))
        for entry in self._log("browser"):
            text = entry["message"]
            if entry["level"] == "SEVERE" and not (expected and expected in text):
                found.append(text)
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if not url.startswith((self.url, "data:", "about:", "chrome:")):
                    found.append(f"request to {url}")
        return found


@contextlib.contextmanager
def browsing(url: str) -> Iterator[Browser]:
    browser = Browser(url)
    try:
        yield browser
    finally:
        browser.driver.quit()
