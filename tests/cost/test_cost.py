"""What an event costs must not grow unnoticed: instructions, allocations and SQL statements, counted and not timed, against
figures.json. A needless copy, a lookup per row, a statement more is seen on any machine, however busy.

Recorded anew by `make check-cost RECORD=1`, with the default CFLAGS (-g -O2)."""

import json
import os
import warnings

import pytest

import hub as hubs
import scenario

FIGURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "figures.json")
RECORD = bool(os.environ.get("GRAPNEL_COST_RECORD"))
TRIES = 3
WORTH_NAMING = 300  # instructions
WHAT = ("instructions", "allocations", "statements")
AGAIN = "When that is worth it: make check-cost RECORD=1, and commit tests/cost/figures.json with the reason"


def part(library, function):
    """Whose instructions: a function of our own, or a library as a whole."""
    return function if library == os.path.basename(hubs.BINARY) else library.partition(".so")[0] or "unknown"


def figures_of(counts, number):
    parts = {}
    for (library, function), instructions in counts.own.items():
        name = part(library, function)
        parts[name] = parts.get(name, 0) + instructions / number
    return {
        "instructions": round(counts.instructions() / number),
        "allocations": round(counts.called("malloc", "calloc", "realloc") / number, 2),
        "statements": round(counts.called("sqlite3_step") / number, 2),
        "parts": {name: round(each) for name, each in sorted(parts.items()) if each >= WORTH_NAMING},
    }


def margin_of(name, what):
    _, _, _, margin = scenario.SCENARIOS[name]
    return margin * 2 if what == "statements" else margin  # how many events share a transaction is a matter of turns above all


def percent_of(now, before, what):
    return 100 * (now[what] - before[what]) / before[what]


def measure():
    counts = scenario.run_all()
    return {name: figures_of(counts[name], number) for name, (_, number, _, _) in scenario.SCENARIOS.items()}


def least(some, others):
    """The smaller figure of each, and the parts that go with the fewer instructions."""
    fewer = min(some, others, key=lambda figures: figures["instructions"])
    return {**fewer, **{what: min(some[what], others[what]) for what in WHAT}}


@pytest.fixture(scope="session")
def recorded():
    if RECORD:
        return None
    with open(FIGURES) as file:
        return json.load(file)


@pytest.fixture(scope="session")
def measured(recorded):
    """Neighbours that take the processor away break turns up, which adds to what is counted and takes nothing away: so what seems to have grown is
    counted again, and the least counts. What has grown has grown in each."""
    if hubs.sanitizer():
        pytest.skip("a sanitizer's instructions are not the program's")
    figures = measure()
    if RECORD:
        with open(FIGURES, "w") as file:
            json.dump(figures, file, indent="\t")
            file.write("\n")
        return figures
    for _ in range(TRIES - 1):
        if all(percent_of(figures[name], recorded[name], what) <= margin_of(name, what) for name in figures for what in WHAT):
            break
        again = measure()
        figures = {name: least(figures[name], again[name]) for name in figures}
    return figures


def growth(now, before):
    """The parts that grew most, largest first."""
    grown = {name: each - before.get(name, 0) for name, each in now.items()}
    largest = sorted(grown.items(), key=lambda item: -item[1])[:5]
    return ", ".join(f"{name} +{more:,}" for name, more in largest if more >= WORTH_NAMING) or "nothing by much"


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("name", scenario.SCENARIOS)
def test_what_it_costs_has_not_grown(name, what, measured, recorded):
    if RECORD:
        pytest.skip("recorded")
    now, before = measured[name], recorded[name]
    percent, margin = percent_of(now, before, what), margin_of(name, what)
    told = f"{now[what]:,} {what} per {scenario.SCENARIOS[name][2]}; recorded are {before[what]:,}: {percent:+.1f} %"
    print(told)
    if percent < -margin:
        warnings.warn(f"{told}. Good: record it (make check-cost RECORD=1), so that it does not grow back")
    assert percent <= margin, f"{told}, and {margin} % are allowed. Instructions grew in: {growth(now['parts'], before['parts'])}. {AGAIN}"
