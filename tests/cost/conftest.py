"""The cost of an event, counted by callgrind; shares hub and sink with the integration tests."""

import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "integration"))

import hub as hubs  # noqa: E402


def pytest_configure():
    if not os.access(hubs.BINARY, os.X_OK):
        raise pytest.UsageError(f"{hubs.BINARY} is not there: build it, or set GRAPNEL_BIN")
    if not shutil.which("valgrind"):
        raise pytest.UsageError("valgrind is missing: install the package valgrind")
