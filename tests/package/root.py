"""Clean roots of Debian 12 for the tests of packages, and machines that boot in them.

`Roots` makes them: debootstrap from the mirror that this machine's own apt uses, kept as tarballs in a folder, so that the next run needs no
network. A `Root` is one of them, unpacked, to be thrown away. A `Machine` is a root in which systemd is PID 1 (boot), in namespaces of its own:
its network is a loopback that nobody else sees. All of it wants to be root, with the right to mount."""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from hub import eventually  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SUITE = "bookworm"
BASE = ["systemd-sysv"]  # what a machine needs beside what every Debian has
CLONE_NEWNET = 0x40000000
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}


def run(command, **keywords):
    """Runs to a good end, or fails with what it said; stdout and stderr as one text."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, **keywords)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-6000:]}"
    return done.stdout


def sources():
    """[(uri, suite)] of Debian 12 as this machine's apt has them, that of the release itself first."""
    lines = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]).splitlines()
    found = {tuple(line.split()[:2]) for line in lines if line.split()[1].startswith(SUITE) and line.endswith(" main")}
    ordered = sorted(found, key=lambda source: (source[1] != SUITE, source))
    assert ordered and ordered[0][1] == SUITE, f"apt knows no mirror of Debian 12 ({SUITE} main): the clean root is made from one"
    return ordered


class Roots:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        os.makedirs(self.folder, exist_ok=True)
        assert os.geteuid() == 0, "the tests of packages make clean roots and boot them: run them as root"

    def root(self, name, packages=(), install=False):
        """A fresh root beside which `packages` (names, or .deb files with what they depend on) can be installed without a network; or in which they
        are already."""
        return Root(os.path.join(self.folder, name), self._ready(packages, install))

    def _ready(self, packages, install):
        """The tarball of a root with all of these; made once."""
        wanted = [self._needs(package) if package.endswith(".deb") else package for package in packages]
        name = hashlib.sha256(repr((SUITE, BASE, wanted, install)).encode()).hexdigest()[:12]
        ready = os.path.join(self.folder, f"ready-{name}.tar")
        with self._alone():
            if not os.path.exists(ready):
                root = Root(os.path.join(self.folder, f"making-{name}"), self._base())
                root.fetch(packages, install)
                root.pack(ready)
                root.remove()
        return ready

    @contextlib.contextmanager
    def _alone(self):
        """One process makes what all need, the others wait for it."""
        with open(os.path.join(self.folder, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _needs(self, package):
        return run(["dpkg-deb", "--field", package, "Pre-Depends", "Depends"])

    def _base(self):
        base = os.path.join(self.folder, f"base-{SUITE}.tar")
        if not os.path.exists(base):
            root = Root(os.path.join(self.folder, "making-base"))
            (mirror, suite), *_ = sources()
            include = ["--include=" + ",".join(BASE)]
            run(["debootstrap", "--variant=minbase", *include, suite, root.path, mirror])
            root.pack(base)
            root.remove()
        return base


class Root:
    """A folder with a Debian 12 in it; made from a tarball, or empty."""

    def __init__(self, path, tarball=None):
        self.path = path
        self.remove()
        os.makedirs(path)
        if tarball:
            run(["tar", "--numeric-owner", "-xpf", tarball, "-C", path])

    def at(self, *names):
        return os.path.join(self.path, *[name.lstrip("/") for name in names])

    def read(self, name):
        with open(self.at(name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.at(name)), exist_ok=True)
        with open(self.at(name), "w", encoding="utf-8") as file:
            file.write(text)

    def exists(self, name):
        return os.path.lexists(self.at(name))

    def mode(self, name):
        """"0640 root:grapnel", with the names that the root itself knows."""
        status = os.lstat(self.at(name))
        users = {int(line.split(":")[2]): line.split(":")[0] for line in self.read("/etc/passwd").splitlines()}
        groups = {int(line.split(":")[2]): line.split(":")[0] for line in self.read("/etc/group").splitlines()}
        return f"{status.st_mode & 0o7777:04o} {users.get(status.st_uid, status.st_uid)}:{groups.get(status.st_gid, status.st_gid)}"

    def add(self, file, folder="/root"):
        shutil.copy(file, self.at(folder))
        return os.path.join(folder, os.path.basename(file))

    def chroot(self, *command):
        return run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"', self.path, *command], env=ENVIRONMENT)

    def fetch(self, packages, install):
        """With this machine's network: so that installing needs none."""
        proxies = [line for line in run(["apt-config", "dump"]).splitlines() if line.startswith("Acquire::") and "roxy" in line]
        self.write("/etc/apt/apt.conf.d/01machine", "\n".join(proxies) + "\n")
        self.write("/etc/dpkg/dpkg.cfg.d/unsafe-io", "force-unsafe-io\n")
        self.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
        os.chmod(self.at("/usr/sbin/policy-rc.d"), 0o755)
        self.write("/etc/apt/sources.list", "".join(f"deb {uri} {suite} main\n" for uri, suite in sources()))
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            if os.path.exists(name):
                shutil.copy(name, self.at(name), follow_symlinks=True)
        self.chroot("apt-get", "-q", "update")
        here = [self.add(package) if package.endswith(".deb") else package for package in packages]
        if packages:
            self.chroot("apt-get", "-qy", "install", *(["--no-install-recommends"] if install else ["--download-only"]), *here)
        for name in here:
            if name.endswith(".deb"):
                os.remove(self.at(name))
        os.remove(self.at("/usr/sbin/policy-rc.d"))

    def pack(self, tarball):
        run(["tar", "--numeric-owner", "--one-file-system", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*", "-cpf", tarball + ".new", "-C", self.path, "."])
        os.rename(tarball + ".new", tarball)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
        assert not os.path.isdir(os.path.join(self.path, "usr")), f"{self.path} could not be removed: something is mounted in it"


class Machine:
    """systemd in a root, until stop()."""

    def __init__(self, root):
        self.root = root
        self._log = root.path + ".log"
        with open(self._log, "w") as log:
            self._boot = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", os.path.join(HERE, "boot"), root.path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        self.init = eventually(self._find_init, "systemd as PID 1")
        eventually(lambda: self.exists("/run/systemd/private"), "systemd listening")
        self.run("systemctl", "is-system-running", "--wait", codes=(0, 1))

    def _find_init(self):
        """The process that is PID 1 inside, by its number here."""
        if self._boot.poll() is not None:
            with open(self._log) as log:
                raise AssertionError(f"the clean root did not boot; may this user mount, and unshare namespaces?\n{log.read()[-3000:]}")
        pending = [self._boot.pid]
        while pending:
            pid = pending.pop()
            try:
                with open(f"/proc/{pid}/status") as file:
                    status = file.read()
                with open(f"/proc/{pid}/task/{pid}/children") as file:
                    children = [int(child) for child in file.read().split()]
            except OSError:
                continue
            ids = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
            if ids[-1] == "1" and len(ids) > 1 and "Name:\tsystemd" in status:
                return pid
            pending += children
        return None

    def exists(self, name):
        return os.path.lexists(f"/proc/{self.init}/root{name}")

    def run(self, *command, codes=(0,), input=None, env=None):
        """Runs as root in the machine; stdout and stderr as one text."""
        entered = ["nsenter", "--target", str(self.init), "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wd", *map(str, command)]
        done = subprocess.run(entered, input=input, stdin=None if input is not None else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=300, env={**ENVIRONMENT, **(env or {})})
        assert done.returncode in codes, f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-6000:]}\n{self.journal()[-4000:]}"
        return done.stdout

    def journal(self, unit="grapnel.service"):
        done = subprocess.run(["nsenter", "--target", str(self.init), "--mount", "--pid", "--root", "--wd", "journalctl", "--quiet", "--no-pager", "-u", unit],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, env=ENVIRONMENT)
        return done.stdout

    def properties(self, unit, *names):
        lines = self.run("systemctl", "show", unit, "--property", ",".join(names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def network(self):
        return Network(self.init)

    def stop(self):
        if self._boot.poll() is None:
            os.kill(self.init, signal.SIGKILL)  # PID 1 of its namespace: everything in it ends
            self._boot.wait(60)
            with open(self._log) as log:
                said = log.read()
            assert "rmdir" not in said, f"the end of a machine left something behind: {said}"


class Network:
    """with machine.network(): sockets that this thread, and those that it starts, make are the machine's."""

    _libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, pid):
        self._there = f"/proc/{pid}/ns/net"

    def _enter(self, fd):
        if self._libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self):
        self._back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(self._there, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._enter(there)
        finally:
            os.close(there)

    def __exit__(self, *_):
        self._enter(self._back)
        os.close(self._back)


__all__ = ["Machine", "Network", "Root", "Roots", "run", "sources"]
