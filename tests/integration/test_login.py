"""Logging in on the page: passwords, sessions and their cookie, CSRF, the throttle, one-time links; and the page's own headers."""

import os
import pty
import re
import select
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub import BINARY, environment, run
from sink import BOUND

PASSWORD = "correct horse battery"
COOKIE = re.compile(r"grapnel_session=([0-9a-z]{52}); (.*)")
FAILED, USAGE, UNAVAILABLE = 1, 2, 3


def admin(hub, *arguments, input=None):
    return run("admin", *arguments, "--data", hub.data, input=input)


def make_admin(hub, name="ada", password=PASSWORD, *options):
    done = admin(hub, "create", name, "--password-file", "-", *options, input=password + "\n")
    assert done.returncode == 0, done.stderr


def login(hub, name="ada", password=PASSWORD, **headers):
    return hub.api("POST", "/login", {"name": name, "password": password}, key=None, headers=headers)


class Session:
    """What a browser keeps of a login."""

    def __init__(self, hub, answer):
        assert answer.status == 200, answer
        self.hub = hub
        self.token, self.attributes = COOKIE.fullmatch(answer.headers["set-cookie"]).groups()
        self.csrf = answer.json["csrf_token"]

    def ask(self, method, path, json=None, csrf=True, **headers):
        sent = {"Cookie": f"other=1; grapnel_session={self.token}", **{n.replace("_", "-"): v for n, v in headers.items()}}
        if csrf:
            sent["X-Grapnel-CSRF"] = self.csrf if csrf is True else csrf
        return self.hub.api(method, path, json, key=None, headers=sent)

    def lives(self):
        alive = self.ask("GET", "/v1/keys", csrf=False).status == 200
        assert alive == (self.ask("GET", "/session").json["admin"] is not None)
        return alive


@pytest.fixture(scope="module")
def home(shared_hub):
    make_admin(shared_hub)
    return shared_hub


@pytest.fixture
def session(home):
    return Session(home, login(home))


# Logging in.


def test_login_gives_a_session_that_is_an_administrator(home):
    answer = login(home)
    one = Session(home, answer)
    assert answer.json["admin"]["name"] == "ada" and answer.json["admin"]["id"].startswith("adm_")
    assert answer.headers["cache-control"] == "no-store"
    assert one.ask("GET", "/session").json == answer.json
    assert one.ask("POST", "/v1/keys", {"name": "x", "scopes": ["admin"]}).status == 201


def test_cookie_is_kept_from_scripts_other_sites_and_plain_copies(home):
    plain = Session(home, login(home)).attributes
    assert plain == "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"
    by_https = Session(home, login(home, **{"Origin": "https://hub.example", "Sec-Fetch-Site": "same-origin"})).attributes
    assert by_https == plain + "; Secure"


def test_unknown_wrong_and_disabled_are_told_nothing_apart(hub):
    make_admin(hub)
    make_admin(hub, "gone")
    assert admin(hub, "disable", "gone").returncode == 0
    answers = [login(hub, "nobody"), login(hub, "ada", "correct horse batterY"), login(hub, "gone"), login(hub, "", "")]
    told = [{k: v for k, v in a.json.items() if k != "request_id"} for a in answers]
    assert [a.status for a in answers] == [401] * 4
    assert all(t == told[0] for t in told) and told[0]["code"] == "login_failed"
    assert all("set-cookie" not in a.headers for a in answers)
    assert login(hub).status == 200


@pytest.mark.parametrize(
    "body, pointers",
    [({}, ["/name", "/password"]), ({"name": "ada"}, ["/password"]), ({"name": 1, "password": None}, ["/name", "/password"]), ({"token": 5}, ["/token"]),
     ({"token": "x", "name": "ada"}, ["/name"]), ({"name": "ada", "password": "x", "colour": 1}, ["/colour"])],
)
def test_login_with_something_else_is_refused_by_field(home, body, pointers):
    answer = home.api("POST", "/login", body, key=None)
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", pointers)


def test_login_takes_json_only(home):
    answer = home.api("POST", "/login", body=b"name=ada&password=x", key=None, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 415
    assert home.api("POST", "/login", body=b"{", key=None).status == 400
    assert home.api("POST", "/login", body=b"x" * 70000, key=None).status == 413


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_another_site_cannot_log_anybody_in(home, headers):
    answer = login(home, **headers)
    assert (answer.status, answer.code) == (403, "csrf_failed")
    assert "set-cookie" not in answer.headers


# Sessions.


def test_logout_ends_the_session_and_takes_the_cookie_away(session):
    answer = session.ask("POST", "/logout")
    assert answer.status == 204
    assert answer.headers["set-cookie"] == "grapnel_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
    assert not session.lives()
    assert session.ask("GET", "/v1/events").code == "unauthenticated"


def test_logging_in_again_ends_the_session_before(home, session):
    again = Session(home, login(home, Cookie=f"grapnel_session={session.token}"))
    assert again.lives() and not session.lives()


def test_sessions_end_with_the_hub(hub):
    make_admin(hub)
    one = Session(hub, login(hub))
    hub.restart()
    assert not one.lives()
    assert Session(hub, login(hub)).lives()


def test_disabling_an_administrator_ends_his_sessions_and_no_others(hub):
    make_admin(hub)
    make_admin(hub, "bob")
    ada, bob = Session(hub, login(hub)), Session(hub, login(hub, "bob"))
    assert admin(hub, "disable", "ada").returncode == 0
    assert bob.lives() and not ada.lives()


def test_a_new_password_ends_sessions_and_enables_again(hub):
    make_admin(hub)
    one = Session(hub, login(hub))
    assert admin(hub, "disable", "ada").returncode == 0
    make_admin(hub, "ada", "another passphrase", "--replace")
    assert not one.lives()
    assert login(hub).status == 401
    assert login(hub, "ada", "another passphrase").status == 200


@pytest.mark.parametrize("token", ["", "x", "0" * 52, "0" * 4000], ids=len)
def test_a_made_up_cookie_is_no_session(home, token):
    answer = home.api("GET", "/v1/events", key=None, headers={"Cookie": f"grapnel_session={token}"})
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_a_key_goes_before_a_cookie(home, session):
    key = home.key("publish")
    assert session.ask("GET", "/v1/keys", Authorization=f"Bearer {key}").code == "missing_scope"
    assert session.ask("GET", "/v1/keys", Authorization="Bearer gk_nonsense").status == 401


def test_a_session_does_not_open_local_routes(session):
    for method, path in [("GET", "/local/admins"), ("POST", "/local/login-link"), ("GET", "/local/check")]:
        assert session.ask(method, path).code == "no_such_route"


# CSRF.


@pytest.mark.parametrize("method, path", [("POST", "/v1/endpoints"), ("PATCH", "/v1/endpoints/nope"), ("DELETE", "/v1/endpoints/nope"), ("POST", "/v1/events"), ("POST", "/logout")])
@pytest.mark.parametrize(
    "csrf, headers",
    [(False, {}), ("", {}), ("0" * 32, {}), (True, {"Sec_Fetch_Site": "same-site"}), (True, {"Sec_Fetch_Site": "cross-site"}), (True, {"Origin": "http://evil.example"})],
    ids=["none", "empty", "wrong", "same-site", "cross-site", "origin"],
)
def test_what_changes_something_must_come_from_the_page(session, method, path, csrf, headers):
    answer = session.ask(method, path, {} if method != "DELETE" else None, csrf=csrf, **headers)
    assert (answer.status, answer.code) == (403, "csrf_failed")
    assert session.lives()


def test_the_token_of_another_session_does_not_do(home, session):
    other = Session(home, login(home))
    assert session.ask("POST", "/v1/endpoints", {}, csrf=other.csrf).code == "csrf_failed"
    assert session.ask("POST", "/v1/endpoints", {}, csrf=session.csrf).code == "invalid"


def test_the_page_itself_may(home, session):
    for headers in ({"Sec_Fetch_Site": "same-origin"}, {"Origin": f"http://127.0.0.1:{home.port}"}, {"Sec_Fetch_Site": "none"}):
        assert session.ask("POST", "/v1/endpoints", {}, **headers).code == "invalid"


# The audit.


def test_the_audit_names_who_is_logged_in(hub):
    make_admin(hub)
    ada, local = Session(hub, login(hub)), make_link_session(hub)[1]
    id = ada.ask("GET", "/session").json["admin"]["id"]
    for one, name in ((ada, "by-ada"), (local, "by-link")):
        assert one.ask("POST", "/v1/subscribers", {"name": name}).status == 201
    by_link, by_ada = hub.got("/v1/audit", action="subscriber.create")["data"]
    assert by_ada["actor"] == {"kind": "admin", "id": id, "name": "ada"} and by_ada["address"] == "127.0.0.1"
    assert by_link["actor"] == {"kind": "local", "id": None, "name": None}
    assert hub.got("/v1/audit", actor=id)["data"] == [by_ada]


def test_the_audit_tells_what_became_of_administrators(hub):
    make_admin(hub)
    assert [admin(hub, "disable", "ada").returncode for _ in range(2)] == [0, 0]
    make_admin(hub, "ada", "another passphrase", "--replace")
    rows = hub.got("/v1/audit", order="asc")["data"]
    rows = [r for r in rows if r["action"].startswith("admin.")]
    assert [r["action"] for r in rows] == ["admin.create", "admin.disable", "admin.update"]
    assert [r["after"]["disabled"] for r in rows] == [False, True, False]
    assert {r["resource"] for r in rows} == {rows[0]["after"]["id"]} and {r["actor"]["kind"] for r in rows} == {"local"}
    assert hub.got("/v1/audit", resource=rows[0]["resource"], order="asc")["data"] == rows
    assert "argon2" not in str(rows)


# The throttle.


def failures_until_throttled(hub, name):
    for count in range(12):
        answer = login(hub, name, "wrong")
        if answer.status == 429:
            return count, answer
        assert answer.status == 401
    raise AssertionError("nothing stops the guessing")


def test_failures_are_slowed_down_by_address_whatever_the_name(hub):
    make_admin(hub)
    count, answer = failures_until_throttled(hub, "ada")
    assert count >= 5 and answer.code == "too_many_attempts"
    assert 1 <= int(answer.headers["retry-after"]) <= 12
    assert login(hub, "nobody", "wrong").status == 429
    assert login(hub).status == 429  # the right password, too: nothing is checked any more
    make_link_session(hub)  # this way stays open


def test_a_success_forgets_the_failures(hub):
    make_admin(hub)
    for _ in range(3):
        assert [login(hub, "ada", "wrong").status for _ in range(3)] == [401] * 3
        assert login(hub).status == 200


def test_guesses_side_by_side_are_no_way_around_it(hub):
    make_admin(hub)
    start = threading.Barrier(8)

    def guess(_):
        start.wait()
        return login(hub, "ada", "wrong").status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(guess, range(8)))
    assert set(statuses) == {401, 429} and statuses.count(401) <= 5, statuses
    assert hub.api("GET", "/v1/events").status == 200


# One-time links.


def make_link(hub):
    done = admin(hub, "link", "--url", f"http://127.0.0.1:{hub.port}/")
    assert done.returncode == 0, done.stderr
    url = re.fullmatch(rf"http://127\.0\.0\.1:{hub.port}(/login\?token=([0-9a-z]{{52}}))\n", done.stdout)
    assert url, done.stdout
    return url.groups()


def make_link_session(hub):
    path, token = make_link(hub)
    assert hub.api("GET", path, key=None).headers["content-type"] == "text/html; charset=utf-8"
    return token, Session(hub, hub.api("POST", "/login", {"token": token}, key=None))


def test_a_link_logs_in_once(home):
    token, one = make_link_session(home)
    assert one.ask("GET", "/session").json["admin"] == {"id": None, "name": "local"}
    assert one.lives()
    again = home.api("POST", "/login", {"token": token}, key=None)
    assert (again.status, again.code) == (401, "login_failed")
    assert home.api("POST", "/login", {"token": "0" * 52}, key=None).status == 401


def test_the_link_names_the_address_that_the_hub_listens_on(home):
    assert admin(home, "link").stdout.startswith(f"http://127.0.0.1:{home.port}/login?token=")  # as it says, whatever the options say
    for listen, base in [("127.0.0.1:9", "127.0.0.1:9"), (":9", "127.0.0.1:9"), ("0.0.0.0:9", "127.0.0.1:9"), ("[::1]:9", "[::1]:9")]:
        assert admin(home, "link", "--listen", listen).stdout.startswith(f"http://{base}/login?token=")


def test_a_link_needs_a_running_hub(hub):
    hub.terminate()
    done = admin(hub, "link")
    assert done.returncode == UNAVAILABLE and "runs" in done.stderr


# Administrators.


def test_admins_are_made_listed_and_disabled_without_a_hub_too(hub):
    hub.terminate()
    make_admin(hub)
    make_admin(hub, "bob@example.com")
    assert admin(hub, "disable", "ada").returncode == 0
    head, ada, bob = admin(hub, "list").stdout.splitlines()
    assert ada.split()[:2] == ["ada", "disabled"] and bob.split()[:2] == ["bob@example.com", "active"]
    hub.start()
    assert login(hub).status == 401 and login(hub, "bob@example.com").status == 200


@pytest.mark.parametrize(
    "name, password, says",
    [("a b", PASSWORD, "/name"), ("", PASSWORD, "/name"), ("x" * 65, PASSWORD, "/name"), ("eve", "short", "/password"), ("eve", "x" * 1025, "/password"), ("ada", PASSWORD, "already")],
    ids=["blank", "empty", "long", "short password", "long password", "taken"],
)
def test_a_bad_admin_is_refused_by_field(home, name, password, says):
    done = admin(home, "create", name, "--password-file", "-", input=password + "\n")
    assert done.returncode == FAILED and says in done.stderr


def test_a_password_comes_from_a_file_or_a_terminal_only(home, tmp_path):
    done = admin(home, "create", "eve")
    assert done.returncode == USAGE and "--password-file" in done.stderr
    done = admin(home, "create", "eve", "--password-file", tmp_path / "missing")
    assert done.returncode == FAILED and "missing" in done.stderr
    (tmp_path / "password").write_text(PASSWORD + "\r\nsecond line\n")
    done = admin(home, "create", "from-file", "--password-file", tmp_path / "password")
    assert (done.returncode, done.stdout) == (0, "from-file may log in on the page\n")
    assert login(home, "from-file").status == 200


def on_terminal(hub, name, *lines):
    """Makes an administrator with what is typed; the exit code, and what the terminal showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BINARY, "admin", "create", name, "--data", hub.data], env=environment(), preexec_fn=lambda: os.login_tty(theirs))
    os.close(theirs)
    shown = b""

    def until(*ends):
        nonlocal shown
        while not shown.endswith(ends):
            assert select.select([ours], [], [], BOUND)[0], shown
            try:
                shown += os.read(ours, 1)
            except OSError:  # the other side has ended
                return

    try:
        for line in lines:
            until(b"Password (at least 12 bytes): ", b"Once more: ")
            shown += b"|"
            os.write(ours, line)
        until(b"nothing ends so")
        return process.wait(BOUND), shown
    finally:
        process.kill()
        os.close(ours)


def test_a_password_is_asked_for_twice_and_never_shown(home):
    typed = PASSWORD.encode() + b"\n"
    code, shown = on_terminal(home, "typed", typed, typed)
    assert code == 0 and PASSWORD.encode() not in shown
    assert login(home, "typed").status == 200
    code, shown = on_terminal(home, "mistyped", typed, b"x" + typed)
    assert code == FAILED and b"not the same" in shown
    code, shown = on_terminal(home, "interrupted", b"\x03")
    assert code == -signal.SIGINT
    assert [login(home, name).status for name in ("mistyped", "interrupted")] == [401, 401]


@pytest.mark.parametrize("name", ["nobody", "a b", "../admins"])
def test_disabling_nobody_fails(home, name):
    assert admin(home, "disable", name).returncode == FAILED


# The page.


def test_the_page_trusts_nothing_but_the_hub(home):
    answer = home.api("GET", "/", key=None)
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert {n: policy[n] for n in ("default-src", "frame-ancestors", "base-uri")} == dict.fromkeys(("default-src", "frame-ancestors", "base-uri"), "'none'")
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "no-referrer"


def test_every_file_that_the_page_names_is_served(home):
    seen, todo = set(), {"/"}
    while todo:
        path = todo.pop()
        seen.add(path)
        answer = home.api("GET", path, key=None)
        assert answer.status == 200, path
        text = answer.body.decode()
        todo |= {p for p in re.findall(r'"(/assets/[^"]+)"', text)} - seen
        todo |= {"/assets/" + name for name in re.findall(r"from '\./([^']+)'", text)} - seen
    assert len(seen) > 10


def test_files_are_sent_again_only_when_they_changed(home):
    first = home.api("GET", "/assets/main.js", key=None)
    assert first.headers["content-type"] == "text/javascript; charset=utf-8" and first.headers["cache-control"] == "no-cache"
    again = home.api("GET", "/assets/main.js", key=None, headers={"If-None-Match": 'W/"x", ' + first.headers["etag"]})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert home.api("GET", "/assets/main.js", key=None, headers={"If-None-Match": '"x"'}).body == first.body
    assert home.api("HEAD", "/assets/main.js", key=None).body == b""


@pytest.mark.parametrize("path", ["/assets/nope.js", "/assets/..%2fmain.js", "/assets/", "/assets/main.js/x", "/index.html", "/assets/%00"])
def test_no_other_file_is_served(home, path):
    assert home.api("GET", path, key=None).status in (400, 404)
