"""The accounting of a crash test (A ⊆ R ⊆ S, bytes equal).

The producer's log holds what was sent (S) and what was acknowledged (A); the receiver's log what arrived (R). Events are told apart
by a number in their payload, so that the accounts do not depend on anything the hub says.
"""

import threading
from collections import defaultdict


class Account:
    def __init__(self):
        self._changed = threading.Condition()
        self.sent = {}  # number -> payload bytes
        self.acknowledged = {}  # number -> event id
        self.received = defaultdict(list)  # number -> [(webhook-id, payload bytes, attempt)]
        self.settled = {}  # number -> how often it had arrived when the store was seen to hold it as delivered
        self.doubts = defaultdict(int)  # number -> at how many kills its outcome was not yet in the store
        self._missing = 0  # acknowledged and not yet received

    def will_send(self, number, payload):
        with self._changed:
            self.sent[number] = payload

    def was_acknowledged(self, number, event_id):
        with self._changed:
            self.acknowledged[number] = event_id
            if number not in self.received:
                self._missing += 1
            self._changed.notify_all()

    def was_received(self, number, webhook_id, payload, attempt=1):
        with self._changed:
            if number in self.acknowledged and number not in self.received:
                self._missing -= 1
            self.received[number].append((webhook_id, payload, attempt))
            self._changed.notify_all()

    def unsettled(self):
        """What has arrived and is not yet known to be recorded as delivered."""
        with self._changed:
            return [number for number in self.received if number not in self.settled]

    def was_killed(self, delivered):
        """The hub was killed and its store holds exactly these (of the unsettled) as delivered: they must never be sent again. All
        others that are under way may be sent once more than the receiver has seen."""
        with self._changed:
            for number in delivered:
                self.settled[number] = len(self.received[number])
            for number in self.sent:
                if number not in self.settled:
                    self.doubts[number] += 1

    def wait_acknowledged(self, count, bound):
        with self._changed:
            return self._changed.wait_for(lambda: len(self.acknowledged) >= count, bound)

    def wait_whole(self, bound):
        """Waits until all that was acknowledged has arrived; false when it did not."""
        with self._changed:
            return self._changed.wait_for(lambda: self._missing == 0, bound)

    def findings(self, refusals=lambda number: 0):
        """What is wrong, in words; an empty list is a pass. refusals(number): how often the receiver refused it, so that it came again."""
        found = []
        with self._changed:
            for number in self.acknowledged:
                if number not in self.received:
                    found.append(f"lost: event {number} ({self.acknowledged[number]}) was acknowledged and never arrived")
            for number, arrivals in self.received.items():
                if number not in self.sent:
                    found.append(f"foreign: event {number} arrived and was never sent")
                    continue
                for webhook_id, payload, _ in arrivals:
                    if payload != self.sent[number]:
                        found.append(f"changed: event {number} arrived with other bytes: {payload[:80]!r}")
                    if self.acknowledged.get(number, webhook_id) != webhook_id:
                        found.append(f"swapped: event {number} was acknowledged as {self.acknowledged[number]} and arrived as {webhook_id}")
                if len({webhook_id for webhook_id, _, _ in arrivals}) > 1:
                    found.append(f"twins: event {number} arrived under several ids")
                if len(arrivals) > self.settled.get(number, len(arrivals)):
                    found.append(f"repeated: event {number} was recorded as delivered and sent again")
                elif len(arrivals) > 1 + refusals(number) + self.doubts[number]:
                    found.append(f"duplicates: event {number} arrived {len(arrivals)} times, in doubt at {self.doubts[number]} kills")
        return found
