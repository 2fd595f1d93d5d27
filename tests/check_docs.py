"""Holds what the documentation says against the tree:

links       every relative link and its anchor lead somewhere; from README.md there is a way to every page
commands    `grapnel …` in shell blocks and code spans names a command of commands.def, with its own options or those of options.def
routes      /v1/… is a route of routes.def, and takes the method that stands before it
options     a code span `section.key`, a key in an ini block, a variable GRAPNEL_…: all of options.def (or a field of the journal)
twice       no page says a thing twice, as merges leave it: a row of a table, or a paragraph's line
snippets    a block under <!-- snippet: FILE --> is that file: `make docs` fills it in

check_docs.py SRCDIR; exits 0 or 1."""

import os
import re
import shlex
import sys

SKIPPED = re.compile(r"\.|build|autom4te|grapnel-\d|var$|venv$|libraries$|node_modules$")
SHELL = {"sh", "console"}
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+(?:\([^()]*\))?)\)")
SPAN = re.compile(r"(`+)(.+?)\1")
ROUTE = re.compile(r"(?:\b(GET|POST|PUT|PATCH|DELETE|HEAD)\s+)?(?<!/api)(/v1/(?:\{\w+\}|[^\s\"'`?)\]{},;|<>\\#])*)")
VARIABLE = re.compile(r"\bGRAPNEL_[A-Z0-9_]+\b")
findings = []


def finding(where, text):
    findings.append(f"{where}: {text}")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


# ---- What there is


class Tree:
    def __init__(self, srcdir):
        self.srcdir = srcdir
        self.pages = {}
        for folder, folders, files in os.walk(srcdir):
            folders[:] = [f for f in folders if not SKIPPED.match(f)]
            for name in files:
                if name.endswith(".md"):
                    path = os.path.normpath(os.path.relpath(os.path.join(folder, name), srcdir))
                    self.pages[path] = Page(path, read(folder, name))
        self.options = re.findall(r'^OPTION(?:_LIVE)?\(\w+, "([^"]+)"', read(srcdir, "src/conf/options.def"), re.MULTILINE)
        self.sections = {name.split(".")[0] for name in self.options if "." in name}
        self.arguments = {re.sub(r"[._]", "-", name) for name in self.options}
        self.commands = {tuple(words.split()): own_options(srcdir, function) for function, words in
                         re.findall(r'^COMMAND\((\w+), "([^"]+)"', read(srcdir, "src/cli/commands.def"), re.MULTILINE)}
        self.routes = re.findall(r'^ROUTE\((\w+), "(/v1/[^"]+)"', read(srcdir, "src/api/routes.def"), re.MULTILINE)
        self.described = read(srcdir, "docs/openapi.json")
        self.fields = set(re.findall(r'"(\w+)":', self.described))
        variables = {"GRAPNEL_" + re.sub(r"[._]", "_", name).upper() for name in self.options}
        self.variables = variables | {name + "_FILE" for name in variables} | {"GRAPNEL_SECTION_KEY", "GRAPNEL_SECTION_KEY_FILE"}
        journal = re.findall(r"^LOG_FIELD_\w+\((\w+)", read(srcdir, "src/base/log_fields.def"), re.MULTILINE)
        self.variables |= {"GRAPNEL_" + name.upper() for name in [*journal, "area", "kind"]}
        for path in ("dev", "tests/tests.am", "tests/integration", "tests/bench"):
            self.variables |= set(VARIABLE.findall(everything_in(os.path.join(srcdir, path))))
        if not (self.pages and self.options and self.commands and self.routes):
            sys.exit("check-docs: no pages, options, commands or routes were found: is srcdir right?")


def everything_in(path):
    if os.path.isfile(path):
        return read(path)
    names = [name for name in os.listdir(path) if name.endswith((".py", ".c"))] if os.path.isdir(path) else []
    return "\n".join(read(path, name) for name in sorted(names))


def own_options(srcdir, function):
    """Those of the table FUNCTION_options[], in whichever file of src/cli it stands."""
    folder = os.path.join(srcdir, "src/cli")
    for name in sorted(os.listdir(folder)):
        found = name.endswith(".c") and re.search(rf"\b{function}_options\[\] = \{{(.*?)\{{0\}}", read(folder, name), re.DOTALL)
        if found:
            return set(re.findall(r'\{"([a-z0-9-]+)",', found[1]))
    return set()


class Page:
    """A Markdown page: its blocks of code by language, its lines without them, its anchors."""

    def __init__(self, path, text):
        self.path, self.prose, self.blocks, self.anchors = path, [], [], set()
        counts, block, self.snippets, snippet = {}, None, [], None
        for number, line in enumerate(text.split("\n"), 1):
            fence = re.match(r"\s*(```+|~~~+)(\w*)", line)
            if block is not None:
                if fence and fence[1].startswith(block[3]) and not fence[2]:
                    self.blocks.append(block[:3])
                    block = None
                else:
                    block[2].append(line[len(block[4]):] if line.startswith(block[4]) else line)
            elif fence:
                block = (number + 1, fence[2], [], fence[1], line[:len(line) - len(line.lstrip())])
                if snippet:
                    self.snippets.append((number, snippet, block[2]))
            else:
                self.prose.append((number, line))
                self._anchor(line, counts)
            snippet = (re.fullmatch(r"<!-- snippet: (\S+) -->", line) or [None, None])[1] if not block else snippet

    def _anchor(self, line, counts):
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        self.anchors.update(re.findall(r'<a (?:id|name)="([^"]+)"', line))
        if heading:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "").lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            counts[slug] = counts.get(slug, -1) + 1
            self.anchors.add(f"{slug}-{counts[slug]}" if counts[slug] else slug)

    def spans(self):
        for number, line in self.prose:
            for span in SPAN.finditer(line):
                yield number, span[2].strip()


# ---- Links


def check_links(tree):
    ways = {path: set() for path in tree.pages}
    for page in tree.pages.values():
        for number, line in page.prose:
            for link in LINK.finditer(SPAN.sub(lambda span: "`" * len(span[0]), line)):
                check_link(tree, page, number, link[1], ways[page.path])
    reached, front = {"README.md"}, ["README.md"]
    while front:
        new = ways.get(front.pop(), set()) - reached
        reached |= new
        front += new
    for path in sorted(set(tree.pages) - reached):
        finding(path, "there is no way to this page from README.md: link to it")


def check_link(tree, page, number, target, ways):
    where = f"{page.path}:{number}"
    if re.match(r"[a-z]+:", target):
        if not re.match(r"https?://[\w.-]+(:\d+)?(/\S*)?$|mailto:\S+@\S+$", target):
            finding(where, f"{target} is no address")
        return
    path, _, anchor = target.partition("#")
    to = os.path.normpath(os.path.join(os.path.dirname(page.path), path)) if path else page.path
    if not os.path.exists(os.path.join(tree.srcdir, to)):
        finding(where, f"the link {target} leads nowhere: there is no {to}")
    elif to in tree.pages:
        ways.add(to)
        if anchor and anchor not in tree.pages[to].anchors:
            finding(where, f"the link {target} leads nowhere: {to} has no heading #{anchor}")


# ---- Commands


def statements(lines, first):
    """(line number, words) of each simple command; a line goes on while a quote is open or it ends with a backslash."""
    pending, start = "", first
    for number, line in enumerate(lines, first):
        if not pending:
            start = number
        pending += line + "\n"
        if line.endswith("\\"):
            continue
        try:
            lexer = shlex.shlex(pending.replace("\\\n", " ").replace("$(", " ; ").replace("`", " ; "), posix=True, punctuation_chars=";&|()<>\n")
            lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, "#"
            words = list(lexer)
        except ValueError:
            continue
        pending, command = "", []
        for word in words + [";"]:
            if word and not word.strip(";&|()\n"):
                if command:
                    yield start, command
                command = []
            else:
                command.append(word)


def grapnel_arguments(words):
    """What follows `grapnel`, where the words are a call of it; None where they are something else."""
    words = list(words)
    while words and (re.match(r"\w+=", words[0]) or words[0] in ("sudo", "exec", "time", "$", "if", "!", "while", "until", "then", "do", "env")):
        front = words.pop(0)
        while front == "sudo" and words and words[0].startswith("-"):
            flag = words.pop(0)
            if flag in ("-u", "-g") and words:
                words.pop(0)
    return words[1:] if words and re.fullmatch(r"(\S*/)?grapnel", words[0]) else None


def check_call(tree, where, arguments):
    if not arguments or arguments[0] in ("--help", "--version", "…"):
        return
    plain = [word for word in arguments if not word.startswith("-")]
    name = next((tuple(plain[:n]) for n in (2, 1) if tuple(plain[:n]) in tree.commands), None)
    groups = {words[0] for words in tree.commands if len(words) > 1}
    if name is None:
        if not (len(plain) == 1 and plain[0] in groups):
            finding(where, f"grapnel {' '.join(arguments[:3])}: there is no such command")
        return
    for word in arguments:
        option = re.match(r"--([a-z0-9-]+)", word)
        if word == "--":
            break
        if option and option[1] not in tree.commands[name] | tree.arguments | {"help"}:
            finding(where, f"grapnel {' '.join(name)} has no option --{option[1]}")


def check_commands(tree):
    for page in tree.pages.values():
        for first, language, lines in page.blocks:
            for number, words in statements(lines, first) if language in SHELL else ():
                arguments = grapnel_arguments(words)
                if arguments is not None:
                    check_call(tree, f"{page.path}:{number}", arguments)
        for number, span in page.spans():
            if re.match(r"(\S*/)?grapnel ", span):
                for _, words in statements([span], number):
                    check_call(tree, f"{page.path}:{number}", grapnel_arguments(words) or [])


# ---- Routes, options, variables, snippets


def fits(path, pattern):
    given, wanted = path.strip("/").split("/"), pattern.strip("/").split("/")
    return len(given) == len(wanted) and all(w.startswith("{") or g == w or "…" in g for g, w in zip(given, wanted))


def check_routes(tree):
    for page in tree.pages.values():
        texts = page.prose + [(first + i, line) for first, _, lines in page.blocks for i, line in enumerate(lines)]
        for number, line in texts:
            for method, path in ROUTE.findall(line):
                path = path.rstrip(".:*")
                if path.rstrip("/") == "/v1" or path.endswith("…"):
                    continue
                methods = {m for m, pattern in tree.routes if fits(path, pattern)}
                if not methods:
                    finding(f"{page.path}:{number}", f"{path} is no route")
                elif method and method not in methods | ({"HEAD"} if "GET" in methods else set()):
                    finding(f"{page.path}:{number}", f"{path} does not take {method}")


def check_options(tree):
    for page in tree.pages.values():
        for number, span in page.spans():
            named = re.fullmatch(r"([a-z_]+)\.([a-z_0-9]+)", span)
            if not named or span in tree.options or named[1] not in tree.sections or named[2] in ("c", "h", "def", "ndjson", "db"):
                continue
            if not (named[1] in tree.fields and named[2] in tree.fields) and f'"{span}"' not in tree.described:
                finding(f"{page.path}:{number}", f"{span} is no option")
        for first, language, lines in page.blocks:
            section = ""
            for number, line in enumerate(lines if language == "ini" else [], first):
                section = (re.fullmatch(r"\[(\w+)\]\s*", line) or [None, section])[1]
                key = re.match(r"[#;]?\s*([a-z_0-9]+)\s*=", line)
                name = f"{section}.{key[1]}" if key and section else key[1] if key else ""
                if key and name not in tree.options:
                    finding(f"{page.path}:{number}", f"{name} is no option")
        texts = page.prose + [(first + i, line) for first, _, lines in page.blocks for i, line in enumerate(lines)]
        for number, line in texts:
            for name in VARIABLE.findall(line):
                if name not in tree.variables and not name.endswith("_"):
                    finding(f"{page.path}:{number}", f"{name} is no variable that grapnel looks at")


def check_snippets(tree):
    for page in tree.pages.values():
        for number, name, lines in page.snippets:
            path = os.path.join(tree.srcdir, name)
            if not os.path.exists(path):
                finding(f"{page.path}:{number}", f"there is no {name}")
            elif read(path) != "\n".join(lines) + "\n":
                finding(f"{page.path}:{number}", f"this is not what stands in {name}: run make docs")
        if page.path.endswith("verifying.md"):
            shown = {name for _, name, _ in page.snippets}
            for name in sorted(os.listdir(os.path.join(tree.srcdir, "docs/snippets"))):
                if f"docs/snippets/{name}" not in shown and name.startswith("verify."):
                    finding(page.path, f"docs/snippets/{name} is not shown")


# ---- What is there twice

MADE_PAGE = ("REFERENCE.md",)  # of the API's description, which says the same of each route
TWICE_LENGTH = 48


def check_twice(tree):
    for page in tree.pages.values():
        if os.path.basename(page.path) in MADE_PAGE:
            continue
        cells, lines = {}, {}
        for number, line in page.prose:
            row = re.match(r"\|\s*(.*?)\s*\|", line)
            if not row:
                cells = {}
            # What is named by code has one row; other first cells (a status, say) may come again, but not with the same rest.
            for key in ({line} | ({row[1]} if row[1].startswith("`") else set())) if row else ():
                first = cells.setdefault(key, number)
                if first != number:
                    finding(f"{page.path}:{number}", f"the row {row[1]} is in this table already, in line {first}")
                    break
            if re.match(r"(- )?[\w*`]", line) and len(line) >= TWICE_LENGTH:
                first = lines.setdefault(line[:TWICE_LENGTH], number)
                if first != number:
                    finding(f"{page.path}:{number}", f"this begins as line {first} does: is it there twice?")


def main(srcdir):
    tree = Tree(srcdir)
    for check in (check_links, check_commands, check_routes, check_options, check_snippets, check_twice):
        check(tree)
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
