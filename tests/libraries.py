"""Installs the official libraries that the black-box tests hold grapnel against, each version pinned, in a folder of their own.

libraries.py FOLDER: the CloudEvents SDK for Python comes to FOLDER/python, by pip; Standard Webhooks for JavaScript to FOLDER/node, by
npm. What is there already stays. Exits 1 when one cannot be had, and says why."""

import os
import subprocess
import sys

CLOUDEVENTS = "cloudevents==2.2.0"
STANDARD_WEBHOOKS = "standardwebhooks@1.1.1"
BOUND = 300  # seconds; each takes a few


def carry_out(*commands):
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"libraries: {command[0]}: {error}")
            return False
        if done.returncode != 0:
            print((done.stdout + done.stderr)[-2000:])
            return False
    return True


def install(folder, name, *commands):
    """Whether this version is there; a file says which one is."""
    stamp = os.path.join(folder, "." + name)
    if os.path.exists(stamp):
        return True
    print(f"libraries: installing {name}")
    if not carry_out(*commands):
        print(f"libraries: {name} cannot be installed here")
        return False
    with open(stamp, "w"):
        return True


def main(folder):
    os.makedirs(folder, exist_ok=True)
    venv, python, node = (os.path.join(folder, name) for name in ("venv", "python", "node"))
    pip = [os.path.join(venv, "bin", "pip"), "install", "-q", "--disable-pip-version-check", "--upgrade", "--target", python, CLOUDEVENTS]
    npm = ["npm", "install", "--prefix", node, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", STANDARD_WEBHOOKS]
    there = [install(python, CLOUDEVENTS, ["/usr/bin/python3", "-m", "venv", venv], pip), install(node, STANDARD_WEBHOOKS, npm)]
    return 0 if all(there) else 1


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
