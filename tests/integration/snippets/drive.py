import sys

sys.path.insert(0, sys.argv[1])
from verify import verify  # noqa: E402

with open(sys.argv[2], encoding="latin-1") as file:
    headers = dict(line.rstrip("\n").split(": ", 1) for line in file)
with open(sys.argv[3], "rb") as file:
    print("true" if verify(headers, file.read()) else "false")
