"""Every example of the documentation is run, and every route has one."""

import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

import examples
from hub import eventually, free_port, run

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Asked for on the page when it is over already: how long one runs is a matter of chance.
REFUSED = {"DELETE /v1/operations/{id}"}


def page(*path):
    with open(os.path.join(TREE, *path), encoding="utf-8") as file:
        return file.read()


def routes():
    return [f"{method} {path}" for method, path in re.findall(r'^ROUTE\((\w+), "([^"]+)"', page("src", "api", "routes.def"), re.MULTILINE)]


def route_of(method, path):
    """The route of routes.def that a request took; a path that is spelt out goes before one with a name in it."""
    for route in sorted(routes(), key=lambda r: r.count("{")):
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route)), f"{method} {path}"):
            return route
    return None


def follow(shell, steps, name):
    """Runs a page from top to bottom. What only reads is asked again until it answers as shown: deliveries take their time."""
    for step in steps:
        last = {}

        def attempt():
            printed, calls = shell.run(step.command)
            last.update(printed=printed, calls=calls, fault=examples.fault(step, printed, calls))
            return last["fault"] is None or any(method != "GET" for method, _, _ in calls)

        try:
            eventually(attempt, "the answer that is shown")
        except AssertionError:
            if "fault" not in last:
                raise  # the command itself failed
        assert last["fault"] is None, f"{name}:{step.line}: {last['fault']}\n{step.command}\nshown: {step.status} {step.answer}\n{last['calls']}\n{last['printed'][:3000]}"


@pytest.fixture
def receiver(tmp_path):
    """The one that the page gives its readers."""
    (_, lines), = examples.blocks(page("docs", "EXAMPLES.md"), "python")
    (tmp_path / "receiver.py").write_text("\n".join(lines) + "\n")
    port = free_port()
    with open(tmp_path / "receiver.log", "wb") as log:
        process = subprocess.Popen([sys.executable, str(tmp_path / "receiver.py"), str(port)], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def shell_for(tmp_path):
    made = []

    def make(hub, **env):
        folder = tmp_path / "shell"
        folder.mkdir()
        made.append(examples.Shell(folder, GRAPNEL_URL=f"http://127.0.0.1:{hub.port}", GRAPNEL_KEY=hub.admin, GRAPNEL_DATA=hub.data, **env))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_every_route_has_an_example_that_answers_as_shown(hub, shell_for, receiver):
    shell = shell_for(hub, RECEIVER=receiver)
    follow(shell, examples.steps(page("docs", "EXAMPLES.md")), "docs/EXAMPLES.md")
    taken = {(route_of(method, urlsplit(url).path), int(status) < 400) for method, url, status in shell.calls}
    missing = [route for route in routes() if (route, route not in REFUSED) not in taken]
    assert not missing, f"docs/EXAMPLES.md has no example that works of {missing}"


def test_the_examples_of_the_reference_answer_as_shown(hub, sink, shell_for):
    """What they speak of is there: an endpoint that missed two events, another that is waited for, an event that reached both."""
    sink.on("/hook", 204)
    sink.on("/broken", 503)
    hub.subscriber("acme")
    for _ in range(2):
        hub.publish("order.created")
    billing = hub.endpoint(sink.url("/hook"), ["order.*"], uid="billing")
    warehouse = hub.endpoint(sink.url("/broken"), ["order.*"], uid="warehouse", retry={"schedule_ms": [3600000]})
    event = hub.publish("order.created", uid="order-1001")
    hub.wait_delivery(event, "delivered", billing)
    hub.wait_delivery(event, "pending", warehouse, lambda d: d["attempt_count"] == 1)
    assert run("admin", "create", "ada", "--data", hub.data, "--password-file", "-", input="correct horse battery\n").returncode == 0
    shell = shell_for(hub, HUB=f"http://127.0.0.1:{hub.port}", H=f"Authorization: Bearer {hub.admin}")
    shell.run("echo png >photo.png")
    steps = examples.steps(page("docs", "API.md"))
    assert len(steps) > 10
    follow(shell, steps, "docs/API.md")


def test_the_examples_of_the_readme_answer_as_shown(hub, shell_for):
    text = page("README.md").replace("http://127.0.0.1:8080", f"http://127.0.0.1:{hub.port}")
    steps = [step for step in examples.steps(text) if step.command.startswith(("curl ", "H="))]
    assert len(steps) > 5
    follow(shell_for(hub, KEY=hub.admin), steps, "README.md")


@pytest.mark.parametrize(
    "wanted,got,good",
    [
        ('{"a": 1}', '{"a": 1}', True),
        ('{"a": 1}', '{"a": 2}', False),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 1}', '{"a": 1, "b": 2}', False),
        ('{"a": 1, …}', '{"a": 1, "b": 2}', True),
        ('{"a": 1, …}', '{"b": 2, "c": 3}', False),
        ('{"a": 1, …}', '{"a": 1}', False),
        ('{"a": …}', '{"a": {"b": []}}', True),
        ('{"a": "ep_…"}', '{"a": "ep_0"}', True),
        ('{"a": "ep_…"}', '{"a": "evt_0"}', False),
        ('{"a": "ep_…"}', '{"a": null}', False),
        ("[1, …]", "[1, 2, 3]", True),
        ("[…, 3, …]", "[1, 2, 3]", True),
        ("[…, 4]", "[1, 2, 3]", False),
        ("[1, 2]", "[1, 2, 3]", False),
        ('{"a": 1, …}\n{"a": 2, …}', '{"a":1,"b":2}\n{"a":2,"b":2}\n', True),
        ('{"a": 1, …}\n{"a": 2, …}', '{"a":1,"b":2}\n', False),
        ("<!doctype html>…", "<!doctype html>\n<title>", True),
        ("<!doctype html>…", "{}", False),
    ],
)
def test_an_answer_is_compared_with_what_is_shown(wanted, got, good):
    assert examples.as_shown(wanted, got) == good


def test_steps_are_taken_out_of_a_page():
    text = "```sh\nA=1\ncurl x -d '{\n  \"a\": 1}' \\\n     -H y   # so\n# 200 {\"b\": 2,\n#      \"c\": 3}\n# prose\n```\n```sh\ncurl z\n# 204\n```\n"
    one, two, three = examples.steps(text)
    assert (one.command, one.status) == ("A=1", None)
    assert (two.line, two.status, examples.shown(two.answer)) == (3, 200, {"b": 2, "c": 3})
    assert (three.line, three.command, three.status, three.answer) == (11, "curl z", 204, "")
