"""Fixtures of the black-box tests. Order matters: the sink closes before the hub stops, so that nothing in flight holds it up."""

import json
import os

import pytest

import hub as hubs
from sink import Sink

DATA = os.path.join(os.path.dirname(__file__), "..", "data")


@pytest.fixture
def make_hub(tmp_path):
    """Makes hubs, each in a folder of its own; all are stopped and looked at when the test ends."""
    made = []

    def make(*options, **keywords):
        folder = tmp_path / f"hub{len(made)}"
        folder.mkdir()
        made.append(hubs.Hub(folder, *options, start=False, **{k: v for k, v in keywords.items() if k != "start"}))
        if keywords.get("start", True):
            made[-1].start()
        return made[-1]

    yield make
    _close_all(made)


@pytest.fixture
def hub(make_hub):
    return make_hub()


@pytest.fixture(scope="module")
def shared_hub(tmp_path_factory):
    """One hub for a whole file, for tests that leave nothing behind that the others could see."""
    one = hubs.Hub(tmp_path_factory.mktemp("shared"), start=False)
    one.start()
    yield one
    _close_all([one])


@pytest.fixture
def sink(request):
    if "hub" in request.fixturenames:
        request.getfixturevalue("hub")
    elif "make_hub" in request.fixturenames:
        request.getfixturevalue("make_hub")
    one = Sink()
    yield one
    one.close()


@pytest.fixture(scope="module")
def shared_sink(shared_hub):
    one = Sink()
    yield one
    one.close()


@pytest.fixture
def payload():
    """Reads a file of tests/data as bytes."""

    def read(*path):
        with open(os.path.join(DATA, *path), "rb") as file:
            return file.read()

    return read


@pytest.fixture
def push(payload):
    return json.loads(payload("github-payloads", "push.payload.json"))


def _close_all(made):
    failures = []
    for one in made:
        try:
            one.close()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)
