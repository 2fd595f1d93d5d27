"""The same source makes the same bytes: the tarball of `make dist`, and of it the package, whoever makes them, wherever and with whatever settings."""

import hashlib
import os
import subprocess

from root import run

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ELSEWHERE = {"TZ": "Pacific/Chatham", "LANG": "tr_TR.UTF-8", "LC_ALL": "C.UTF-8", "USER": "somebody", "HOME": "/nonexistent"}


def environment(**extra):
    return {**{name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "SOURCE_DATE"))}, **ELSEWHERE, **extra}


def digests(folder, *ends):
    names = sorted(name for name in os.listdir(folder) if name.endswith(ends))
    return {name: hashlib.sha256(open(os.path.join(folder, name), "rb").read()).hexdigest() for name in names}


def test_a_tarball_made_elsewhere_has_the_same_bytes(tarball, tmp_path):
    folder = tmp_path / "another"
    folder.mkdir()
    previous = os.umask(0o077)
    try:
        run([os.path.join(os.path.abspath(SOURCE), "configure"), "-q"], cwd=folder, env=environment())
        run(["make", "-s", "dist-xz"], cwd=folder, env=environment())
    finally:
        os.umask(previous)
    assert digests(folder, ".tar.xz") == digests(os.path.dirname(tarball), os.path.basename(tarball))
    listed = run(["tar", "-tvf", str(folder / os.path.basename(tarball))]).splitlines()
    assert {line.split()[1] for line in listed} == {"0/0"} and len({tuple(line.split()[3:5]) for line in listed}) == 1


def test_a_package_built_elsewhere_has_the_same_bytes(tarball, packages, tmp_path):
    out = tmp_path / "a" / "longer" / "path" / "to" / "build" / "in"
    built = subprocess.run(["sh", os.path.join(SOURCE, "packaging", "build-deb"), tarball, os.path.join(SOURCE, "packaging", "debian"), out],
                           env=environment(DEB_BUILD_OPTIONS="nocheck parallel=1", GRAPNEL_LINTIAN="no"), umask=0o077, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert built.returncode == 0, built.stdout[-6000:]
    ends = (".deb", ".dsc", ".tar.xz")
    assert len(digests(out, *ends)) == 5  # grapnel, its symbols, and the three files of the source package
    assert digests(out, *ends) == digests(packages, *ends)
