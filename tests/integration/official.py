"""The official libraries that tests/libraries.py installs. GRAPNEL_LIBRARIES names their folder. A test that needs one which is not there is
skipped; with GRAPNEL_NEED_LIBRARIES=1, as in ./dev test, it fails."""

import os
import shutil
import sys

import pytest

FOLDER = os.environ.get("GRAPNEL_LIBRARIES") or "build/libraries"
NODE_MODULES = os.path.abspath(os.path.join(FOLDER, "node", "node_modules"))

# Last, so that they replace nothing of the tests' own Python.
sys.path.append(os.path.abspath(os.path.join(FOLDER, "python")))


def missing(name, what="make libraries"):
    text = f"{name} is not installed: {what}"
    if os.environ.get("GRAPNEL_NEED_LIBRARIES") == "1":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def node(package):
    """The environment in which node finds the package."""
    if not shutil.which("node") or not os.path.isdir(os.path.join(NODE_MODULES, package)):
        missing(f"node, or its package {package},")
    return {**os.environ, "NODE_PATH": NODE_MODULES}


def program(name):
    """A program that a test runs; Go is found where its own installer puts it, too."""
    found = shutil.which(name) or shutil.which(name, path="/usr/local/go/bin")
    return found or missing(name, "./dev test installs it")
