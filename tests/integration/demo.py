"""./dev demo: a hub, a receiver with three endpoints, two real payloads, and what becomes of them, told on the terminal.

GRAPNEL_BIN names the binary. Ends by itself: 0 when everything went as told."""

import json
import os
import sys
import tempfile
import threading
import time

from hub import Hub, eventually
from sink import Reply, Sink

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
BOLD, DIM, GREEN, RED, PLAIN = ("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else [""] * 5
RETRY = {"schedule_ms": [400, 800]}  # three attempts, quickly: a demo has no three and a half days

begun = time.monotonic()
telling = threading.Lock()


def tell(who, what, colour=""):
    with telling:
        print(f"{DIM}{time.monotonic() - begun:6.2f} s{PLAIN}  {BOLD}{who:<10}{PLAIN} {colour}{what}{PLAIN}", flush=True)


def chapter(text):
    with telling:
        print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def payload(*path):
    with open(os.path.join(DATA, *path), "rb") as file:
        return file.read()


class Receiver:
    """The subscribers' side: three paths that answer as they are told, and say so."""

    def __init__(self):
        self.sink = Sink()
        self.secrets = {}
        self.broken = {"warehouse"}

    def serve(self, name, answer):
        def reply(received):
            status = answer(received)
            signed = "signature right" if received.signed_with(self.secrets[name]) else "SIGNATURE WRONG"
            what = f"gets {received.headers['grapnel-event-type']}, {len(received.body)} bytes, attempt {received.attempt}, {signed}"
            tell(name, f"{what}: answers {status}", GREEN if status < 300 else RED)
            return Reply(status, body=b"ok" if status < 300 else b"out of order, come back later")

        self.sink.on(f"/{name}", reply)


def publish(hub, type, body, **fields):
    head = json.dumps({"type": type, **fields})[:-1].encode()
    answer = hub.api("POST", "/v1/events", body=head + b', "data": ' + body + b"}")
    assert answer.status == 202, answer
    tell("publisher", f"POST /v1/events  {type}, {len(body)} bytes: 202, {answer.json['deliveries']} delivery, {answer.json['id']}")
    return answer.json


def story(hub, receiver):
    works = {
        "billing": lambda r: 200,
        "ci": lambda r: 503 if r.attempt < 3 else 200,
        "warehouse": lambda r: 500 if "warehouse" in receiver.broken else 200,
    }
    takes = {"billing": "order.*", "ci": "github.push", "warehouse": "stock.**"}
    chapter("Three endpoints are registered: billing works, ci fails twice, warehouse is broken.")
    for name, pattern in takes.items():
        made = hub.endpoint(receiver.sink.url(f"/{name}"), [pattern], uid=name, retry=RETRY)
        receiver.secrets[name] = made["secret"]
        receiver.serve(name, works[name])
        tell("hub", f"endpoint {name} takes {pattern} at {made['url']}")

    chapter("1. An order is delivered at once.")
    order = publish(hub, "order.created", payload("orders", "order.created.json").strip(), uid="order-A-10293", subject="orders/A-10293")
    hub.wait_delivery(order, "delivered")
    tell("hub", "the delivery is recorded as delivered", GREEN)

    chapter("2. A real GitHub push is refused twice and retried until it gets through.")
    push = publish(hub, "github.push", payload("github-payloads", "push.payload.json").strip())
    attempts = hub.wait_delivery(push, "delivered")["attempts"]
    tell("hub", f"delivered after {len(attempts)} attempts: {', '.join(str(a['status']) for a in attempts)}", GREEN)

    chapter("3. Stock news for the broken warehouse use up their attempts and end as a dead letter.")
    stock = publish(hub, "stock.level.low", b'{"sku": "ROPE-12MM", "left": 3, "warehouse": "Hamburg"}')
    hub.wait_delivery(stock, "dead")
    (letter,) = hub.dead_letters()
    last = letter["last_attempt"]
    tell("hub", "GET /v1/dead-letters", RED)
    for line in (f"{letter['id']}  {letter['type']}  reason: {letter['reason']}",
        f"{letter['attempt_count']} attempts, the last: {last['detail']}"):
        tell("", line, RED)

    chapter("4. The warehouse is mended, and its dead letters are sent again, all of them with one request.")
    receiver.broken.clear()
    filter = {"filter": {"endpoint": "warehouse"}}
    count = hub.api("POST", "/v1/dead-letters/retry", {**filter, "dry_run": True}).json["count"]
    tell("operator", f"POST /v1/dead-letters/retry {json.dumps(filter)} with dry_run: {count} would be sent")
    operation = hub.api("POST", "/v1/dead-letters/retry", filter).json
    tell("operator", f"without dry_run: 202, operation {operation['id']}")
    done = hub.wait_operation(operation)
    tell("hub", f"the operation is {done['state']}: {done['done']} of {done['total']}")
    hub.wait_delivery(stock, "delivered")
    eventually(lambda: not hub.dead_letters())
    tell("hub", "delivered; there are no dead letters any more", GREEN)


def main():
    receiver = Receiver()
    with tempfile.TemporaryDirectory(prefix="grapnel-demo-") as folder:
        hub = Hub(folder, allow="127.0.0.0/8")
        try:
            print(f"{BOLD}grapnel demo{PLAIN}: a hub on http://127.0.0.1:{hub.port}, a receiver on {receiver.sink.url('')}")
            story(hub, receiver)
        finally:
            receiver.sink.close()
            hub.close()
    print(f"\nThat was all: one delivered, one retried, one dead letter replayed. Now for yourself: {BOLD}./dev run{PLAIN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
