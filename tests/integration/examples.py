"""The shell examples of the documentation: taken out of a page, run as a reader would paste them, and compared with the answers that the
page shows.

A step is a command in a ```sh block. Where a comment follows that begins with a status, `# 200 {…}`, that is what the last curl of the step
must answer; it goes on in the comment lines that are indented deeper. `…` stands for anything: a value, a part of a text, one or more
other members of an object, any number of elements of an array. An object that is shown without it has these members and no others."""

import json
import os
import re
import subprocess
from dataclasses import dataclass

ANY = "…"
ANSWER = re.compile(r"# (\d{3})\b ?(.*)")
WRAPPER = r"""curl() { command curl -sS --max-time 60 -w '%{stderr}@ %{method} %{url_effective} %{http_code}\n' "$@" 2>>"$CALLS"; }
"""


@dataclass
class Step:
    line: int
    command: str
    status: int = None
    answer: str = ""


def blocks(text, language="sh"):
    """(number of its first line, lines) of each block in this language."""
    found, lines = None, text.splitlines()
    for number, line in enumerate(lines, 1):
        if found is not None and line == "```":
            yield found[0], lines[found[0] - 1 : number - 1]
            found = None
        elif line == "```" + language:
            found = (number + 1,)


def complete(command):
    """Whether a shell would not wait for more of it: no open quote, no line to come."""
    checked = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
    return checked.returncode == 0 and not command.endswith("\\") and "here-document" not in checked.stderr


def steps(text):
    found = []
    for first, lines in blocks(text):
        pending = None
        for number, line in enumerate(lines, first):
            if pending is not None:
                pending.command += "\n" + line
            elif ANSWER.fullmatch(line):
                status, found[-1].answer = ANSWER.fullmatch(line).groups()
                found[-1].status = int(status)
                continue
            elif line.startswith("#  ") and found[-1].status:
                found[-1].answer += "\n" + line[1:].strip()
                continue
            elif not line or line.startswith("#"):
                continue
            else:
                pending = Step(number, line)
            if complete(pending.command):
                found.append(pending)
                pending = None
        assert pending is None, f"line {pending.line}: the command does not end"
    return found


def shown(text):
    """JSON with `…` in it, as a value: ANY stands where it stood; in an object as a member."""
    out, above, at = "", [], 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|…|[^"{}\[\]…]+', text):
        part = token.group()
        if part in "{[":
            above.append(part)
        elif part in "}]":
            above.pop()
        elif part == ANY:
            member = above and above[-1] == "{" and out.rstrip()[-1] in "{,"
            part = f'"{ANY}": 0' if member else f'"{ANY}"'
        out += part
        at = token.end()
    assert at == len(text), text[at:]
    return json.loads(out)


def same_elements(wanted, got):
    if not wanted:
        return not got
    if wanted[0] == ANY:
        return any(same_elements(wanted[1:], got[skipped:]) for skipped in range(len(got) + 1))
    return bool(got) and same(wanted[0], got[0]) and same_elements(wanted[1:], got[1:])


def same(wanted, got):
    if wanted == ANY:
        return True
    if isinstance(wanted, str) and isinstance(got, str):
        return re.fullmatch(".*".join(map(re.escape, wanted.split(ANY))), got, re.DOTALL) is not None
    if isinstance(wanted, dict) and isinstance(got, dict):
        names = set(wanted) - {ANY}
        return (names < set(got) if ANY in wanted else names == set(got)) and all(same(wanted[n], got[n]) for n in names)
    if isinstance(wanted, list) and isinstance(got, list):
        return same_elements(wanted, got)
    return type(wanted) is type(got) and wanted == got


def as_shown(answer, body):
    """Whether a body is what a page shows of it: JSON, lines of JSON, or text."""
    if not answer:
        return True
    try:
        wanted = shown(answer)
    except ValueError:
        wanted = None
    if wanted is not None:
        return same(wanted, json.loads(body))
    lines = answer.split("\n")
    if lines[0].startswith("{"):
        got = body.strip().split("\n")
        return len(lines) == len(got) and all(same(shown(w), json.loads(g)) for w, g in zip(lines, got))
    return same(answer, body)


class Shell:
    """One bash for a whole page, so that a variable that was set stays. Each request that a curl made is noted in `calls`."""

    def __init__(self, folder, **env):
        self.folder = str(folder)
        self.calls_path = os.path.join(self.folder, "calls")
        self.calls = []  # (method, url, status)
        env = {**os.environ, **env, "CALLS": self.calls_path}
        self.process = subprocess.Popen(["bash"], cwd=self.folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(WRAPPER)

    def run(self, command):
        """(what it printed, the calls of its curls)."""
        for name, text in (("step", command + "\n"), ("calls", ""), ("out", "")):
            with open(os.path.join(self.folder, name), "w") as file:
                file.write(text)
        self.process.stdin.write(". ./step >out; echo $?\n")
        self.process.stdin.flush()
        code = self.process.stdout.readline().strip()
        with open(self.calls_path) as file:
            log = file.read()
        assert code == "0", f"{command}\nexit code {code}\n{log}"
        calls = re.findall(r"^@ (\S+) (\S+) (\d+)$", log, re.MULTILINE)
        self.calls += calls
        with open(os.path.join(self.folder, "out")) as file:
            return file.read(), calls

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def body_of(printed):
    """Without the head that curl -i prints."""
    return re.sub(r"\AHTTP/1\.1 .*?\r\n\r\n", "", printed, flags=re.DOTALL)


def fault(step, printed, calls):
    """What is not as the page says; None when all is."""
    if not calls:
        return None
    status = int(calls[-1][2])
    if step.status is None:
        return None if status < 400 else f"answered {status}"
    if status != step.status:
        return f"answered {status}, not {step.status}"
    return None if as_shown(step.answer, body_of(printed)) else "the answer is another than the one shown"
