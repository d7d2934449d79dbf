#!/usr/bin/env python3
"""One daemon with a listener for each backend, all in the same workers, in front of plaintext servers: every client against every
listener, a reload under live connections of all of them, both kinds of end, and the backend's name in every line of the log.

100 MB through each backend, resets and the upstream's side are in test_relay.py. time-limit: 600
"""

import os
import re
import ssl
import subprocess
import unittest

import harness
import supervise
import tool

ALL = ("bearssl", "boringssl", "gnutls", "mbedtls", "openssl", "wolfssl")

PROFILE = """
[tls {backend}]
backend = {backend}
certificate = {certificate}
[listener on-{backend}]
listen = 127.0.0.1:0
tls = {backend}
upstream = app
"""


def half_closes():
    """By backend, from what `unitls backends --json` says."""
    return {name: facts["capabilities"]["half-close"] for name, facts in tool.backends().items()}


class Six(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.backends = harness.backends()
        for backend in ALL:
            if backend not in self.backends:
                print("not tested: backend %s was not built" % backend)
        self.certificate = self.path("server.pem")
        self.use(self.authority.issue("first", ["localhost"]))
        self.context = harness.client_context(self.authority)

    def use(self, path):
        os.symlink(path, self.certificate + ".new")
        os.rename(self.certificate + ".new", self.certificate)

    def start(self, upstream):
        config = "".join(PROFILE.format(backend=backend, certificate=self.certificate) for backend in self.backends)
        return self.daemon(config + "[upstream app]\nserver = %s\n" % upstream)

    def open(self, daemon, backend):
        """A connection whose directions can be ended one by one."""
        return harness.BufferedTls(daemon.connect("on-" + backend), self.context, server_hostname="localhost")

    def check_log(self, daemon, **closes):
        """Every line of a listener names its backend, and there are as many ends of each as is said by the backend's name."""
        for backend, count in closes.items():
            daemon.log.wait("event=close ", "listener=on-" + backend + " ", count=count)
        named = set()
        for line in daemon.log.find("listener=on-", " backend="):
            found = harness.fields(line)
            self.assertEqual("on-" + found["backend"], found["listener"], line)
            named.add(found["backend"])
        self.assertEqual(named, set(self.backends))
        for backend, count in closes.items():
            lines = daemon.closes(listener="on-" + backend)
            self.assertEqual(len(lines), count, backend)
            self.assertEqual({line["backend"] for line in lines}, {backend})

    # ---- every client ----

    def curl(self, port):
        return harness.run("curl", "-sS", "--fail", "--noproxy", "*", "--cacert", self.authority.certificate,
                           "https://localhost:%d/file" % port)

    def s_client(self, port):
        return self.ask(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, "-CAfile", self.authority.certificate,
                         "-verify_return_error", "-servername", "localhost", "-quiet", "-ign_eof"])

    def gnutls_cli(self, port):
        return self.ask(["gnutls-cli", "--x509cafile", self.authority.certificate, "--port", str(port), "--logfile", os.devnull,
                         "localhost"], end_of_input=False)

    def unitls(self, port, backend):
        return self.ask([tool.UNITLS, "connect", "localhost:%d" % port, "--ca", self.authority.certificate, "--backend", backend,
                         "--ignore-eof", "--quiet"])

    def ask(self, command, end_of_input=True):
        """Sends a request by a program that joins standard input and output to TLS; the body of what comes."""
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with client:
            client.stdin.write(b"GET /file HTTP/1.0\r\n\r\n")
            client.stdin.flush()
            if end_of_input:
                client.stdin.close()
            out = client.stdout.read()
            said = client.stderr.read()
            client.stdin.close()
            self.assertEqual(client.wait(harness.PATIENCE), 0, said)
        head, _, body = out.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK"), (command, out[:200], said))
        return body

    def test_every_client_against_every_backend(self):
        nginx = self.nginx()
        body = os.urandom(100000)
        with open(os.path.join(nginx.root, "file"), "wb") as out:
            out.write(body)
        daemon = self.start("127.0.0.1:%d" % nginx.port)
        ours = self.backends if os.path.exists(tool.UNITLS) else []
        if not ours:
            print("not tested: unitls connect: unitls was not built")
        for backend in self.backends:
            port = daemon.port("on-" + backend)
            for client in (self.curl, self.s_client, self.gnutls_cli):
                with self.subTest(server=backend, client=client.__name__):
                    self.assertEqual(client(port), body)
            for client in ours:
                with self.subTest(server=backend, client=client):
                    self.assertEqual(self.unitls(port, client), body)
        self.check_log(daemon, **{backend: 3 + len(ours) for backend in self.backends})

    # ---- reload ----

    def serial_of(self, backend, daemon):
        with daemon.connect_tls("on-" + backend, self.context) as client:
            return client.getpeercert()["serialNumber"]

    def exchange(self, client, data):
        client.sendall(data)
        received = b""
        while len(received) < len(data):
            received += client.recv(65536)
        self.assertEqual(received, data)

    def test_a_reload_under_live_connections_of_all_backends(self):
        daemon = self.start(self.server(harness.echo).text())
        live = {backend: self.open(daemon, backend) for backend in self.backends}
        try:
            for round_number in range(2):
                before = {backend: self.serial_of(backend, daemon) for backend in self.backends}
                for client in live.values():
                    self.exchange(client, os.urandom(50000))
                self.use(self.authority.issue("next-%d" % round_number, ["localhost"]))
                self.assertEqual(supervise.reload(daemon)[0], 0)
                for backend, client in live.items():
                    self.exchange(client, os.urandom(50000))
                    self.assertNotEqual(self.serial_of(backend, daemon), before[backend])
            for client in live.values():
                harness.end(client)
                self.assertEqual(harness.read_all(client), b"")
        finally:
            for client in live.values():
                client.close()
        # Two looks at the certificate in each round.
        self.check_log(daemon, **{backend: 5 for backend in self.backends})

    # ---- ends ----

    @unittest.skipUnless(os.path.exists(tool.UNITLS), "unitls was not built: jansson was not found")
    def test_clients_that_end_are_still_answered_where_the_backend_can(self):
        daemon = self.start(self.server(harness.answer_at_end).text())
        live = {backend: self.open(daemon, backend) for backend in self.backends}
        for client in live.values():
            client.sendall(b"question")
        for client in live.values():
            harness.end(client)
        for backend, client in live.items():
            with self.subTest(backend=backend), client:
                self.assertEqual(harness.read_all(client), b"got 8" if half_closes()[backend] else b"")
        self.check_log(daemon, **{backend: 1 for backend in self.backends})
        self.assertEqual({line["reason"] for line in daemon.closes()}, {"done"})

    def test_clients_that_are_cut_off_are_seen_as_that(self):
        ends = []

        def listen(connection):
            connection.sendall(b"go")
            try:
                ends.append(harness.read_all(connection))
            except OSError as error:
                ends.append(error)
        daemon = self.start(self.server(listen).text())
        live = [self.open(daemon, backend) for backend in self.backends]
        for client in live:
            self.assertEqual(client.recv(2), b"go")
            client.sendall(b"half a mess")
        for client in live:
            client.close()
        self.check_log(daemon, **{backend: 1 for backend in self.backends})
        self.assertEqual({line["reason"] for line in daemon.closes()}, {"client_truncated"})
        harness.until(lambda: len(ends) == len(live), "the upstream to hear of all")
        for each in ends:
            self.assertIsInstance(each, harness.RESET)

    def test_handshakes_that_fail_name_the_backend(self):
        daemon = self.start(self.server(harness.echo).text())
        strict = harness.client_context()
        strict.minimum_version = ssl.TLSVersion.TLSv1_2
        strict.maximum_version = ssl.TLSVersion.TLSv1_2
        strict.set_ciphers("AES128-SHA")  # no backend takes it
        for backend in self.backends:
            with self.assertRaises(ssl.SSLError):
                harness.wrap(daemon.connect("on-" + backend), strict, server_hostname="localhost")
            line = daemon.log.wait("event=handshake_failed", "listener=on-" + backend + " ")
            self.assertEqual(harness.fields(line).get("backend"), backend, line)
            self.assertTrue(re.search(r"alert=(handshake_failure|insufficient_security)", line), line)


if __name__ == "__main__":
    harness.main()
