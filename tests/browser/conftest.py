"""Tests of the admin page in a browser; they share hub, sink and fixtures with the integration tests."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "integration"))

import pytest  # noqa: E402

import browser  # noqa: E402
from fixtures import *  # noqa: E402, F401, F403


@pytest.fixture(scope="session")
def driver():
    one = browser.start()
    yield one
    one.quit()


@pytest.fixture
def page(driver, hub):
    one = browser.Page(driver, hub)
    yield one
    complaints = one.complaints()
    driver.get("about:blank")  # closes its connections, so that the hub stops at once
    assert not complaints, "\n".join(complaints)
