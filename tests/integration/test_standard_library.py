"""The official library of Standard Webhooks (npm standardwebhooks) signs what a source of the scheme receives. `make check-standardwebhooks` installs it; elsewhere
STANDARDWEBHOOKS names a folder with its node_modules."""

import json
import os
import subprocess
import time

import pytest

import providers as p
from providers import Request
from sink import BOUND
from test_schemes import FAILED, OK, verify

FOLDER = os.environ.get("STANDARDWEBHOOKS")
SIGN = """
const { Webhook } = require("standardwebhooks");
const { secret, id, seconds, body } = JSON.parse(require("fs").readFileSync(0));
process.stdout.write(new Webhook(secret).sign(id, new Date(seconds * 1000), body));
"""

pytestmark = pytest.mark.skipif(not FOLDER, reason="make check-standardwebhooks installs the library")


def signed(body, seconds, secret=p.STANDARD):
    asked = json.dumps({"secret": secret, "id": "msg_1", "seconds": seconds, "body": body})
    done = subprocess.run(["node", "-e", SIGN], input=asked, capture_output=True, text=True, timeout=BOUND, cwd=FOLDER, check=True)
    return Request(body.encode(), {"webhook-id": "msg_1", "webhook-timestamp": str(seconds), "webhook-signature": done.stdout})


def test_what_the_library_signs_is_accepted():
    now = int(time.time())
    for body in ('{"type":"invoice.paid","data":{"id":1}}', "", "Grüße, 你好 \u0001", "x" * 100000):
        request = signed(body, now)
        assert verify("standard", request, [p.STANDARD], now=now, expect=OK)["dedupe"] == "msg_1"
        request.body += b"x"
        assert verify("standard", request, [p.STANDARD], now=now, expect=FAILED)["reason"] == "bad_signature"


def test_another_secret_of_the_library_is_refused():
    now = int(time.time())
    request = signed("{}", now, "whsec_" + p.b64(b"y" * 32))
    assert verify("standard", request, [p.STANDARD], now=now, expect=FAILED)["reason"] == "bad_signature"
