"""What operators get for their Prometheus and Grafana: checked by promtool, and asked of a Prometheus that scrapes a hub."""

import json
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request

import pytest

pytest.importorskip("prometheus_client", reason="install python3-prometheus-client")

import metrics  # noqa: E402
from hub import eventually, free_port  # noqa: E402
from sink import Reply  # noqa: E402

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROMETHEUS = os.path.join(TREE, "packaging", "prometheus")
RULES = os.path.join(PROMETHEUS, "grapnel.rules.yml")
NAME = re.compile(r"\b(grapnel_\w+|process_\w+)\b")

pytestmark = pytest.mark.skipif(not shutil.which("promtool") or not shutil.which("prometheus"), reason="install prometheus")


def read(*path):
    with open(os.path.join(TREE, *path), encoding="utf-8") as file:
        return file.read()


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, cwd=PROMETHEUS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts():
    """name -> expression"""
    found = re.findall(r"- alert: (\w+)\n        expr: >-\n          (.+)\n", read("packaging", "prometheus", "grapnel.rules.yml"))
    assert len(found) == read("packaging", "prometheus", "grapnel.rules.yml").count("- alert:") > 10
    return dict(found)


def dashboard():
    return json.loads(read("packaging", "grafana", "grapnel.json"))


def expressions(node):
    """Every query of the dashboard: of panels and annotations."""
    if isinstance(node, dict):
        if "expr" in node:
            yield node["expr"]
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def variables(node):
    """What the dashboard's own choices ask for."""
    return [v["query"]["query"] for v in node["templating"]["list"] if v["type"] == "query"]


def filled_in(expression):
    for name, value in {"$__rate_interval": "1m", "$instance": ".*", "$job": "grapnel"}.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


# ---- By promtool


def test_rules_are_well_formed_and_fire_when_they_should():
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "grapnel.rules.yml")
    promtool("test", "rules", "grapnel.rules.test.yml")


def test_each_rule_is_tested_both_ways_and_says_where_to_read_on():
    tests, page = read("packaging", "prometheus", "grapnel.rules.test.yml"), read("docs", "METRICS.md")
    for name in alerts():
        assert f"name: {name} fires" in tests and f"name: {name} is silent" in tests
        assert f"\n### {name}\n" in page, f"docs/METRICS.md does not say what to do about {name}"
        assert f"runbook: docs/METRICS.md#{name.lower()}\n" in read("packaging", "prometheus", "grapnel.rules.yml")
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == set(alerts())


def test_the_scrape_example_is_a_configuration(tmp_path):
    text = read("packaging", "prometheus", "scrape.yml")
    key, rules = tmp_path / "grapnel.key", tmp_path / "grapnel.rules.yml"
    key.write_text("gk_0")
    shutil.copy(RULES, rules)
    config = tmp_path / "scrape.yml"
    config.write_text(text.replace("/etc/prometheus/grapnel.key", str(key)).replace("/etc/prometheus/rules/grapnel.rules.yml", str(rules)))
    promtool("check", "config", str(config))


# ---- Every name is one of ours


@pytest.mark.parametrize("name", [*alerts(), *(p["title"] for p in dashboard()["panels"])])
def test_what_is_asked_for_is_in_the_table(name):
    known = metrics.names()
    asked = [alerts()[name]] if name in alerts() else list(expressions([p for p in dashboard()["panels"] if p["title"] == name]))
    missing = {n for one in asked for n in NAME.findall(re.sub(r"\{[^}]*\}", "", one))} - known
    assert not missing, f"{name} asks for {missing}, which src/metrics/metrics.def has not"


def test_the_dashboard_has_a_panel_for_nearly_everything():
    board = dashboard()
    asked = set(NAME.findall(" ".join([*expressions(board), *variables(board)])))
    unasked = {n for n in metrics.names() if n not in asked and not n.endswith(("_sum", "_count"))}
    assert unasked <= {"grapnel_rejections_dropped_total", "process_virtual_memory_bytes"}
    titles = [p["title"] for p in board["panels"] if p["type"] == "row"]
    assert titles == ["Is anything stuck?", "Ingest", "Delivery", "Latency", "Store", "Process"]
    assert len({p["id"] for p in board["panels"]}) == len(board["panels"])


# ---- By a Prometheus that scrapes a hub


class Prometheus:
    def __init__(self, folder, hub):
        self.port = free_port()
        key = folder / "key"
        key.write_text(hub.key("read"))
        config = read("packaging", "prometheus", "scrape.yml").replace("/etc/prometheus/grapnel.key", str(key))
        config = config.replace("/etc/prometheus/rules/grapnel.rules.yml", RULES).replace("127.0.0.1:8080", f"127.0.0.1:{hub.port}").replace("15s", "1s")
        (folder / "prometheus.yml").write_text("global: {evaluation_interval: 1s}\n" + config)
        self.log = folder / "prometheus.log"
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def ask(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def query(self, expression):
        said = self.ask("query", query=expression)
        assert said["status"] == "success", f"{expression}: {said}"
        return said["data"]["result"]

    def up(self):
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return bool(self.query("rate(grapnel_writer_commit_duration_seconds_count[1m])"))
        except (OSError, ValueError):  # it is still starting, and says so in words
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def prometheus(shared_hub, shared_sink, tmp_path_factory):
    """It has seen deliveries that succeeded and failed, and a webhook that was refused."""
    shared_sink.on("/bad", Reply(500))
    shared_hub.endpoint(shared_sink.url("/good"))
    shared_hub.endpoint(shared_sink.url("/bad"))
    shared_hub.made("/v1/sources", {"uid": "gh", "scheme": "github", "secret": "a secret of github"})
    one = Prometheus(tmp_path_factory.mktemp("prometheus"), shared_hub)
    try:
        eventually(one.up, "two scrapes", bound=60)
        shared_hub.publish()
        shared_hub.wait_dead(1)
        assert shared_hub.api("POST", "/in/gh", {}, key=None).status == 401
        eventually(lambda: one.query('increase(grapnel_deliveries_finished_total{result="dead"}[1m]) > 0'), "the dead letter", bound=60)
        yield one
    finally:
        one.close()


def test_prometheus_takes_all_that_a_hub_says(prometheus, shared_hub):
    target, = prometheus.ask("targets")["data"]["activeTargets"]
    assert target["health"] == "up" and target["lastError"] == ""
    named = set(prometheus.ask("label/__name__/values")["data"])
    ours = metrics.names()
    assert {n for n in named if n.startswith(("grapnel_", "process_"))} == ours
    assert prometheus.query("scrape_duration_seconds")[0]["value"][1]
    said = {(m, e["type"]) for m, entries in prometheus.ask("metadata")["data"].items() for e in entries}
    assert {("grapnel_ingest_events", "counter"), ("grapnel_build", "info"), ("grapnel_attempt_duration_seconds", "histogram")} <= said


def test_every_query_of_the_dashboard_can_be_evaluated(prometheus):
    """And has an answer, but where there is nothing to show: the ones that show trouble alone, or need hours."""
    empty = []
    for expression in expressions(dashboard()):
        result = prometheus.query(filled_in(expression))
        if not result:
            empty.append(expression)
    assert not [e for e in empty if not re.search(r"> 0$|code=~|route=\"door\"|\[6h\]", e)], empty


def test_every_alert_is_known_to_prometheus_and_the_dead_letter_fires_its_own(prometheus):
    rules = prometheus.ask("rules")["data"]["groups"][0]["rules"]
    assert [r["name"] for r in rules] == list(alerts())
    eventually(lambda: all(r["health"] == "ok" for r in prometheus.ask("rules")["data"]["groups"][0]["rules"]), "an evaluation", bound=30)

    def firing():
        return {a["labels"]["alertname"] for a in prometheus.ask("alerts")["data"]["alerts"] if a["state"] == "firing"}

    eventually(lambda: firing() == {"GrapnelDeadLetters"}, "the alert", bound=60)
