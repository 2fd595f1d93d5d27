"""A client that behaves, beside those that do not."""

import threading
import time

from hub import sanitizer

SLOW_BUILD = bool(sanitizer())
# Half of what the slow ones live: who had to wait for the end of one is found out, on a busy machine, too. The bound of a quiet one is held by
# `make check-hostile`.
P99_MS = 1000


class Neighbour:
    """Publishes on a connection of its own, one event after the other, and keeps how long each took."""

    def __init__(self, hub):
        self.hub, self.took, self.ends = hub, [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        connection = self.hub.connect()
        headers = {"Authorization": f"Bearer {self.hub.admin}", "Content-Type": "application/json"}
        while not self.ends.wait(0.002):
            begun = time.monotonic()
            connection.request("POST", "/v1/events", body=b'{"type":"neighbour.well","data":1}', headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202
            self.took.append((time.monotonic() - begun) * 1000)
        connection.close()

    def __enter__(self):
        assert self.hub.admin
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()

    def p99_ms(self):
        assert len(self.took) >= 100, "too few to say"
        return sorted(self.took)[int(len(self.took) * 0.99)]
