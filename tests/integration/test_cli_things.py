"""Lists and single things from the command line: over the admin socket, over the network with a key, and without a hub."""

import json
import re

import pytest

from hub import eventually, run
from sink import Reply

OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 3


def cli(hub, *arguments, **keywords):
    return run(*arguments, "--data", hub.data, **keywords)


def remote(hub, *arguments, key=None, **keywords):
    return run(*arguments, env={"GRAPNEL_URL": f"http://127.0.0.1:{hub.port}", "GRAPNEL_KEY": key or hub.admin}, **keywords)


@pytest.fixture(params=["socket", "network", "stopped"])
def ask(request, hub):
    """Runs a command in each way to the hub."""
    hub.admin
    if request.param == "network":
        return lambda *arguments, **keywords: remote(hub, *arguments, **keywords)
    if request.param == "stopped":
        hub.terminate()
    return lambda *arguments, **keywords: cli(hub, *arguments, "--egress-allow", "127.0.0.0/8", **keywords)


def rows(done):
    assert done.returncode == OK, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_endpoints_life(ask):
    options = ("--types", "order.*,a.b", "--uid", "billing", "--header", "X-Shop=1", "--ordered", "--json")
    (made,) = rows(ask("endpoints", "add", "http://127.0.0.1:9/hook", *options))
    assert made["event_types"] == ["order.*", "a.b"] and made["headers"] == {"X-Shop": "1"} and made["ordered"] is True
    assert made["secret"].startswith("whsec_")
    table = ask("endpoints", "list").stdout.splitlines()
    assert table[0].split() == ["ID", "UID", "SUBSCRIBER", "STATUS", "VERIFIED", "BREAKER", "INSECURE", "TYPES", "URL"]
    assert table[1].split() == [made["id"], "billing", "-", "active", "-", "closed", "-", "order.*,a.b", "http://127.0.0.1:9/hook"]
    for verb, status in (("pause", "paused"), ("resume", "active"), ("disable", "disabled")):
        done = ask("endpoints", verb, "billing")
        assert (done.returncode, done.stdout.split()[-1]) == (OK, status), done.stderr
    assert re.search(r"^status +disabled$", ask("endpoints", "show", made["id"]).stdout, re.M)
    assert (ask("endpoints", "delete", "billing").returncode, ask("endpoints", "show", "billing").returncode) == (OK, FAILED)
    assert rows(ask("endpoints", "list", "--json")) == []


def test_an_endpoint_is_shown_with_how_it_is_reached_and_why_it_is_insecure(ask):
    document = {
        "auth": {"type": "basic", "username": "ada", "password": "secret-canary"},
        "tls": {"verify": False, "min_version": "1.3"},
        "signature": {"versions": ["v1", "v1a"], "legacy": {"style": "github", "header": "X-Hub-Signature-256"}},
        "rate": {"limit": 10, "per_ms": 1000},
    }
    added = ask("endpoints", "add", "https://127.0.0.1:9/hook", "--uid", "e", "--document", "-", input=json.dumps(document))
    assert added.returncode == OK, added.stderr
    done = ask("endpoints", "show", "e")
    for line in ("auth +basic", "tls +NOT VERIFIED,at least 1.3", "signature +v1,v1a", "legacy signature +github", "public key +whpk_.*",
                 "insecure +tls_unverified", r'rate +\{"limit":10,"per_ms":1000\}'):
        assert re.search(rf"^{line}$", done.stdout, re.M), (line, done.stdout)
    assert "secret-canary" not in done.stdout
    (row,) = [line.split() for line in ask("endpoints", "list").stdout.splitlines()[1:]]
    assert row[6] == "tls_unverified"
    assert rows(ask("endpoints", "show", "e", "--json"))[0]["tls"]["verify"] is False


def test_a_source_is_changed_disabled_and_enabled(ask):
    assert ask("sources", "add", "github", "--uid", "gh", "--secret", "s" * 20, "--description", "old").returncode == OK
    (now,) = rows(ask("sources", "update", "gh", "--event-type", "hub.{type}", "--json"))
    assert (now["event_type"], now["description"]) == ("hub.{type}", "old")
    (now,) = rows(ask("sources", "update", "gh", "--document", "-", "--json", input='{"description": null, "max_body_bytes": 4096}'))
    assert (now["description"], now["max_body_bytes"], now["event_type"]) == ("", 4096, "hub.{type}")
    assert re.search(r"^enabled +no$", ask("sources", "disable", "gh").stdout, re.M)
    assert rows(ask("sources", "show", "gh", "--json"))[0]["enabled"] is False
    assert re.search(r"^enabled +yes$", ask("sources", "enable", "gh").stdout, re.M)
    nothing = ask("sources", "update", "gh")
    assert nothing.returncode == USAGE and "--event-type" in nothing.stderr
    assert ask("sources", "disable", "nobody").returncode == FAILED


def test_subscribers_and_their_endpoints(ask):
    assert ask("subscribers", "add", "Acme Inc", "--uid", "acme").returncode == OK
    assert ask("endpoints", "add", "http://127.0.0.1:9/", "--subscriber", "acme", "--uid", "hook").returncode == OK
    assert [e["subscriber"] for e in rows(ask("endpoints", "list", "--subscriber", "acme", "--json"))] == ["acme"]
    busy = ask("subscribers", "delete", "acme")
    assert busy.returncode == FAILED and "endpoint" in busy.stderr
    assert ask("endpoints", "delete", "hook", "--subscriber", "acme").returncode == OK
    assert ask("subscribers", "delete", "acme").returncode == OK
    assert ask("subscribers", "show", "acme").returncode == FAILED


def test_events_are_listed_and_shown(ask):
    for n in range(7):
        assert ask("send", "--type", "order.created" if n % 2 else "user.made", '{"n": 1.10}', "--uid", f"u{n}").returncode == OK
    assert [e["uid"] for e in rows(ask("events", "list", "--json", "--type", "order.*"))] == ["u5", "u3", "u1"]
    assert [e["uid"] for e in rows(ask("events", "list", "--json", "--order", "asc", "--limit", "2"))] == ["u0", "u1"]
    assert "more" in ask("events", "list", "--limit", "6").stderr
    assert ask("events", "list", "--limit", "7").stderr == ""
    assert len(ask("events", "list").stdout.splitlines()) == 8
    assert ask("events", "show", "u3", "--payload").stdout == '{"n": 1.10}'
    assert re.search(r"^type +order\.created$", ask("events", "show", "u3").stdout, re.M)
    assert re.search(r"^request +req_[0-9a-z]{13}$", ask("events", "show", "u3").stdout, re.M), "also of what a command published without a hub"
    bad = ask("events", "list", "--since", "yesterday")
    assert bad.returncode == FAILED and "?since" in bad.stderr


def test_all_pages_of_a_long_list_come(hub):
    for at in range(0, 1200, 600):
        assert hub.api("POST", "/v1/events", [{"type": "a.b", "data": n} for n in range(at, at + 600)]).status == 202
    listed = rows(cli(hub, "events", "list", "--all", "--json"))
    assert [e["id"] for e in listed] == sorted({e["id"] for e in listed}, reverse=True) and len(listed) == 1200


@pytest.mark.parametrize("command", [("events", "list"), ("check",), ("sources", "add", "none")])
def test_a_folder_that_is_no_hubs_is_refused_and_left_as_it_is(tmp_path, command):
    done = run(*command, "--data", str(tmp_path))
    assert done.returncode == 2 and "no hub's database" in done.stderr and not done.stdout
    assert list(tmp_path.iterdir()) == []


def test_over_the_network_a_key_can_do_no_more_than_its_scopes(hub):
    reader = hub.key("read")
    assert remote(hub, "endpoints", "list", key=reader).returncode == OK
    done = remote(hub, "endpoints", "add", "http://127.0.0.1:9/", key=reader)
    assert done.returncode == FAILED and "manage" in done.stderr
    done = remote(hub, "endpoints", "list", key="gk_" + "0" * 32)
    assert done.returncode == FAILED and "key" in done.stderr
    hub.terminate()
    done = remote(hub, "endpoints", "list", key=reader)
    assert done.returncode == UNAVAILABLE and "cannot be reached" in done.stderr


def dead_ones(hub, sink, count):
    sink.on("/", Reply(500, body=b"broken"))
    endpoint = hub.endpoint(sink.url("/"), retry={"max_attempts": 1}, uid="billing")
    for n in range(count):
        hub.publish("dead.test", {"n": n}, endpoint="billing")
    hub.wait_dead(count)
    return endpoint


def test_dead_letters_are_retried_after_a_count(hub, sink):
    dead_ones(hub, sink, 5)
    listed = rows(cli(hub, "dead-letters", "list", "--endpoint", "billing", "--reason", "exhausted", "--json"))
    assert len(listed) == 5
    table = cli(hub, "dead-letters", "list").stdout
    assert all(d["id"] in table for d in listed) and "http_status" in table
    asked = cli(hub, "dead-letters", "retry", "--endpoint", "billing")
    assert asked.returncode == USAGE and "5 dead letters" in asked.stderr and "--yes" in asked.stderr
    sink.on("/", 200)
    done = cli(hub, "dead-letters", "retry", "--endpoint", "billing", "--yes")
    assert done.returncode == OK, done.stderr
    assert re.fullmatch(r"op_[0-9a-z]{13} done: 5 of 5\n", done.stdout)
    assert sink.wait_until(lambda all: len(all) == 10)
    eventually(lambda: hub.dead_letters() == [])


def test_dead_letters_are_discarded_by_id(hub, sink):
    dead_ones(hub, sink, 3)
    ids = [d["id"] for d in hub.dead_letters()]
    (operation,) = rows(cli(hub, "dead-letters", "discard", *ids[:2], "--yes", "--json"))
    assert (operation["kind"], operation["state"], operation["done"]) == ("discard", "done", 2)
    assert [d["id"] for d in hub.dead_letters()] == ids[2:]
    assert operation["id"] in cli(hub, "operations", "list").stdout
    assert cli(hub, "operations", "show", operation["id"], "--wait").stdout == f"{operation['id']} done: 2 of 2\n"
    unknown = cli(hub, "dead-letters", "discard", "dlv_0000000000001", "--yes")
    assert unknown.returncode == FAILED and "/ids/0" in unknown.stderr


def test_json_of_one_thing_is_the_hubs_own(hub):
    hub.subscriber("acme", metadata={"a": "b"})
    assert rows(cli(hub, "subscribers", "show", "acme", "--json")) == [hub.got("/v1/subscribers/acme")]
    assert rows(cli(hub, "key", "list", "--json")) == hub.pages("/v1/keys")
    assert rows(cli(hub, "check", "--json")) == [{"findings": [], "ok": True}]


def test_an_event_is_sent_again(hub, sink):
    hub.endpoint(sink.url("/a"), ["*"], uid="a")
    hub.endpoint(sink.url("/b"), ["*"], uid="b")
    event = hub.publish("a.b", uid="u")
    sink.wait_for(1, "/a")
    sink.wait_for(1, "/b")
    eventually(lambda: {d["state"] for d in hub.deliveries(event)} == {"delivered"})
    (row,) = rows(cli(hub, "events", "resend", "u", "--endpoint", "a", "--json"))
    assert set(row) == {"endpoint", "delivery", "action"}
    sink.wait_for(2, "/a")
    assert len(cli(hub, "events", "resend", "u").stdout.splitlines()) == 3
    sink.wait_for(3, "/a")
    sink.wait_for(2, "/b")
    assert cli(hub, "events", "resend", "nothing").returncode == FAILED


@pytest.mark.parametrize("way", [cli, remote])
def test_dead_letters_are_exported_to_a_file(hub, sink, tmp_path, way):
    dead_ones(hub, sink, 5)
    ids = {d["id"] for d in hub.dead_letters()}
    hub.admin
    assert {d["id"] for d in rows(way(hub, "dead-letters", "export"))} == ids
    path = tmp_path / "dead.ndjson"
    done = way(hub, "dead-letters", "export", path, "--endpoint", "billing")
    assert (done.returncode, done.stdout) == (OK, ""), done.stderr
    assert {json.loads(line)["id"] for line in path.read_text().splitlines()} == ids
    assert way(hub, "dead-letters", "export", path).returncode == FAILED, "a file that exists is never replaced"
    assert way(hub, "dead-letters", "export", tmp_path / "x", "--reason", "bad").returncode == FAILED
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("way", [cli, remote])
def test_an_endpoint_is_tested(hub, sink, way):
    hub.endpoint(sink.url("/good"), uid="good")
    hub.endpoint(sink.url("/bad"), uid="bad", retry={"max_attempts": 1})
    hub.admin
    sink.on("/bad", 500)
    done = way(hub, "endpoints", "test", "good", "--type", "order.test", "--payload", '{"n": 1.10}')
    assert done.returncode == OK, done.stderr
    assert re.search(r"^state +delivered$", done.stdout, re.M) and re.search(r"^status +200$", done.stdout, re.M)
    (request,) = sink.wait_for(1, "/good")
    assert (request.body, request.headers["grapnel-event-type"]) == (b'{"n": 1.10}', "order.test")
    done = way(hub, "endpoints", "test", "bad", "--json")
    assert done.returncode == FAILED
    assert json.loads(done.stdout)["attempt"]["status"] == 500
