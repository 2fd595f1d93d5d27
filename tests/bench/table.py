"""Rows, bounds and how they are printed.

A row is a dict: scenario, name, program and what was measured (docs/PERFORMANCE.md says what each figure means). A bound is held against
one figure of a row; what it says stays with the row."""

import statistics

COLUMNS = (
    # heading, width, how
    ("acked/s", 8, lambda r: number(r.get("acked_per_s"))),
    ("deliv/s", 8, lambda r: number(r.get("delivered_per_s"))),
    ("cpu µs", 7, lambda r: number(r.get("cpu_us"), 1)),
    ("ratio", 6, lambda r: number(r.get("ratio"), 2)),
    ("ack ms p50/p99/p99.9", 21, lambda r: quantiles(r.get("ack"))),
    ("arrival ms p50/p99/p99.9", 24, lambda r: quantiles(r.get("arrival"))),
    ("RSS MB", 7, lambda r: number(r.get("rss_mb"))),
    ("B/event", 8, lambda r: number(r.get("disk_bytes"))),
    ("others+steal", 12, lambda r: "" if r.get("others_percent") is None else f"{r['others_percent']:.0f}%+{r['steal_percent']:.0f}%"),
)


def number(value, digits=0):
    return "" if value is None else f"{value:,.{digits}f}"


def quantiles(hist):
    return "" if not hist or not hist["count"] else "/".join(f"{hist[k]:.1f}" for k in ("p50_ms", "p99_ms", "p999_ms"))


def middle(rows):
    """One row of several rounds: the median of each figure."""
    result = dict(rows[0])
    for name, value in rows[0].items():
        values = [row[name] for row in rows if row.get(name) is not None]
        if isinstance(value, dict):
            result[name] = middle(values)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            result[name] = statistics.median(values)
    result["rounds"] = len(rows)
    return result


class Report:
    def __init__(self, machine):
        self.machine = machine
        self.rows = []
        self.bounds = []

    def heading(self, text):
        print(f"\n{text}", flush=True)
        print("  " + " ".join([f"{'':34}"] + [f"{heading:>{width}}" for heading, width, _ in COLUMNS]), flush=True)

    def add(self, scenario, name, row):
        row = {"scenario": scenario, "name": name, **row}
        self.rows.append(row)
        print("  " + " ".join([f"{name:34}"] + [f"{how(row):>{width}}" for _, width, how in COLUMNS]), flush=True)
        return row

    def bound(self, scenario, text, value, least=None, most=None, unit=""):
        """Exactly one of least and most."""
        if value is None:
            return
        limit = least if least is not None else most
        met = value >= least if least is not None else value <= most
        sign = "≥" if least is not None else "≤"
        off = "" if met or not limit else f"  (off by {abs(value - limit) / limit * 100:.0f} %)"
        self.bounds.append({"scenario": scenario, "what": text, "value": value, "limit": limit, "sign": sign, "unit": unit, "met": met})
        print(f"    {'met    ' if met else 'NOT MET'} {text}: {value:,.2f} {unit} {sign} {limit:,.2f}{off}", flush=True)

    def summary(self):
        missed = [b for b in self.bounds if not b["met"]]
        print(f"\n{len(self.bounds) - len(missed)} bounds met, {len(missed)} not met")
        for bound in missed:
            print(f"  {bound['scenario']}: {bound['what']}: {bound['value']:,.2f} {bound['unit']} instead of {bound['sign']} {bound['limit']:,.2f}")

    def document(self):
        return {"machine": self.machine, "rows": self.rows, "bounds": self.bounds}
