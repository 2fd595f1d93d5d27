"""What must, or must not, be connected to: a listener that notes who connects and says nothing, a proxy, and a port that nobody gets through to."""

import contextlib
import socket
import threading


class Canary:
    """Listens and closes what connects; `peers` are the addresses that did."""

    def __init__(self, address="127.0.0.2", port=0):
        self._listener = socket.create_server((address, port))
        self.port = self._listener.getsockname()[1]
        self.peers = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                one, peer = self._listener.accept()
            except OSError:
                return
            one.close()
            with self._changed:
                self.peers.append(peer[0])
                self._changed.notify_all()

    def wait_peer(self, bound):
        with self._changed:
            assert self._changed.wait_for(lambda: self.peers, bound), "nobody connected"
            return self.peers[0]

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Proxy:
    """An HTTP proxy that knows CONNECT alone. `status`: what it answers; the way is open with 200. `asked`: for what."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.status = 200
        self.asked = []
        self.heads = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def option(self):
        return ("--egress-proxy", f"http://127.0.0.1:{self.port}")

    def _run(self):
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one):
        with one, contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                more = one.recv(1)
                if not more:
                    return
                head += more
                if head[:1] == b"\x16":  # TLS
                    one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    return
            method, target, _ = head.decode().split("\r\n")[0].split(" ")
            self.heads.append(head)
            self.asked.append(target if method == "CONNECT" else f"{method} {target}")
            if method != "CONNECT" or self.status != 200:
                one.sendall(f"HTTP/1.1 {self.status if method == 'CONNECT' else 405} No\r\nContent-Length: 0\r\n\r\n".encode())
                return
            host, port = target.rsplit(":", 1)
            with socket.create_connection((host.strip("[]"), int(port))) as other:
                one.sendall(b"HTTP/1.1 200 Open\r\n\r\n")
                back = threading.Thread(target=_pass_on, args=(other, one), daemon=True)
                back.start()
                _pass_on(one, other)
                back.join()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _pass_on(source, target):
    with contextlib.suppress(OSError):
        while True:
            some = source.recv(65536)
            if not some:
                break
            target.sendall(some)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def filtered_port():
    """A port of 127.0.0.1 that answers no connection: its queue is full, and the kernel drops what else comes, as a firewall does."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            one = held.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
