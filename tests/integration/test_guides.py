"""Every shell block of docs/guide/ is run in its order, against a hub that is started as the page says, and answers as the page shows. What stands under
<!-- not run: why --> and <!-- snippet: FILE --> is left out; what stands under <!-- file: NAME --> is the file that the page tells its reader to make. Ports and folders are replaced:
tests run side by side, and are not root."""

import json
import os
import re
import socket
import subprocess

import pytest

import examples
import official
from hub import BINARY, environment, eventually, free_port, run
from sink import BOUND, Reply, Sink
from test_docs import follow, page

GUIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "guide")
PAGES = sorted(name for name in os.listdir(GUIDE) if name.endswith(".md"))
MARK = re.compile(r"<!-- (not run|file|snippet): (.+) -->")
PROGRAMS = {"publish.mjs": ["node"], "publish.py": ["/usr/bin/python3"], "publish.go": ["go", "run"]}
LIKE_ROOT = 'sudo() { while [ "${1#-}" != "$1" ]; do shift 2; done; "$@"; }\n'


def runnable(text):
    """The page with only those shell blocks that are run, line by line where it was; and the files that it gives."""
    lines, files, mark, inside = text.split("\n"), {}, None, None
    for at, line in enumerate(lines):
        if inside is not None:
            if line == "```":
                inside = None
            elif inside:
                files[inside].append(line)
            continue
        found = MARK.fullmatch(line)
        if found:
            mark = found.groups()
        elif line.startswith("```"):
            inside = mark[1] if mark and mark[0] == "file" else ""
            if inside:
                files[inside] = []
            if mark and line == "```sh":
                lines[at] = "```text"
            mark = None
        elif line.startswith("#") and line.strip("#")[:1] == " ":
            assert mark is None, f"line {at + 1}: the mark is for no block"
    return "\n".join(lines), {name: "\n".join(content) + "\n" for name, content in files.items()}


class Reader:
    """Who has the page before him, and a shell of his own. What systemd would do, the test does."""

    def __init__(self, folder, hub, receiver_port):
        self.hub, self.folder, self.receiver_port = hub, folder, receiver_port
        os.symlink(BINARY, folder / "grapnel")
        self.places = [("127.0.0.1:8080", f"127.0.0.1:{hub.port}"), ("127.0.0.1:9000", f"127.0.0.1:{receiver_port}"), ("'127.0.0.1', 9000", f"'127.0.0.1', {receiver_port}"),
            ("127.0.0.1:9001", f"127.0.0.1:{free_port()}"), ("/etc/grapnel/", f"{hub.data}/"), ("/var/lib/grapnel", hub.data), ("/var/backups/grapnel", str(folder))]
        self.shell = examples.Shell(folder, **environment({"GRAPNEL_DATA": hub.data, "PATH": f"{folder}:{os.environ['PATH']}"}))
        self.shell.run(LIKE_ROOT)

    def here(self, text):
        for place, own in self.places:
            text = text.replace(place, own)
        return text

    def run(self, command):
        service = re.fullmatch(r"sudo systemctl (\w+) grapnel", command)
        if service:
            assert service[1] == "restart", command
            self.hub.restart()
            return "", []
        background = command.endswith("&")
        done = self.shell.run(command[:-1] + ">receiver.out 2>&1 &" if background else command)
        if background:
            self.wait_for_receiver()
        return done

    def wait_for_receiver(self):
        """What was started in the background listens before the reader has typed on."""

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.receiver_port)) == 0

        eventually(listens, "the receiver's listening")

    def follow(self, name):
        text, files = runnable(page("docs", "guide", name))
        files["import-endpoints.py"] = page("docs", "snippets", "import-endpoints.py")
        for file, content in files.items():
            (self.folder / file).write_text(self.here(content))
        follow(self, examples.steps(self.here(text)), f"docs/guide/{name}")

    def close(self):
        self.shell.run("kill $(jobs -p) 2>/dev/null; true")
        self.shell.close()


@pytest.fixture
def reader_of(tmp_path, make_hub):
    made = []

    def make(name):
        quick = name == "quick-start.md"
        hub = make_hub(start=False, **({"allow": None} if quick else {}))
        os.makedirs(hub.data)
        with open(os.path.join(hub.data, "grapnel.conf"), "w") as file:
            file.write(run("help", "--sample-conf").stdout)
        hub.start()
        if not quick:
            made.append(Sink())
            made[0].on("/asked", lambda received: Reply(body=json.loads(received.body)["data"]["challenge"].encode()))
        folder = tmp_path / "reader"
        folder.mkdir()
        made.insert(0, Reader(folder, hub, free_port() if quick else made[0].port))
        return made[0]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("name", [name for name in PAGES if name != "quick-start.md"])
def test_blocks_of_a_guide_answer_as_shown(reader_of, name):
    if examples.steps(runnable(page("docs", "guide", name))[0]):
        reader_of(name).follow(name)


def test_quick_start_delivers(reader_of):
    reader = reader_of("quick-start.md")
    reader.follow("quick-start.md")
    with open(reader.folder / "receiver.out") as file:
        assert 'order.created {"order": 1001}' in file.read()
    hub = reader.hub
    hub.wait_delivery({"id": "order-1001"}, "delivered")
    mended = hub.got("/v1/deliveries", endpoint="down")["data"]
    assert len(mended) == 1
    hub.wait_delivery({"id": mended[0]["event"]}, "delivered", hub.got("/v1/endpoints/down"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_publish_do(hub, tmp_path, name):
    """Each publishes one event, a second time too, and says so when it cannot."""
    program, *arguments = PROGRAMS[name]
    command = [official.program(program), *arguments, str(tmp_path / name)]
    (tmp_path / name).write_text(runnable(page("docs", "guide", "publishing.md"))[1][name])

    def publish(key):
        env = {**os.environ, "HUB": f"http://127.0.0.1:{hub.port}", "KEY": key}
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=BOUND * 4)

    for _ in range(2):
        done = publish(hub.admin)
        assert done.returncode == 0, done
    assert hub.got("/v1/events/order-1001-created")["type"] == "order.created"
    done = publish("gk_wrong")
    assert done.returncode != 0 and "401" in done.stderr, done


def test_marks_of_a_page_are_read():
    text = "# A\n<!-- not run: it is long -->\n```sh\nrm x\n```\n<!-- file: a.py -->\n```python\nx = 1\n```\n```sh\necho 1\n```\n"
    shown, files = runnable(text)
    assert files == {"a.py": "x = 1\n"}
    assert [step.command for step in examples.steps(shown)] == ["echo 1"]
