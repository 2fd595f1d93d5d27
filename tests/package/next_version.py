"""Builds the package of a version after this one: the same source with a patch, as Debian's packages have them, that adds a migration."""

import difflib
import glob
import os
import re
import subprocess

from root import run

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGING = os.path.join(HERE, "..", "..", "packaging")
LIST = "src/store/sources.am"
MIGRATION = "-- What the next version will keep.\nCREATE TABLE next_version (\n\tid INTEGER PRIMARY KEY,\n\tnote TEXT NOT NULL\n);\nINSERT INTO next_version (note) SELECT 'found ' || count(*) FROM events;\n"


def _patch(path, before, after):
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{path}" if before else "/dev/null", f"b/{path}")
    return "".join(lines)


def patch(tarball):
    """The text of the patch that adds one migration behind the last."""
    name = os.path.basename(tarball).removesuffix(".tar.xz")
    listed = run(["tar", "-xOf", tarball, f"{name}/{LIST}"])
    last = [line for line in listed.splitlines() if line.startswith("SQLITE_MIGRATIONS")][-1]
    number = int(re.search(r"/(\d{4})_", last).group(1)) + 1
    added = f"sql/migrations/sqlite/{number:04}_next_version.sql"
    return "Description: a migration more\n" + _patch(added, "", MIGRATION) + _patch(LIST, listed, listed.replace(last, f"{last}\nSQLITE_MIGRATIONS += {added}"))


def build_next(tarball, folder):
    """Leaves grapnel_<version>-2_*.deb in the folder and returns its path."""
    version = os.path.basename(tarball).removesuffix(".tar.xz").removeprefix("grapnel-")
    debian, out = os.path.join(folder, "debian"), os.path.join(folder, "packages")
    run(["cp", "-R", os.path.join(PACKAGING, "debian"), debian])
    run(["chmod", "-R", "u+w", debian])
    os.mkdir(os.path.join(debian, "patches"))
    for name, text in (("series", "next.patch\n"), ("next.patch", patch(tarball))):
        with open(os.path.join(debian, "patches", name), "w") as file:
            file.write(text)
    with open(os.path.join(debian, "changelog"), "r+") as file:
        before = file.read()
        file.seek(0)
        file.write(before.split("\n\n  *")[0].replace("-1)", "-2)") + "\n\n  * The next one.\n\n" + re.search(r"^ -- .*$", before, re.M).group() + "\n\n" + before)
    subprocess.run(["sh", os.path.join(PACKAGING, "build-deb"), tarball, debian, out], env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck", "GRAPNEL_LINTIAN": "no"},
                   check=True, stdout=subprocess.DEVNULL)
    (made,) = glob.glob(os.path.join(out, f"grapnel_{version}-2_*.deb"))
    return made
