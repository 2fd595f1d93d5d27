"""A headless Chromium on the admin page, driven by what a person sees: texts, labels, buttons.

Everything is waited for; nothing sleeps. Whatever the browser complained about (a refused script, an exception) fails the test."""

import os
import tempfile

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from hub import run
from sink import BOUND

PASSWORD = "correct horse battery"
WIDE, NARROW = (1280, 900), (400, 800)


def start():
    options = webdriver.ChromeOptions()
    options.binary_location = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    for argument in (
        "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--lang=en-GB", f"--user-data-dir={tempfile.mkdtemp(prefix='grapnel-browser-')}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size=%d,%d" % WIDE,
    ):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's own does not work for root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(os.environ.get("CHROMEDRIVER", "/usr/bin/chromedriver")), options=options)


def make_admin(hub, name="ada"):
    done = run("admin", "create", name, "--password-file", "-", "--data", hub.data, input=PASSWORD + "\n")
    assert done.returncode == 0, done.stderr


def login_link(hub):
    done = run("admin", "link", "--data", hub.data, "--url", f"http://127.0.0.1:{hub.port}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Page:
    def __init__(self, driver, hub):
        self.driver = driver
        self.hub = hub
        self.base = f"http://127.0.0.1:{hub.port}/"
        driver.set_window_size(*WIDE)
        driver.get("about:blank")
        driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        driver.get_log("browser")  # what came before is not this test's

    # Going.

    def open(self, path=""):
        self.driver.get(self.base + path)
        return self

    def enter(self, path="#/"):
        """Logged in by a link, on this view."""
        self.driver.get(login_link(self.hub))
        self.heading("Overview")
        return self.go(path)

    def go(self, path):
        self.driver.execute_script("location.hash = arguments[0]", path)
        return self

    def login(self, name="ada", password=PASSWORD):
        self.fill("Name", name)
        self.fill("Password", password)
        self.click("Log in")

    # Seeing.

    def wait(self, look, what):
        wait = WebDriverWait(self.driver, BOUND, poll_frequency=0.02, ignored_exceptions=[StaleElementReferenceException])
        return wait.until(lambda _: look(), f"{what}; the page says: {self.text()[:2000]!r}")

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def sees(self, *texts):
        for text in texts:
            self.wait(lambda: text in self.text(), f"{text!r} to be seen")
        return self

    def sees_no_more(self, text):
        self.wait(lambda: text not in self.text(), f"{text!r} to be gone")
        return self

    def heading(self, text):
        """The view with this heading, and maybe a name behind it, is there, loaded or failed."""
        self.wait(lambda: [e for e in self.all("h1") if e.text == text or e.text.startswith(text + " ")] and not self.all(".loading"), f"the heading {text!r}")
        for slip in ("undefined", "[object", "NaN", "Invalid Date"):
            assert slip not in self.text(), self.text()
        return self

    def rows(self, count):
        return self.wait(lambda: (lambda rows: rows if len(rows) == count else None)(self.all("tbody tr")) if count else not self.all("tbody tr"), f"{count} rows")

    # Doing.

    def named(self, css, text):
        """The visible element of this kind with this text."""
        return self.wait(lambda: next((e for e in self.all(css) if e.is_displayed() and e.text.strip() == text), None), f"{css} {text!r}")

    def click(self, text):
        self.wait(lambda: self.named("button, summary, a", text).is_enabled(), f"the button {text!r} to be enabled")
        self.named("button, summary, a", text).click()
        return self

    def field(self, label):
        def look():
            for element in self.all("label"):
                if element.is_displayed() and element.text.strip().split("\n")[0].strip() == label:
                    return element.find_element(By.CSS_SELECTOR, "input, select")
            return None

        return self.wait(look, f"a field {label!r}")

    def fill(self, label, text):
        field = self.field(label)
        if field.tag_name == "input":
            field.clear()
        field.send_keys(text)
        return self

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def confirm(self, text, button):
        """The dialog with this heading: presses this button."""
        self.named("dialog h2", text)
        self.named("dialog button", button).click()
        self.wait(lambda: not self.all("dialog"), "the dialog to close")
        return self

    # Complaints.

    def complaints(self):
        """What the browser complained about, but for answers other than 2xx, which the page shows itself."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["source"] != "network" and entry["level"] in ("WARNING", "SEVERE")]


ESCAPE, ENTER, TAB, SPACE = Keys.ESCAPE, Keys.ENTER, Keys.TAB, Keys.SPACE
