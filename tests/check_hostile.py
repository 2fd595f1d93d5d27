"""Each row of `make check-hostile` stands in docs/SECURITY-MODEL.md, below the heading of its section, and each of these is a row."""

import fnmatch
import os
import sys

SOURCE = sys.argv[1]
sys.path.insert(0, os.path.join(SOURCE, "tests", "hostile"))

import hostile  # noqa: E402

HEADINGS = {"Subscribers": "Subscribers", "Addresses": "Addresses", "TLS": "TLS of endpoints", "HTTP/2": "HTTP/2 of endpoints", "Senders": "Senders"}


def documented(page, heading):
    """The first cells of the tables below a heading whose first column is a row's name."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = section.split("| row of `make check-hostile` |")[1].split("\n\n")[0]
    return [name.strip() for line in table.split("\n")[2:] if line.startswith("|") for name in line.split("|")[1].split(";")]


def main():
    wrong = []
    with open(os.path.join(SOURCE, "docs", "SECURITY-MODEL.md")) as file:
        page = file.read()
    for section, rows in hostile.SECTIONS.items():
        names = documented(page, HEADINGS[section])
        for row in rows:
            if not any(fnmatch.fnmatchcase(row, name) for name in names):
                wrong.append(f"{section}: the row «{row}» is not in docs/SECURITY-MODEL.md")
        for name in names:
            if not fnmatch.filter(rows, name):
                wrong.append(f"{section}: docs/SECURITY-MODEL.md has «{name}», which is no row")
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


main()
