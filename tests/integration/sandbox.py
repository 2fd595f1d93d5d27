"""Runs a program under the system call filter of packaging/systemd/grapnel.service, with one difference: what the unit refuses kills the process here,
so that a test sees it. python3 sandbox.py PROGRAM ARGUMENTS…

Of the unit are understood: SystemCallFilter=, MemoryDenyWriteExecute= and RestrictAddressFamilies=. Which calls a group has systemd-analyze says."""

import ctypes
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

UNIT = pathlib.Path(__file__).parents[2] / "packaging/systemd/grapnel.service"
KILL, ALLOW = 0x80000000, 0x7FFF0000
MASKED_EQ, PROT_ARGUMENT, PROT_WRITE, PROT_EXEC = 7, 2, 2, 4


class Compare(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def library():
    """libseccomp; None where it is missing."""
    try:
        found = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError:
        return None
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Compare)]
    found.seccomp_load.argtypes = [ctypes.c_void_p]
    return found


def possible():
    return library() is not None and shutil.which("systemd-analyze") is not None


def settings(name):
    """The values of a setting, in their order."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


def calls_of(word):
    """The system calls that a word of SystemCallFilter= stands for."""
    if not word.startswith("@"):
        return {word}
    said = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", word], capture_output=True, text=True, check=True).stdout
    inside = [line.strip() for line in said.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*(calls_of(one) for one in inside))


def allowed_calls():
    allowed = calls_of("@default")
    for value in settings("SystemCallFilter"):
        calls = set().union(*(calls_of(word) for word in value.lstrip("~").split()))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def install(allowed):
    seccomp = library()
    context = seccomp.seccomp_init(KILL)

    def allow(name, *comparisons):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # not of this machine
            return
        array = (Compare * max(1, len(comparisons)))(*comparisons)
        assert seccomp.seccomp_rule_add_array(context, ALLOW, number, len(comparisons), array) == 0, name

    allowed = set(allowed)
    if os.geteuid() == 0:  # SQLite asks for the files' owner of root alone, and the service is not root
        allowed.add("fchown")
    if settings("MemoryDenyWriteExecute") == ["yes"]:
        allowed -= {"mmap", "mprotect", "pkey_mprotect"}
        for bits in (0, PROT_WRITE, PROT_EXEC):
            allow("mmap", Compare(PROT_ARGUMENT, MASKED_EQ, PROT_WRITE | PROT_EXEC, bits))
        allow("mprotect", Compare(PROT_ARGUMENT, MASKED_EQ, PROT_EXEC, 0))
    allowed.discard("socket")
    for family in settings("RestrictAddressFamilies")[0].split():
        allow("socket", Compare(0, MASKED_EQ, 0xFFFFFFFF, getattr(socket, family)))
    for name in sorted(allowed):
        allow(name)
    assert seccomp.seccomp_load(context) == 0, "the filter cannot be loaded"


if __name__ == "__main__":
    install(allowed_calls())
    os.execv(sys.argv[1], sys.argv[1:])
