"""What schemathesis is told about this API beside its description: things that exist, so that it gets past "not found", and where deliveries
may go. SCHEMATHESIS_HOOKS=openapi_hooks; GRAPNEL_FUZZ_KNOWN has the ids and uids of each kind, as JSON."""

import json
import os
import random

import schemathesis

KNOWN = json.loads(os.environ["GRAPNEL_FUZZ_KNOWN"])
KINDS = {"events": "event", "deliveries": "delivery", "endpoints": "endpoint", "subscribers": "subscriber", "operations": "operation", "keys": "key",
    "sources": "source", "rejections": "rejection"}
lot = random.Random(1)


def kind_of(path):
    parts = path.split("/")
    if parts[1] == "in":
        return "source"
    return KINDS.get(parts[2]) if len(parts) > 2 else None


def name_something(case, kind):
    """Every other time the path names something that exists; what is deleted is expendable, and never the key that the tester itself uses: it
    takes ids out of answers, too."""
    known = KNOWN.get(kind, [])
    if case.method == "DELETE":
        known = KNOWN["expendable"].get(kind, known)
    parameters = case.path_parameters
    name = "source" if parameters and "source" in parameters else "id"
    if parameters and name in parameters and known and (lot.random() < 0.5 or parameters[name] == KNOWN["own_key"]):
        parameters[name] = lot.choice(known)


def mend(body):
    """A good URL leads to the sink of this run and nowhere else; names in a body exist every other time; a key lives for a while."""
    if isinstance(body.get("url"), str) and body["url"].lower().startswith("http"):
        body["url"] = KNOWN["url"]
    for name in ("subscriber", "endpoint"):
        if isinstance(body.get(name), str) and lot.random() < 0.5:
            body[name] = lot.choice(KNOWN[name])
    if isinstance(body.get("ids"), list) and lot.random() < 0.5:
        body["ids"] = [lot.choice(KNOWN[lot.choice(["delivery", "rejection"])])]
    if isinstance(body.get("expires_at"), str) and lot.random() < 0.5:
        body["expires_at"] = "2100-01-01T00:00:00Z"


def leave_out(headers):
    """Conditions that hold by no chance would keep most requests from doing anything."""
    for name in ("If-Match", "If-None-Match", "Idempotency-Key"):
        if headers and name in headers and lot.random() < 0.8:
            del headers[name]


def hurry(case):
    """Who waits for an event waits for a moment only: none may come."""
    wait = (case.query or {}).get("wait_ms")
    if isinstance(wait, int) and 50 < wait <= 30000:
        case.query["wait_ms"] = 50


@schemathesis.hook
def before_call(context, case, kwargs):
    leave_out(case.headers)
    name_something(case, kind_of(case.operation.path))
    hurry(case)
    for body in case.body if isinstance(case.body, list) else [case.body]:
        if isinstance(body, dict):
            mend(body)


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    return value.encode("utf-8", "replace") if isinstance(value, str) else value if isinstance(value, bytes) else json.dumps(value).encode()
