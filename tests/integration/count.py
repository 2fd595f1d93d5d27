"""Counts the results of all suites below some build folders: automake's .trs files and pytest's JUnit reports.

count.py BROKEN FOLDER…: BROKEN is how many suites ended with an error; if no test failed, the difference is a failure of its own (a
suite that did not even begin). Prints the failed ones, then as the last line "N passed, N failed"; exits 0 only when none failed."""

import glob
import os
import sys
import xml.etree.ElementTree as ElementTree

FAILURES = ("FAIL", "XPASS", "ERROR")


def automake(folder):
    for path in glob.glob(os.path.join(folder, "**", "*.trs"), recursive=True):
        with open(path) as file:
            for line in file:
                if line.startswith(":test-result:"):
                    yield os.path.splitext(path)[0], line.split()[1]


def junit(folder):
    for path in glob.glob(os.path.join(folder, "tests", "*.xml")):
        for case in ElementTree.parse(path).iter("testcase"):
            name = f"{folder}: {case.get('classname')}::{case.get('name')}"
            failed = case.find("failure") is not None or case.find("error") is not None
            yield name, "FAIL" if failed else "SKIP" if case.find("skipped") is not None else "PASS"


def main(broken, folders):
    results = {}
    for folder in folders:
        for name, result in [*automake(folder), *junit(folder)]:
            if results.get(name) not in FAILURES:  # a test that fails and then cannot clean up is reported twice
                results[name] = result
    passed = sum(result in ("PASS", "XFAIL") for result in results.values())
    skipped = sum(result == "SKIP" for result in results.values())
    failed = [name for name, result in results.items() if result in FAILURES]
    for name in failed:
        print(f"FAILED {name}")
    if broken and not failed:
        failed = [f"{broken} suites did not end well"]
        print(f"FAILED {failed[0]}")
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
