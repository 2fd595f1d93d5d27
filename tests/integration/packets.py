"""Looks at every packet that a hub sends while subscribers try to lead it astray. Run in a network namespace of its own, as its root (unshare -rn): all
addresses are this machine's there, so that whatever is sent to one would arrive. Prints how many packets went to each, as JSON.

    packets.py FOLDER ALLOW
"""

import fcntl
import json
import os
import socket
import struct
import sys
import threading
from collections import Counter
from ipaddress import ip_address

from canary import Canary
from hub import BOUND, Hub
from names import Names
from sink import Reply, Sink

IPV4 = ["10.1.2.3", "100.64.0.1", "127.0.0.2", "169.254.169.254", "172.16.0.1", "192.0.0.1", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1",
    "192.175.48.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"]
IPV6 = ["fd00::1", "64:ff9b::a00:1", "2002:a00:1::1", "2001:db8::1", "2001:0:a00:1::1", "2620:4f:8000::1", "3fff::1"]
PUBLIC = "1.1.1.1"
ONCE = {"max_attempts": 1}
SIOCSIFADDR, SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP, ETH_P_ALL = 0x8916, 0x8913, 0x8914, 1, 3


def set_up_addresses():
    """This machine's, on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        flags = struct.unpack("16sH14x", fcntl.ioctl(one, SIOCGIFFLAGS, struct.pack("16s16x", b"lo")))[1]
        fcntl.ioctl(one, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
        for number, address in enumerate([a for a in IPV4 if not a.startswith("127.")] + [PUBLIC]):
            place = struct.pack("HH4s8x", socket.AF_INET, 0, ip_address(address).packed)
            fcntl.ioctl(one, SIOCSIFADDR, struct.pack("16s16s", f"lo:{number}".encode(), place))
        for address in IPV6:
            fcntl.ioctl(six, SIOCSIFADDR, struct.pack("16sIi", ip_address(address).packed, 128, socket.if_nametoindex("lo")))


class Sniffer:
    def __init__(self):
        self.sent = Counter()  # by destination
        self._changed = threading.Condition()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            packet, (_, _, kind, *_) = self._socket.recvfrom(65536)
            if kind != socket.PACKET_OUTGOING:
                continue
            where = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
            with self._changed:
                self.sent[str(ip_address(where))] += 1
                self._changed.notify_all()

    def wait(self, address):
        with self._changed:
            assert self._changed.wait_for(lambda: self.sent[address], BOUND), f"no packet went to {address}"


def host(address):
    return f"[{address}]" if ":" in address else address


def lead_astray(hub, names, sink, address, failures):
    """By its address, by a name that has it, by a name that is bent afterwards, and by a redirect."""
    name, port = f"n{len(failures)}.example", sink.port
    for url in (f"http://{host(address)}:{port}/", f"https://{host(address)}:{port}/"):
        answer = hub.api("POST", "/v1/endpoints", {"url": url, "event_types": ["*"]})
        failures.append((url, answer.status, answer.pointers if answer.status == 422 else None))
    names.on("bad-" + name, "127.0.0.1", address)
    answer = hub.api("POST", "/v1/endpoints", {"url": f"http://bad-{name}:{port}/", "event_types": ["*"]})
    failures.append((address, answer.status, answer.pointers if answer.status == 422 else None))
    names.on(name, "127.0.0.1")
    bent = hub.endpoint(f"http://{name}:{port}/", ["none"], retry=ONCE)
    names.on(name, address)
    sink.on(f"/to/{name}", Reply(307, {"location": f"http://{host(address)}:{port}/"}))
    redirected = hub.endpoint(sink.url(f"/to/{name}"), ["none"], retry=ONCE)
    for endpoint in (bent, redirected):
        event = hub.publish("only", endpoint=endpoint["id"])
        failures.append((address, hub.wait_delivery(event, "dead", endpoint)["last_attempt"]["failure"]))


def main():
    set_up_addresses()
    sniffer, names, sink, failures = Sniffer(), Names(), Sink(), []
    hub = Hub(sys.argv[1], *names.option, allow=sys.argv[2])
    with Canary("0.0.0.0", 0) as canary:
        for address in IPV4 + IPV6:
            lead_astray(hub, names, sink, address, failures)
        # What is allowed goes out, and is seen to; all that went before was seen before.
        hub.endpoint(f"https://{PUBLIC}:{canary.port}/", ["public"], retry=ONCE)
        hub.publish("public")
        sniffer.wait(PUBLIC)
    sink.close()
    hub.close()
    names.close()
    print(json.dumps({"sent": {a: sniffer.sent[a] for a in IPV4 + IPV6}, "control": sniffer.sent[PUBLIC], "failures": failures}))
    sys.stdout.flush()
    os._exit(0)


main()
