"""Tests with planted faults of the system; they share hub, sink and fixtures with the integration tests."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "integration"))

from fixtures import *  # noqa: E402, F401, F403
