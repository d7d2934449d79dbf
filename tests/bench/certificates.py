"""The certificates that all proxies share: one authority, an ECDSA P-256 and an RSA-2048 leaf for "localhost", made by the
openssl command line and valid for some days."""

import os
import subprocess

SERVER_NAME = "localhost"


class Certificates:
    """Files in a folder: ca, and for each of "ecdsa" and "rsa" one PEM file with certificate and key."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self._path("ca.pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256", "-days",
                      "30", "-subj", "/CN=bench", "-keyout", self._path("ca.key"), "-out", self.ca)
        self.ecdsa = self._issue("ecdsa", 2, "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.rsa = self._issue("rsa", 3, "rsa:2048")

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def _issue(self, name, serial, *key):
        extensions = self._path(name + ".ext")
        with open(extensions, "w") as out:
            out.write("subjectAltName=DNS:%s,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n" % SERVER_NAME)
        self._openssl("req", "-newkey", *key, "-nodes", "-subj", "/CN=" + SERVER_NAME, "-keyout", self._path(name + ".key"),
                      "-out", self._path(name + ".csr"))
        self._openssl("x509", "-req", "-sha256", "-in", self._path(name + ".csr"), "-CA", self.ca, "-CAkey",
                      self._path("ca.key"), "-set_serial", str(serial), "-days", "30", "-extfile", extensions, "-out",
                      self._path(name + ".crt"))
        with open(self._path(name + ".pem"), "w") as out:
            for part in (".key", ".crt"):
                with open(self._path(name + part)) as source:
                    out.write(source.read())
        return self._path(name + ".pem")
