"""Black-box tests: GRAPNEL_BIN names the binary (build/grapnel when unset)."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import hub as hubs  # noqa: E402
from fixtures import *  # noqa: E402, F401, F403


def pytest_configure():
    if not os.access(hubs.BINARY, os.X_OK):
        raise pytest.UsageError(f"{hubs.BINARY} is not there: build it, or set GRAPNEL_BIN")
