"""What the machine and a process of it are doing, from /proc."""

import os
import time

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count()


def fields(path):
    with open(path) as file:
        return file.read()


def cpu_s(pid):
    """User and system time of a process, all its threads, ended ones included."""
    after_name = fields(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS


def memory_mb(pid, what="VmHWM"):
    """VmHWM: the most that was ever resident; VmRSS: what is now."""
    for line in fields(f"/proc/{pid}/status").splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def wakeups(pid):
    """How often threads of the process went to sleep of their own accord."""
    count = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        for line in fields(f"/proc/{pid}/task/{task}/status").splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                count += int(line.split()[1])
    return count


def disk_bytes(folder):
    """What the files of a folder occupy, and how much of it is the write-ahead log."""
    total = wal = 0
    for name in os.listdir(folder):
        size = os.lstat(os.path.join(folder, name)).st_size
        total += size
        wal += size if name.endswith("-wal") else 0
    return total, wal


def filesystem(path):
    """The type of file system and the device a path is on."""
    best = ("", "unknown", "unknown")
    for line in fields("/proc/mounts").splitlines():
        device, mount, kind = line.split()[:3]
        if os.path.abspath(path).startswith(mount) and len(mount) > len(best[0]):
            best = (mount, kind, device)
    return f"{best[1]} on {best[2]}"


def describe(folder):
    model = next((l.partition(":")[2].strip() for l in fields("/proc/cpuinfo").splitlines() if l.startswith("model name")), "unknown")
    return {
        "cores": CORES,
        "cpu": model,
        "kernel": os.uname().release,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "store": filesystem(folder),
        "loadavg": list(os.getloadavg()),
    }


class Share:
    """Who had the processors during a span: begin, then end(seconds of CPU that were ours)."""

    def __init__(self):
        self.began = time.monotonic()
        self.busy, self.steal = self.now()

    @staticmethod
    def now():
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields("/proc/stat").split("\n")[0].split()[1:9])
        return (user + nice + system + irq + softirq) / TICKS, steal / TICKS

    def end(self, ours_s):
        """Percent of all processors that others had, and that the hypervisor took."""
        busy, steal = self.now()
        whole = (time.monotonic() - self.began) * CORES
        return {
            "others_percent": round(max(0.0, busy - self.busy - ours_s) / whole * 100, 1),
            "steal_percent": round((steal - self.steal) / whole * 100, 1),
        }
