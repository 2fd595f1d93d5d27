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
WORTH_NAMING = 300  # instructions
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


@pytest.fixture(scope="session")
def measured():
    if hubs.sanitizer():
        pytest.skip("a sanitizer's instructions are not the program's")
    counts = scenario.run_all()
    figures = {name: figures_of(counts[name], number) for name, (_, number, _, _) in scenario.SCENARIOS.items()}
    if RECORD:
        with open(FIGURES, "w") as file:
            json.dump(figures, file, indent="\t")
            file.write("\n")
    return figures


@pytest.fixture(scope="session")
def recorded(measured):
    with open(FIGURES) as file:
        return json.load(file)


def growth(now, before):
    """The parts that grew most, largest first."""
    grown = {name: each - before.get(name, 0) for name, each in now.items()}
    largest = sorted(grown.items(), key=lambda item: -item[1])[:5]
    return ", ".join(f"{name} +{more:,}" for name, more in largest if more >= WORTH_NAMING) or "nothing by much"


@pytest.mark.parametrize("what", ["instructions", "allocations", "statements"])
@pytest.mark.parametrize("name", scenario.SCENARIOS)
def test_what_it_costs_has_not_grown(name, what, measured, recorded):
    _, _, per, margin = scenario.SCENARIOS[name]
    if what == "statements":
        margin *= 2  # how many events share a transaction is a matter of turns above all
    now, before = measured[name], recorded[name]
    percent = 100 * (now[what] - before[what]) / before[what]
    told = f"{now[what]:,} {what} per {per}; recorded are {before[what]:,}: {percent:+.1f} %"
    print(told)
    if percent < -margin:
        warnings.warn(f"{told}. Good: record it (make check-cost RECORD=1), so that it does not grow back")
    assert percent <= margin, f"{told}, and {margin} % are allowed. Instructions grew in: {growth(now['parts'], before['parts'])}. {AGAIN}"
