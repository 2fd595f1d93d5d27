"""Completion on the command line: the scripts that the program prints, run by the shells themselves."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from hub import environment, run
from sink import BOUND

WHERE = {"--data", "--config", "--url", "--key", "--ca", "--help"}


def of_help(*command):
    """The options that a command's own --help names."""
    return set(re.findall(r"^  (--[a-z0-9-]+)", run(*command, "--help").stdout, re.M)) | set(re.findall(r", (--no-[a-z0-9-]+)$", run(*command, "--help").stdout, re.M))


def commands():
    """All commands, as `grapnel --help` lists them: ("key", "create")."""
    names = []
    for usage in re.findall(r"^  grapnel (.*)$", run("--help").stdout, re.M):
        names.append(tuple(re.match(r"[a-z-]+(?: [a-z][a-z-]+)?(?=$| [^a-z])", usage).group().split()))
    assert len(names) > 40 and ("key", "create") in names and ("serve",) in names, names
    return names


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completions")
    for shell, name in (("bash", "grapnel"), ("zsh", "_grapnel")):
        if shutil.which(shell) is None:
            continue
        made = run("help", "--completion", shell)
        assert made.returncode == 0, made.stderr
        (folder / name).write_text(made.stdout)
        assert subprocess.run([shell, "-n", str(folder / name)], capture_output=True).stderr == b""
    return folder


class Shell:
    """An interactive shell on a terminal of its own, in which `grapnel` prints its arguments: a key pressed there does what it does for a user."""

    def __init__(self, folder, command, setup):
        os.makedirs(folder / "work" / "some-folder", exist_ok=True)
        (folder / "work" / "some file.pem").write_text("")
        (folder / "work" / "grapnel-one.conf").write_text("")
        self.seen = folder / "seen"
        (folder / "setup").write_text(setup)
        env = {**environment(), "TERM": "dumb", "SEEN": str(self.seen), "HOME": str(folder), "ZDOTDIR": str(folder), "LC_ALL": "C.UTF-8"}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder / "work")
            os.execvpe(command[0], command, env)
        self.printed = b""
        self.say(f". {folder}/setup\n")
        self.wait_lines(1)

    def say(self, keys):
        os.write(self.terminal, keys.encode())

    def lines(self):
        """Those that are whole."""
        return self.seen.read_text().split("\n")[:-1] if self.seen.exists() else []

    def wait_lines(self, count):
        """Until the shell has written so many lines; what it prints on the terminal is read, lest it wait."""
        end = time.monotonic() + BOUND
        while len(self.lines()) < count:
            assert time.monotonic() < end, self.printed.decode(errors="replace")
            if select.select([self.terminal], [], [], 0.05)[0]:
                self.printed += os.read(self.terminal, 65536)
        return self.lines()

    def typed(self, keys):
        """The arguments that `grapnel` was called with after these keys and Enter."""
        before = len(self.lines())
        self.say(keys + "\n")
        return self.wait_lines(before + 1)[before].split("|")[1:]

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


CALLED = 'grapnel() { { printf arguments; printf "|%s" "$@"; echo; } >>"$SEEN"; }\n'


@pytest.fixture(params=["bash", "zsh"])
def shell(request, scripts, tmp_path):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    if request.param == "bash":
        made = Shell(tmp_path, ["bash", "--norc", "--noprofile", "-i"], f'{CALLED}. {scripts}/grapnel\necho ready >"$SEEN"\n')
    else:
        setup = f'{CALLED}fpath=({scripts} $fpath)\nautoload -Uz compinit\ncompinit -u -D\nPS1="> "\nunsetopt beep\necho ready >"$SEEN"\n'
        made = Shell(tmp_path, ["zsh", "-f", "-i"], setup)
    made.name = request.param
    yield made
    made.close()


@pytest.mark.parametrize(
    "keys, arguments",
    [
        ("grapnel ser\t", ["serve"]),
        ("grapnel dead\tretr\t", ["dead-letters", "retry"]),
        ("grapnel help key rev\t", ["help", "key", "revoke"]),
        ("grapnel key create --sco\tpub\t", ["key", "create", "--scope", "publish"]),
        ("grapnel serve --log-f\tjs\t", ["serve", "--log-format", "json"]),
        ("grapnel serve --log-level deb\t", ["serve", "--log-level", "debug"]),
        ("grapnel serve --log-level=deb\t", ["serve", "--log-level=debug"]),
        ("grapnel serve --no-opera\t", ["serve", "--no-operational-events"]),
        ("grapnel serve --operational-ev\t--log-l\twa\t", ["serve", "--operational-events", "--log-level", "warn"]),
        ("grapnel key list --log-lev\ter\t", ["key", "list", "--log-level", "error"]),
        ("grapnel key list --log-format=te\t", ["key", "list", "--log-format=text"]),
        ("grapnel key list --config grapnel-o\t", ["key", "list", "--config", "grapnel-one.conf"]),
        ("grapnel serve --data som\t", ["serve", "--data", "some-folder/"]),
        ("grapnel restore some\\ f\t --master-key some\\ fi\t", ["restore", "some file.pem", "--master-key", "some file.pem"]),
        ("grapnel verify stri\t--secret-file gra\t", ["verify", "stripe", "--secret-file", "grapnel-one.conf"]),
        ("grapnel events list --order as\t--json", ["events", "list", "--order", "asc", "--json"]),
        ("grapnel key list --data some-folder --js\t", ["key", "list", "--data", "some-folder", "--json"]),
        ("grapnel key revoke grapnel\t", ["key", "revoke", "grapnel"]),
        ("grapnel key create --name gra\t", ["key", "create", "--name", "gra"]),
        ("grapnel endpoints show billing --js\t", ["endpoints", "show", "billing", "--json"]),
        ("grapnel dead-letters retry one two --log-lev\ter\t", ["dead-letters", "retry", "one", "two", "--log-level", "error"]),
        ("grapnel verify stripe --now 3 --log-lev\ter\t", ["verify", "stripe", "--now", "3", "--log-level", "error"]),
    ],
)
def test_a_line_is_completed(shell, keys, arguments):
    typed = shell.typed(keys)
    if shell.name == "zsh":
        # It writes the value behind a "=", and leaves the slash of a folder away where the word ends.
        typed = [a.rstrip("/") for word in typed for a in word.split("=")]
        arguments = [a.rstrip("/") for word in arguments for a in word.split("=")]
    assert typed == arguments


# Everything that is offered.


ASK_BASH = """
compopt() { :; }
while IFS= read -r line; do
	IFS='|' read -r -a COMP_WORDS <<<"$line"
	[ "${line: -1}" != "|" ] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_grapnel
	echo "${COMPREPLY[*]}"
done
"""


class Bash:
    """Asks the function that bash calls."""

    def __init__(self, scripts):
        self.script = (scripts / "grapnel").read_text() + ASK_BASH

    def offered(self, lines):
        asked = "".join("|".join(["grapnel", *words]) + "\n" for words in lines)
        done = subprocess.run(["bash", "--norc", "-c", self.script], input=asked, capture_output=True, text=True, timeout=BOUND)
        assert (done.returncode, done.stderr) == (0, "")
        answers = done.stdout.split("\n")[:-1]
        assert len(answers) == len(lines)
        return [answer.split() for answer in answers]


# Every candidate goes through compadd; this one writes them down, and the key that completes empties the line again.
ASK_ZSH = """
compadd() {
	if [[ ${@[1,(i)(-|--)]} = *-(O|A|D)\\ * ]]; then
		builtin compadd "$@"
		return
	fi
	local -a __hits
	builtin compadd -A __hits "$@"
	(( $#__hits )) || return 1
	print -rn -- " ${__hits[*]%=}" >>$SEEN
	builtin compadd "$@"
}
asked() {
	zle complete-word
	print >>$SEEN
	BUFFER=
}
zle -N asked
bindkey '^T' asked
"""


class Zsh:
    def __init__(self, scripts, folder):
        self.shell = Shell(folder, ["zsh", "-f", "-i"], f'fpath=({scripts} $fpath)\nautoload -Uz compinit\ncompinit -u -D\nunsetopt beep\n{ASK_ZSH}\necho ready >"$SEEN"\n')

    def offered(self, lines):
        answers = []
        for words in lines:
            before = len(self.shell.lines())
            self.shell.say(" ".join(["grapnel", *words]) + "\x14")
            answers.append(self.shell.wait_lines(before + 1)[before].split())
        return answers


@pytest.fixture(params=["bash", "zsh"])
def asked(request, scripts, tmp_path):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    if request.param == "bash":
        yield Bash(scripts)
    else:
        zsh = Zsh(scripts, tmp_path)
        yield zsh
        zsh.shell.close()


def test_all_commands_and_options_are_offered(asked):
    names = commands()
    firsts = {name[0] for name in names}
    groups = {name[0] for name in names if len(name) == 2}
    first, help_first = asked.offered([("",), ("help", "")])
    assert set(first) - {"--help", "--version"} == firsts == set(help_first)
    for group, offered in zip(sorted(groups), asked.offered([(group, "") for group in sorted(groups)])):
        assert sorted(offered) == sorted(name[1] for name in names if name[0] == group)
    for name, offered in zip(names, asked.offered([(*name, "--") for name in names])):
        assert len(offered) == len(set(offered)), (name, offered)
        # help and version have no hub to be told of; the options are taken all the same.
        assert set(offered) == of_help(*name) | WHERE | (of_help("serve") if name == ("check",) else set()), name


def test_every_option_of_the_hub_is_completed_behind_every_command(asked):
    options = sorted(of_help("serve") - WHERE)
    assert len(options) > 60
    for option, offered in zip(options, asked.offered([("key", "list", option) for option in options])):
        assert option in offered
    # Unless the command has its own of this name.
    (offered,) = asked.offered([("verify", "stripe", "--ur")])
    assert offered == ["--url"]


@pytest.mark.parametrize(
    "words, offered",
    [
        (("serve", "--tls-ports", ""), "all public api"),
        (("serve", "--log-level", ""), "debug info warn error"),
        (("key", "create", "--scope", ""), "publish read manage admin"),
        (("endpoints", "verify", "x", "--endpoints-verify", ""), "none cloudevents challenge"),
        (("endpoints", "drill", "x", "--snippet", ""), "python node go curl"),
        (("help", "--completion", ""), "bash zsh"),
        (("serve", "--listen", ""), ""),
        (("events", "show", ""), ""),
    ],
)
def test_words_are_offered_where_there_are_few(asked, words, offered):
    assert asked.offered([words]) == [offered.split()]


def test_words_that_the_program_knows_are_those_it_takes(asked, hub):
    formats, schemes, deaths, rejections, methods = asked.offered(
        [
            ("endpoints", "add", "http://127.0.0.1:1/", "--format", ""),
            ("sources", "add", ""),
            ("dead-letters", "list", "--reason", ""),
            ("rejections", "list", "--reason", ""),
            ("verify", "none", "--method", ""),
        ]
    )
    assert set(schemes) == {row["name"] for row in hub.got("/v1/schemes")["data"]}
    assert len(formats) == 5 and "exhausted" in deaths and "bad_signature" in rejections and "POST" in methods
    for format in formats:
        hub.endpoint("http://127.0.0.1:1/", format=format)
    for reason in deaths:
        hub.got("/v1/dead-letters", reason=reason)
    for reason in rejections:
        hub.got("/v1/rejections", reason=reason)


def test_a_shell_that_is_not_known_is_named():
    refused = run("help", "--completion", "fish")
    assert refused.returncode == 2 and "--completion must be bash or zsh" in refused.stderr
    assert "needs a value" in run("help", "--completion").stderr
