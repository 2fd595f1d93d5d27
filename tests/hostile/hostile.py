"""make check-hostile: every row of what grapnel must survive, beside healthy endpoints or clients, as a table with figures.
See docs/SECURITY-MODEL.md. ROWS='reset 410' runs the rows whose names hold one of these words; the exit code says whether all passed."""

import os
import sys
import time
import traceback

import addresses
import http2
import senders
import subscribers
import tls
from stage import Failed

SECTIONS = {"Subscribers": subscribers.ROWS, "Addresses": addresses.ROWS, "TLS": tls.ROWS, "HTTP/2": http2.ROWS, "Senders": senders.ROWS}


def figure(figures, name, form, scale=1.0):
    return "" if figures.get(name) is None else form.format(figures[name] * scale)


def line(name, verdict, figures):
    p99 = "" if figures.get("p99") is None else f"{figures['p99']:.1f} ({figures['before']:.1f})" if figures.get("before") is not None else f"{figures['p99']:.1f}"
    print(f"  {name:48} {verdict:7} {p99:>16} {figure(figures, 'ratio', '{:.2f}'):>6} {figure(figures, 'rss', '{:+.0f}'):>7}  {', '.join(figures.get('codes', []))}", flush=True)


def wanted(name):
    words = os.environ.get("ROWS", "").split(",") if os.environ.get("ROWS") else []
    return not words or any(word.strip().lower() in name.lower() for word in words)


def main():
    failed, ran, began = [], 0, time.monotonic()
    for section, rows in SECTIONS.items():
        rows = {name: run for name, run in rows.items() if wanted(name)}
        if not rows:
            continue
        print(f"\n{section}\n  {'':48} {'':7} {'p99 ms (before)':>16} {'ratio':>6} {'RSS MB':>7}  how attempts ended")
        for name, run in rows.items():
            ran += 1
            try:
                line(name, "pass", run() or {})
            except Failed as why:
                failed.append(name)
                line(name, "FAIL", {"codes": [str(why)]})
            except Exception as why:  # the row itself is broken: not a pass either
                failed.append(name)
                line(name, "BROKEN", {"codes": [repr(why)]})
                traceback.print_exc()
    print(f"\n{ran - len(failed)} of {ran} rows pass, {time.monotonic() - began:.0f} s")
    for name in failed:
        print(f"  failed: {name}")
    sys.exit(1 if failed or not ran else 0)


if __name__ == "__main__":
    main()
