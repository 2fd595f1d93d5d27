"""What callgrind counted in one run: instructions of each function itself, and how often each was called."""

import os
import re
from collections import Counter

NAME = re.compile(r"\((\d+)\)(?: (.*))?")
# How many instructions these take, and callgrind counts for a "rep stosb" as many as it stores bytes, is the processor's affair.
OF_THE_PROCESSOR = re.compile(r"^_*(rawmem|mem|str|wcs|wmem|stp)[a-z]+_(sse|avx|evex|erms|unaligned|ssse)|_erms$")


class Counts:
    """`own`: (library, function) -> instructions; `calls`: function -> times."""

    def __init__(self, own=(), calls=()):
        self.own = Counter(own)
        self.calls = Counter(calls)

    def __sub__(self, other):
        left = Counts(self.own, self.calls)
        left.own.subtract(other.own)
        left.calls.subtract(other.calls)
        return left

    def instructions(self):
        return sum(self.own.values())

    def called(self, *functions):
        return sum(self.calls[function] for function in functions)


class Reader:
    def __init__(self):
        self.counts = Counts()
        self.names = {"ob": {}, "fn": {}}
        self.object = self.function = ""

    def name(self, kind, text):
        number, name = NAME.fullmatch(text).groups()
        return self.names[kind].setdefault(number, name)

    def read(self, lines):
        for line in lines:
            key, equals, value = line.rstrip("\n").partition("=")
            if equals and key == "ob":
                self.object = os.path.basename(self.name("ob", value))
            elif equals and key == "cob":
                self.name("ob", value)
            elif equals and key == "fn":
                self.function = plain(self.name("fn", value))
            elif equals and key == "cfn":
                callee = plain(self.name("fn", value))
            elif equals and key == "calls":
                self.counts.calls[callee] += int(value.split()[0])
                next(lines)  # what the call cost, all that it called included
            elif line[:1].isdigit() or line[:1] in "+-*":
                self.cost(line)
        return self.counts

    def cost(self, line):
        if not OF_THE_PROCESSOR.search(self.function):
            self.counts.own[self.object, self.function] += int(line.split()[1])


def plain(function):
    """Without what the compiler made of it (a part, a copy) and without the number of a recursion."""
    return re.sub(r"('\d+|\.(isra|part|constprop|cold|lto_priv)(\.\d+)*|@@.*)", "", function)


def read(path):
    with open(path) as file:
        return Reader().read(iter(file))
