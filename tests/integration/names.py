"""A scripted name server on loopback, by UDP and TCP: for the option dns.servers.

What is not programmed does not exist (NXDOMAIN). Programs can be changed at any moment; every question is counted.
"""

import ipaddress
import socket
import struct
import threading

A, CNAME, AAAA, OPT = 1, 5, 28, 41
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
UDP_MAX = 512


class Names:
    def __init__(self):
        self._lock = threading.Lock()
        self._zone = {}
        self.questions = []  # (name, type), in the order of their coming
        self._udp, self._tcp = self._bind()
        self.port = self._udp.getsockname()[1]
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    @property
    def option(self):
        return ("--dns-servers", f"127.0.0.1:{self.port}")

    def on(self, name, *addresses, ttl=0, rcode=NOERROR, cname=None, silent=False):
        with self._lock:
            self._zone[name] = ([ipaddress.ip_address(a) for a in addresses], ttl, rcode, cname, silent)

    def asked(self, name):
        with self._lock:
            return sum(1 for one, _ in self.questions if one == name)

    def close(self):
        self._udp.sendto(b"", self._udp.getsockname())
        self._tcp.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    @staticmethod
    def _bind():
        while True:
            udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
                tcp.listen()
                return udp, tcp
            except OSError:
                udp.close()
                tcp.close()

    def _serve_udp(self):
        while True:
            query, peer = self._udp.recvfrom(4096)
            if not query:
                return
            answer = self._answer(query)
            if answer and len(answer) > UDP_MAX:
                # Truncated: it shall ask by TCP.
                answer = answer[:2] + bytes([answer[2] | 2]) + answer[3:6] + b"\0" * 6 + _question(query)
            if answer:
                self._udp.sendto(answer, peer)

    def _serve_tcp(self):
        while True:
            try:
                one, _ = self._tcp.accept()
            except OSError:
                return
            with one, one.makefile("rb") as stream:
                while len(length := stream.read(2)) == 2:
                    answer = self._answer(stream.read(struct.unpack("!H", length)[0]))
                    if answer:
                        one.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, query):
        question = _question(query)
        labels, at = [], 0
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode().lower())
            at += 1 + question[at]
        name, kind = ".".join(labels), struct.unpack("!H", question[at + 1 : at + 3])[0]
        with self._lock:
            self.questions.append((name, kind))
            chain, records = [name], []
            while True:
                addresses, ttl, rcode, cname, silent = self._zone.get(chain[-1], ([], 0, NXDOMAIN, None, False))
                if not cname:
                    break
                records.append(_record(chain[-1], CNAME, ttl, _encoded(cname)))
                if cname in chain:  # round and round
                    break
                chain.append(cname)
        if silent:
            return None
        records += [_record(chain[-1], kind, ttl, a.packed) for a in addresses if kind == (A if a.version == 4 else AAAA)]
        return query[:2] + struct.pack("!HHHHH", 0x8580 | rcode, 1, len(records), 0, 0) + question + b"".join(records)


def _encoded(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def _record(name, kind, ttl, data):
    return _encoded(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def _question(query):
    end = 12
    while query[end]:
        end += 1 + query[end]
    return query[12 : end + 5]
