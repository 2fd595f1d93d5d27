"""The official library of Standard Webhooks signs what a source of the scheme receives; test_official.py has it verify what the hub sends."""

import json
import subprocess
import time

import official
import providers as p
from providers import Request
from sink import BOUND
from test_schemes import FAILED, OK, verify

SIGN = """
const { Webhook } = require("standardwebhooks");
const { secret, id, seconds, body } = JSON.parse(require("fs").readFileSync(0));
process.stdout.write(new Webhook(secret).sign(id, new Date(seconds * 1000), body));
"""


def signed(body, seconds, secret=p.STANDARD):
    asked = json.dumps({"secret": secret, "id": "msg_1", "seconds": seconds, "body": body})
    env = official.node("standardwebhooks")
    done = subprocess.run(["node", "-e", SIGN], input=asked, capture_output=True, text=True, timeout=BOUND, env=env, check=True)
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
