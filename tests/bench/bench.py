"""make bench: runs scenarios, prints a table and which bounds are met, writes all figures as JSON. See docs/PERFORMANCE.md.

SCENARIOS='1 2' runs these alone; BENCH=full takes the sizes that the bounds are about, which need hours and 60 GB.
The exit code says only whether it could measure: bounds are met or not on this machine, in this hour."""

import glob
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass

import machine
import rates
import scale
from programs import SCRATCH, hubs
from table import Report

SCENARIOS = {
    "1": rates.ingest,
    "2": rates.end_to_end,
    "3": rates.fan_out,
    "4": rates.batches,
    "5": scale.many_endpoints,
    "6": scale.backlog,
    "7": scale.growth,
    "8": rates.payloads,
    "9": rates.idle,
    "soak": scale.soak,
}


@dataclass
class Size:
    name: str
    seconds: float  # of one measurement
    rounds: int  # of those that are held against the bare program
    drain_s: float
    idle_s: float
    keys: int
    endpoints: int
    backlog: int
    stored: tuple
    soak_slices: int
    soak_s: int
    counts: float = 1

    def count(self, number):
        return int(number * self.counts)


SHORT = Size("short", seconds=4, rounds=3, drain_s=60, idle_s=10, keys=1000000, endpoints=5000, backlog=200000,
             stored=(10000, 1000000), soak_slices=3, soak_s=10)
FULL = Size("full", seconds=10, rounds=5, drain_s=600, idle_s=60, keys=20000000, endpoints=100000, backlog=10000000,
            stored=(10000, 1000000, 20000000), soak_slices=10, soak_s=60, counts=5)


def main():
    size = {"full": FULL, "short": SHORT}[os.environ.get("BENCH") or "short"]
    wanted = (os.environ.get("SCENARIOS") or " ".join(SCENARIOS)).split()
    unknown = [name for name in wanted if name not in SCENARIOS]
    if unknown:
        sys.exit(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    for left in glob.glob(os.path.join(SCRATCH, "run-*")):  # by a run that was broken off
        shutil.rmtree(left)
    os.makedirs(SCRATCH, exist_ok=True)
    about = machine.describe(SCRATCH)
    if hubs.sanitizer():
        sys.exit("this hub is built with a sanitizer: its figures mean nothing")
    print(f"{about['cores']} × {about['cpu']}, Linux {about['kernel']}, store on {about['store']}, load {about['loadavg']}, {size.name} run")
    report, began = Report({**about, "size": size.name}), time.monotonic()
    for name in wanted:
        SCENARIOS[name](report, size)
    report.summary()
    about["loadavg_at_the_end"] = os.getloadavg()
    path = os.path.join(SCRATCH, "bench.json")
    with open(path, "w") as file:
        json.dump(report.document(), file, indent=1)
    print(f"{time.monotonic() - began:.0f} s; all figures: {path}")


if __name__ == "__main__":
    main()
