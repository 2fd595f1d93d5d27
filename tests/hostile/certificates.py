"""Certificates that are good, and bad in one way each, made by openssl in a folder of the run's."""

import os
import subprocess

DAYS = 3


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Certificates:
    def __init__(self, folder):
        self.folder = folder
        self.authority = self._self_signed("authority", "/CN=the authority", ["basicConstraints=critical,CA:TRUE"])
        self._other = self._self_signed("other-authority", "/CN=another authority", ["basicConstraints=critical,CA:TRUE"])

    def path(self, name):
        return os.path.join(self.folder, name)

    def _self_signed(self, name, subject, extensions, key="ec"):
        made = self.path(name)
        arguments = ["req", "-x509", *self._key(key), "-nodes", "-days", str(DAYS), "-subj", subject, "-keyout", made + ".key", "-out", made + ".crt"]
        for extension in extensions:
            arguments += ["-addext", extension]
        openssl(*arguments)
        return self._join(made)

    @staticmethod
    def _key(key):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", key]

    @staticmethod
    def _join(made):
        with open(made + ".pem", "w") as out:
            for part in (".key", ".crt"):
                with open(made + part) as file:
                    out.write(file.read())
        return made + ".pem"

    def self_signed(self):
        return self._self_signed("self", "/CN=127.0.0.1", ["subjectAltName=IP:127.0.0.1"])

    def issued(self, name, by=None, subject="IP:127.0.0.1", key="ec", days=DAYS):
        """days < 0: it ended so many days ago."""
        authority = (by or self.authority).removesuffix(".pem")
        made = self.path(name)
        openssl("req", *self._key(key), "-nodes", "-subj", "/CN=" + name, "-keyout", made + ".key", "-out", made + ".csr")
        with open(made + ".ext", "w") as file:
            file.write(f"subjectAltName={subject}\n")
        arguments = ["x509", "-req", "-in", made + ".csr", "-CA", authority + ".crt", "-CAkey", authority + ".key", "-CAcreateserial",
                     "-days", str(days), "-extfile", made + ".ext", "-out", made + ".crt"]
        openssl(*arguments)
        return self._join(made)

    def good(self):
        return self.issued("good")

    def expired(self):
        return self.issued("expired", days=-1)

    def wrong_host(self):
        return self.issued("wrong-host", subject="DNS:elsewhere.example")

    def unknown_authority(self):
        return self.issued("unknown-authority", by=self._other)

    def weak_key(self):
        return self.issued("weak-key", key="rsa:1024")
