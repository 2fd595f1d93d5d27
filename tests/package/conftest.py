"""Tests of packages: they install them in clean roots and boot these. GRAPNEL_PACKAGES names the folder of `make deb`, GRAPNEL_ROOTS where clean roots
are kept, GRAPNEL_SOURCE the tarball of `make dist`."""

import glob
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

from root import Machine, Roots  # noqa: E402
from packaged import Packaged, install  # noqa: E402
from next_version import build_next  # noqa: E402


def only(pattern):
    found = glob.glob(pattern)
    assert len(found) == 1, f"{pattern}: {found}"
    return os.path.abspath(found[0])


@pytest.fixture(scope="session")
def packages():
    folder = os.environ.get("GRAPNEL_PACKAGES", "build-package/packages")
    if not os.path.isdir(folder):
        raise pytest.UsageError(f"{folder} is not there: make deb, or set GRAPNEL_PACKAGES")
    return os.path.abspath(folder)


@pytest.fixture(scope="session")
def deb(packages):
    return only(os.path.join(packages, "grapnel_*.deb"))


@pytest.fixture(scope="session")
def tarball():
    return only(os.environ.get("GRAPNEL_SOURCE", "build-package/grapnel-*.tar.xz"))


@pytest.fixture(scope="session")
def roots():
    return Roots(os.environ.get("GRAPNEL_ROOTS", "build-package/roots"))


@pytest.fixture(scope="session")
def next_deb(tarball, tmp_path_factory):
    """The version after this one, whose database has one migration more."""
    return build_next(tarball, str(tmp_path_factory.mktemp("next")))


@pytest.fixture
def machine(roots, deb, request):
    """A clean Debian 12 that runs, in which nothing is installed yet; a package of ours can be, without a network."""
    made = Machine(roots.root(f"{request.module.__name__}-{request.node.name}", [deb]))
    yield made
    made.stop()
    made.root.remove()


@pytest.fixture
def hub(machine, deb):
    """The packaged hub as it is after `apt install`, but for endpoints on the machine's own loopback, which it delivers to."""
    install(machine, deb)
    hub = Packaged(machine)
    hub.open_loopback()
    return hub


@pytest.fixture
def sink(hub):
    one = hub.sink()
    yield one
    one.close()
