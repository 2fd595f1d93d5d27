"""The programs of a run: sink, load source, the hub, and the bare program that it is held against."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import hub as hubs  # noqa: E402

import machine  # noqa: E402

FOLDER = os.path.abspath(os.environ.get("GRAPNEL_BENCH_PROGRAMS", "build/tests/bench"))
SCRATCH = os.path.abspath(os.environ.get("GRAPNEL_BENCH_SCRATCH", "build/bench"))
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
WINDOW = 64  # deliveries under way to one endpoint, of the hub and of the bare program


def program(name):
    return os.path.join(FOLDER, "bench-" + name)


def scratch():
    """A new folder on the disk that is measured."""
    os.makedirs(SCRATCH, exist_ok=True)
    return tempfile.mkdtemp(prefix="run-", dir=SCRATCH)


def wait_port(port, process, bound_s=20):
    end = time.monotonic() + bound_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"nothing listens on port {port}; the program ended with {process.poll()}") from None
            time.sleep(0.01)


class Process:
    """A program that runs until the end of a `with`."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL)

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Certificate:
    """A self-signed certificate for 127.0.0.1, and a way to run grapnel so that it is the one that is trusted."""

    def __init__(self):
        self.folder = scratch()
        self.pem = os.path.join(self.folder, "sink.pem")
        self.wrapper = os.path.join(self.folder, "grapnel")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.pem, "-out", self.pem + ".crt"],
            check=True, stderr=subprocess.DEVNULL)
        with open(self.pem + ".crt") as certificate, open(self.pem, "a") as pem:
            pem.write(certificate.read())
        # In a mount namespace of its own the certificate stands where those of all authorities do.
        with open(self.wrapper, "w") as file:
            file.write(f"""#!/bin/sh
exec unshare --mount {"" if os.getuid() == 0 else "--map-root-user"} sh -c 'mount --bind {self.pem}.crt {AUTHORITIES} && exec "$0" "$@"' {hubs.BINARY} "$@"
""")
        os.chmod(self.wrapper, 0o755)

    def __enter__(self):
        self.binary, hubs.BINARY = hubs.BINARY, self.wrapper
        return self

    def __exit__(self, *_):
        hubs.BINARY = self.binary
        shutil.rmtree(self.folder, ignore_errors=True)

    def usable(self):
        """Whether this machine lets us make such a namespace."""
        return subprocess.run([self.wrapper, "--help"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


class Sink(Process):
    def __init__(self, ports=1, answer="ok", port=None, tls=None):
        """tls: a Certificate."""
        self.port = port or hubs.free_port()
        self.scheme = "https" if tls else "http"
        super().__init__(program("sink"), "--port", self.port, "--ports", ports, "--answer", answer, *(["--tls", tls.pem] if tls else []))
        wait_port(self.port, self.process)

    def url(self, number=1, action="ok", port=0):
        return f"{self.scheme}://127.0.0.1:{self.port + port}/{action}/{number}"

    def control(self, what):
        if self.scheme == "https":
            anyone = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=anyone)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/control/" + what)
            body = connection.getresponse().read()
            return json.loads(body) if body else None
        finally:
            connection.close()

    def stats(self, arrived_by_ns=None):
        return self.control("stats" if arrived_by_ns is None else f"stats?{arrived_by_ns}")

    def reset(self):
        self.control("reset")

    def answer(self, how):
        self.control("answer/" + how)

    def wait(self, distinct, bound_s=120, patience_s=10):
        """Until so many distinct deliveries were there, or none came for patience_s; the last stats."""
        end, last, last_at = time.monotonic() + bound_s, -1, time.monotonic()
        while True:
            stats, now = self.stats(), time.monotonic()
            if stats["distinct"] >= distinct or now > end or now > last_at + patience_s:
                return stats
            if stats["received"] != last:
                last, last_at = stats["received"], now
            time.sleep(0.05)


def source(port, key, bound_s=1200, **options):
    """Runs the load source to its end; what it printed. Options as those of bench-source, with _ for -."""
    command = [program("source"), "--port", str(port), "--key", key]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=bound_s, text=True)
    if not done.stdout:
        raise RuntimeError(f"the load source ended with {done.returncode}: {' '.join(command)}")
    return json.loads(done.stdout)


class Bare(Process):
    """The bare program, as `ingest` or as `hub`, with a store of its own."""

    name = "bare"

    def __init__(self, mode, url=None, window=WINDOW, fan=1):
        self.folder = scratch()
        self.data = self.folder
        self.port = hubs.free_port()
        self.key = "a key that is hashed like any other"
        command = [program("bare"), mode, "--port", self.port, "--store", os.path.join(self.folder, "bare.db"), "--key", self.key]
        command += ["--url", url, "--window", window, "--fan", fan] if url else []
        super().__init__(*command)
        wait_port(self.port, self.process)

    def close(self):
        super().close()
        shutil.rmtree(self.folder, ignore_errors=True)


def bare_alone(mode, **options):
    """The bare program in one of the ways in which it measures itself."""
    folder = scratch()
    try:
        command = [program("bare"), mode, "--store", os.path.join(folder, "bare.db")]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Hub(hubs.Hub):
    """A hub with a folder of its own, for the length of a `with`."""

    name = "hub"
    STANDING = []  # as it comes

    def __init__(self, *options, folder=None, start=True):
        self.folder = folder or scratch()
        super().__init__(self.folder, *options, start=start)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.close()
            elif self.process is not None:
                self.process.kill()
                self.process.wait()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid

    @property
    def key(self):
        return self.admin

    def stop(self, bound_s=600):
        self.terminate(bound=bound_s)

    def endpoint(self, url, types=("bench.*",), **fields):
        fields.setdefault("max_in_flight", WINDOW)
        return self.made("/v1/endpoints", {"url": url, "event_types": list(types), **fields})


class Meter:
    """CPU, memory and disk of a program over a span: begin, then end(events)."""

    def __init__(self, measured, *others):
        self.measured, self.others = measured, [o for o in others if o]
        self.share = machine.Share()
        self.cpu = machine.cpu_s(measured.pid)
        self.others_cpu = sum(machine.cpu_s(o.pid) for o in self.others)
        self.disk = machine.disk_bytes(measured.data)[0]
        self.times = os.times()

    def end(self, events, source_cpu_s=0.0):
        """per event: CPU in µs and bytes on disk; MB of memory at most."""
        cpu = machine.cpu_s(self.measured.pid) - self.cpu
        ours = cpu + sum(machine.cpu_s(o.pid) for o in self.others) - self.others_cpu + source_cpu_s
        times = os.times()
        ours += times.user + times.system - self.times.user - self.times.system
        disk, wal = machine.disk_bytes(self.measured.data)
        events = max(events, 1)
        return {
            "cpu_us": cpu * 1e6 / events,
            "rss_mb": machine.memory_mb(self.measured.pid),
            "disk_bytes": (disk - self.disk) / events,
            "wal_mb": wal / 1e6,
            **self.share.end(ours),
        }
