"""What a hub says at /metrics, and how it moved. The parsers are those of the Prometheus client for Python, not ours."""

import os
import re

from prometheus_client import parser as plain_parser
from prometheus_client.openmetrics import parser as open_parser

from hub import eventually
from tables import SOURCE

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
ROW = re.compile(r'^METRIC\((\w+), "(\w+)", (\w+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+), "(.*)"\)$', re.MULTILINE)


def table():
    """family -> type, of metrics.def."""
    with open(os.path.join(SOURCE, "metrics", "metrics.def"), encoding="utf-8") as file:
        text = file.read()
    rows = {family: type.lower() for _, family, type, *_ in ROW.findall(text)}
    assert len(rows) == text.count("\nMETRIC(") > 0, "a row of metrics.def is not understood here"
    return rows


def names():
    """Every name that a query can ask for."""
    ends = {"counter": ["_total"], "gauge": [""], "info": ["_info"], "histogram": ["_bucket", "_sum", "_count"]}
    return {family + end for family, type in table().items() for end in ends[type]}


def text(hub, accept=None, **keywords):
    answer = hub.api("GET", "/metrics", headers={"Accept": accept} if accept else {}, **keywords)
    assert answer.status == 200, answer
    return answer


def samples_of(families):
    found = {}
    for family in families:
        for sample in family.samples:
            place = (sample.name, frozenset(sample.labels.items()))
            assert place not in found, f"{place} is there twice"
            found[place] = sample.value
    return found


class Scrape:
    """The samples of one look; series are named as in queries: value("grapnel_attempts_total", result="failed") is the sum of all that fit."""

    def __init__(self, hub):
        self.samples = samples_of(open_parser.text_string_to_metric_families(text(hub, OPEN).body.decode()))

    def value(self, name, **labels):
        fitting = [v for (n, have), v in self.samples.items() if n == name and labels.items() <= dict(have).items()]
        assert fitting, f"there is no {name} {labels}"
        return sum(fitting)


class Watch:
    """What moved since it was made: counters by how much, gauges as they are."""

    def __init__(self, hub):
        self.hub, self.before = hub, Scrape(hub).samples

    def moved(self, *names):
        """{(name, labels as text): by how much} of the counters of these names that moved."""
        now = Scrape(self.hub).samples
        found = {}
        for (name, labels), value in now.items():
            more = value - self.before.get((name, labels), 0)
            if name in names and more:
                found[name, ",".join(f"{k}={v}" for k, v in sorted(labels) if v)] = more
        return found

    def settles(self, wanted, *names):
        """Waits until these counters have moved by exactly this."""
        last = {}

        def look():
            last["moved"] = self.moved(*names)
            return last["moved"] == wanted

        try:
            eventually(look, "the counters")
        except AssertionError:
            raise AssertionError(f"they moved by {last['moved']}, not {wanted}") from None


def gauge(hub, name, wanted, **labels):
    """Waits until a gauge is this: what is looked up is looked up once a second at most."""
    last = {}

    def look():
        last["value"] = Scrape(hub).value(name, **labels)
        return last["value"] == wanted

    try:
        eventually(look, name)
    except AssertionError:
        raise AssertionError(f"{name} {labels} is {last['value']}, not {wanted}") from None
