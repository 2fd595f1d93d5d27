"""grapnel check --config: everything that is wrong with an option file, before a hub has to live with it."""

import json
import os

import pytest

from hub import run
from test_tls import make_certificate

OK, FAILED, USAGE = 0, 1, 2


@pytest.fixture
def check(tmp_path):
    def look(text, *options):
        path = tmp_path / "grapnel.conf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = run("check", "--config", path, "--json", *options)
        answer = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (OK if answer["ok"] else FAILED, ""), done
        assert answer["ok"] == (answer["findings"] == [])
        return [f.replace(str(path), "FILE") for f in answer["findings"]]

    look.folder = tmp_path
    return look


def test_a_sound_file(check, tmp_path):
    assert check("") == []
    assert check("[master_key]\nfile = master.key\n") == check(f"[master_key]\nfile = {tmp_path}/master.key\n") == [], "a new hub makes it"
    assert check(run("help", "--sample-conf").stdout) == []
    done = run("check", "--config", tmp_path / "grapnel.conf")
    assert (done.returncode, done.stdout, done.stderr) == (OK, "ok\n", "")


def test_all_that_is_wrong_with_the_lines_of_a_file(check):
    found = check("data = ./var\n[limits]\nitme = 1MiB\nbatch = many\nitem = 1B\nitem = 2MiB\n[log]\nlevel = loud\n[nothing]\nat = all\nthis is no option\n")
    assert [f[: f.index(" ")] for f in found] == ["FILE:3:", "FILE:4:", "FILE:5:", "FILE:6:", "FILE:8:", "FILE:10:", "FILE:11:"], found
    assert "did you mean limits.item?" in found[0]
    assert 'limits.batch cannot be "many"' in found[1] and "accepted: 1 … 100000" in found[1]
    assert "it is too small" in found[2] and "stands in line 5 already" in found[3]
    assert "accepted: debug | info | warn | error" in found[4]


@pytest.mark.parametrize(
    "text, words",
    [
        ("[tls]\ncertificate = none.pem\n", ["FILE:2: tls.certificate and tls.key belong together: tls.key is missing"]),
        ("[tls]\nkey = none.pem\n", ["FILE:2: tls.certificate and tls.key belong together: tls.certificate is missing"]),
        ("[public]\nurl = ftp://x\n", ["FILE:2: public.url: must begin with http:// or https://"]),
        ("[public]\nurl = https://x/y?z=1\n", ["FILE:2: public.url must have no query"]),
        ("[egress]\nallow = 10.0.0.0/99\ndeny = what\nports = 70000\nproxy = ftp://x\nsource = 1.2.3\n",
         [f"FILE:{line}: egress.{name}" for line, name in enumerate(["allow", "deny", "ports", "proxy", "source"], 2)]),
        ("[tls]\ncertificate = none.pem\nkey = none.key\n", ["none.pem cannot be used"]),
        ("[http]\ntrusted_proxies = 10.0.0.0/8, nobody\n", ['FILE:2: http.trusted_proxies: "nobody"']),
        ("[egress]\nallow = 10.0.0.0/99\n", ["egress.allow"]),
        ("[egress]\nports = 70000\n", ["egress.ports"]),
        ("[egress]\nproxy = ftp://x\n", ["egress.proxy"]),
        ("[egress]\nauthorities = none.pem\n", ["egress.authorities: the file none.pem cannot be read"]),
        ("[dns]\nservers = what is this\n", ["FILE:2: dns.servers"]),
        ("[cloudevents]\nsource = no uri\n", ["cloudevents.source"]),
        ("[endpoints]\norigin = http://x/\n", ["endpoints.origin"]),
        ("listen = nowhere\n", ['FILE:1: cannot listen on "nowhere"']),
        ("[listen]\npublic = 1.2.3.4\napi = [::1]:99999\n", ['"1.2.3.4"', '"[::1]:99999"']),
        ("listen = 127.0.0.1:8080\n[listen]\npublic = 127.0.0.1:8080\n", ["two ports cannot be the same"]),
        ("[tls]\ncertificate = none.pem\nkey = none.key\nports = public\n", ["none.pem", "there is no public port"]),
    ],
)
def test_what_contradicts_or_cannot_be_used(check, text, words):
    found = check(text)
    assert len(found) == len(words), found
    for finding, word in zip(found, words):
        assert word in finding
    # What the check refuses, a start refuses with the same words.
    done = run("serve", "--config", check.folder / "grapnel.conf", "--data", check.folder / "data")
    assert done.returncode == 2 and found[0] in done.stderr.replace(str(check.folder / "grapnel.conf"), "FILE"), done
    assert not os.path.exists(check.folder / "data")


def test_files_that_do_not_belong_together(check, tmp_path):
    chain, key = make_certificate(tmp_path, "one")
    other = make_certificate(tmp_path, "other")[1]
    assert check(f"[tls]\ncertificate = {chain}\nkey = {key}\n") == []
    assert "is not the key of the certificate" in check(f"[tls]\ncertificate = {chain}\nkey = {other}\n")[0]
    (tmp_path / "short.key").write_text("5a\n")
    os.chmod(tmp_path / "short.key", 0o600)
    assert "short.key" in check(f"[master_key]\nfile = {tmp_path}/short.key\n")[0]


def test_a_master_key_that_cannot_be_made(check, tmp_path):
    options = f"data = {tmp_path}\n[master_key]\nfile = {tmp_path}/none/master.key\n"
    assert check(options)[0].startswith(f"FILE:3: master_key.file: the folder of {tmp_path}/none/master.key cannot be used")
    assert check(f"data = {tmp_path}/none\n[master_key]\nfile = {tmp_path}/none/master.key\n") == [], "the folder of a new hub is made"


def test_arguments_and_environment_are_looked_at_too(check, tmp_path):
    found = check("[limits]\nbatch = 0\n", "--limits-item", "huge")
    assert len(found) == 2 and "argument --limits-item" in found[0]
    done = run("check", "--config", tmp_path / "grapnel.conf", env={"GRAPNEL_LIMITS_DEPTH": "deep"})
    assert done.returncode == FAILED and len(done.stdout.splitlines()) == 2 and "GRAPNEL_LIMITS_DEPTH" in done.stdout


def test_what_is_no_utf8_is_told_with_its_bytes(check):
    found = check(b"[retention]\nevents = \xff\naudit = 100d\nv\xe9nements = 1d\n[dns]\nservers = \xfe\n[\xff]\nx = 1\n")
    assert 'FILE:2: retention.events cannot be "\\xff"' in found[0], found
    assert "unknown option retention.v\\xe9nements" in found[1] and "unknown option \\xff.x" in found[2]
    assert "dns.servers" in found[3] and "\\xfe" in found[3]
    assert check("[log]\nlevel = " + "x" + "é" * 90 + "\n")[0].startswith('FILE:2: log.level cannot be "x' + "é" * 19 + '": '), "cut between characters"


def test_the_first_of_two_mistakes_is_told_first(check):
    assert [f[:6] for f in check("[log\nlevel = loud\n" + "x" * 300 + "\n[dns] servers = 1\n = 2\nwhat\n")] == [f"FILE:{line}" for line in range(1, 7)]


def test_a_file_that_is_not_there(tmp_path):
    done = run("check", "--config", tmp_path / "none.conf")
    assert done.returncode == FAILED and "none.conf" in done.stdout


def test_no_hub_and_no_database_is_touched(hub, check):
    before = sorted(os.listdir(hub.data))
    assert check("data = " + hub.data + "\n") == []
    assert sorted(os.listdir(hub.data)) == before
    assert run("check", "--data", hub.data).stdout == "ok\n", "without --config it is about the hub"


@pytest.fixture
def mistaken(hub):
    """A hub whose option file got a mistake after its start."""
    with open(os.path.join(hub.data, "grapnel.conf"), "w", encoding="utf-8") as file:
        file.write("[log]\nlevle = debug\n")
    return hub


MISTAKE = "grapnel.conf:2: unknown option log.levle; did you mean log.level?"


def test_a_mistake_in_the_file_keeps_nobody_from_a_hub_that_runs(mistaken):
    for command in [("pause",), ("resume",), ("admin", "link"), ("endpoints", "list"), ("key", "create", "--scope", "read")]:
        done = run(*command, "--data", mistaken.data)
        assert done.returncode == 0 and MISTAKE in done.stderr and "the hub that runs" in done.stderr, (command, done)
    assert mistaken.got("/v1/hub")["paused"] is False
    link = run("admin", "link", "--data", mistaken.data).stdout
    assert link.startswith(f"http://127.0.0.1:{mistaken.port}/"), link
    checked = run("check", "--data", mistaken.data)
    assert checked.returncode == FAILED and MISTAKE in checked.stdout, checked
    assert run("reload", "--data", mistaken.data).returncode == FAILED


def test_a_mistake_in_the_file_counts_when_no_hub_runs(mistaken):
    mistaken.terminate()
    done = run("pause", "--data", mistaken.data)
    assert done.returncode == USAGE and MISTAKE in done.stderr and "the hub that runs" not in done.stderr, done


def test_a_mistake_in_arguments_counts_in_any_case(mistaken):
    for wrong, env in [(("--log-levle", "debug"), {}), ((), {"GRAPNEL_LIMITS_DEPTH": "deep"}), (("--config", mistaken.data + "/none.conf"), {})]:
        done = run("pause", "--data", mistaken.data, *wrong, env=env)
        assert done.returncode == USAGE, (wrong, done)
    assert mistaken.got("/v1/hub")["paused"] is False
