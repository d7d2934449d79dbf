#!/usr/bin/env python3
"""unitls, the command-line tool, with every backend that is built: its server against curl, openssl s_client, gnutls-cli and
itself; and what it says of backends."""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys

import harness
from tool import CLEAN, LOCAL, TIMEOUT, TLS, TRUNCATED, UNITLS, VERIFY, ToolCase

CLIENTS_MAX = 64
WWW_REQUEST_LIMIT = 65536


class Serving(ToolCase):
    def curl(self, port, *arguments):
        return harness.run("curl", "-sS", "--fail", "--noproxy", "*", "--cacert", self.authority.certificate, *arguments,
                           "https://localhost:%d/" % port).decode()

    def client(self, server, context=None, **keywords):
        connection = harness.connect(("127.0.0.1", server.port))
        return harness.wrap(connection, context or harness.client_context(self.authority), server_hostname="localhost",
                            **keywords)

    def test_curl(self):
        for backend in self.those_with():
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--www", "--alpn", "http/1.1")
                for _ in range(3):
                    page = self.curl(server.port)
                    self.assertRegex(page, r"(?m)^backend +%s$" % backend)
                    self.assertRegex(page, r"(?m)^alpn +http/1.1$")
                    self.assertRegex(page, r"(?m)^server name +localhost$")

    def test_a_request_without_an_end(self):
        for backend in self.those_with():
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--www")
                with self.client(server) as client:
                    client.sendall(b"x" * (WWW_REQUEST_LIMIT + 1))
                    self.assertIn(b"200 OK", client.recv(100))

    def test_a_request_in_pieces_and_one_that_never_comes(self):
        for backend in self.those_with():
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--www", "--timeout", "1s")
                with self.client(server) as slow, self.client(server) as client:
                    for byte in b"GET / HTTP/1.0\n\r\n":
                        client.sendall(bytes([byte]))
                    self.assertIn(b"200 OK", client.recv(100))
                    self.assertEqual(slow.recv(1), b"")
                server.log.wait("nothing more came")

    def test_s_client(self):
        """The default mode: standard input to the client, what it sends to standard output."""
        for backend in self.those_with("half-close"):
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--once")
                command = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-CAfile",
                           self.authority.certificate, "-verify_return_error", "-servername", "localhost", "-quiet"]
                client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=subprocess.DEVNULL)
                with client:
                    client.stdin.write(b"from the client\n")
                    client.stdin.flush()
                    self.assertEqual(server.process.stdout.readline(), b"from the client\n")
                    server.process.stdin.write(b"from the server\n")
                    server.process.stdin.flush()
                    self.assertEqual(client.stdout.readline(), b"from the server\n")
                    server.process.stdin.close()
                    self.assertEqual(client.wait(harness.PATIENCE), 0)
                self.assertEqual(server.process.wait(harness.PATIENCE), CLEAN)

    def test_gnutls_cli(self):
        for backend in self.those_with():
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--echo", "--once")
                done = subprocess.run(["gnutls-cli", "--x509cafile", self.authority.certificate, "--port", str(server.port),
                                       "--logfile", os.devnull, "localhost"], input=b"hello\n", stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=harness.PATIENCE, check=False)
                self.assertEqual((done.returncode, done.stdout), (0, b"hello\n"))
                self.assertIn(server.process.wait(harness.PATIENCE), (CLEAN, TRUNCATED))

    def test_every_pair(self):
        for backend in self.those_with():
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--echo")
                for client in self.backends:
                    with self.subTest(client=client):
                        done = self.connect(server.port, "--backend", client, "--quiet", data=b"hello" * 10000)
                        self.check_answer(done, client, b"hello" * 10000)

    def test_a_half_closed_client_still_gets_all(self):
        data = os.urandom(1 << 20)
        for backend in self.those_with("half-close"):
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--once")
                feeder = self.thread(lambda: (server.process.stdin.write(data), server.process.stdin.close()))
                done = self.connect(server.port, data=b"")
                feeder.result()
                self.assertEqual((done.status, done.out), (CLEAN, data), done.said)
                self.assertEqual(server.finish(), (CLEAN, b""))

    def test_many_at_once(self):
        for backend in self.those_with():
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--echo", "--quiet")
                with contextlib.ExitStack() as stack:
                    clients = [stack.enter_context(self.client(server)) for _ in range(8)]
                    for i, client in enumerate(clients):
                        client.sendall(b"%d" % i)
                    for i, client in reversed(list(enumerate(clients))):
                        self.assertEqual(client.recv(10), b"%d" % i)

    def test_more_clients_than_are_served_at_once_wait(self):
        server = self.serve("--echo", "--quiet")
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.client(server)) for _ in range(CLIENTS_MAX)]
            late = stack.enter_context(harness.connect(("127.0.0.1", server.port), timeout=0.5))
            late.sendall(b"no TLS")
            with self.assertRaises(TimeoutError):
                late.recv(1)
            clients[0].close()
            late.settimeout(harness.PATIENCE)
            self.assertEqual(late.recv(1), b"\x15")  # an alert: it is its turn

    def test_one_after_another(self):
        """A client that closes makes room for the next, although standard input goes on."""
        context = harness.client_context(self.authority)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend)
                for text in (b"first\n", b"second\n"):
                    with harness.BufferedTls(harness.connect(("127.0.0.1", server.port)), context,
                                             server_hostname="localhost") as client:
                        client.sendall(text)
                        self.assertEqual(server.process.stdout.readline(), text)
                        server.process.stdin.write(text)
                        server.process.stdin.flush()
                        self.assertEqual(client.recv(100), text)
                        client.end()

    def test_a_stalled_client_does_not_keep_others_out(self):
        server = self.serve("--timeout", "300ms")
        with harness.connect(("127.0.0.1", server.port)):
            with self.client(server) as client:
                client.sendall(b"hello\n")
                self.assertEqual(server.process.stdout.readline(), b"hello\n")
        server.log.wait("the handshake was not complete in time")

    def test_client_certificates(self):
        good = self.authority.issue("client", ["client.example"])
        stranger = harness.Authority(self.folder, "other").issue("stranger", ["client.example"])
        for backend in self.those_with("client-auth"):
            with self.subTest(backend=backend):
                for auth, certificate, status in (("required", good, CLEAN), ("required", None, VERIFY),
                                                  ("required", stranger, VERIFY), ("optional", None, CLEAN),
                                                  ("optional", good, CLEAN), ("optional", stranger, VERIFY),
                                                  ("none", good, CLEAN)):
                    with self.subTest(auth=auth, certificate=certificate):
                        arguments = [] if auth == "none" else ["--ca", self.authority.certificate]
                        server = self.serve("--backend", backend, "--client-auth", auth, "--once", "--echo", "--json",
                                            *arguments)
                        done = self.connect(server.port, *(["--cert", certificate] if certificate else []), data=b"x")
                        ended, out = server.finish()
                        said = json.loads(out)
                        self.assertEqual((ended, said["end"]["exit_status"]), (status, status), said)
                        self.assertEqual(done.status, CLEAN if status == CLEAN else TLS, done.said)
                        if status == CLEAN:
                            verified = certificate == good and auth != "none"
                            self.assertEqual(said["verification"]["verified"], verified)
                            self.assertEqual([each["subject"] for each in said["certificates"]],
                                             ["CN=client"] if verified else [])

    def test_how_one_connection_ended(self):
        for backend in self.those_with("close-info"):
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--once", "--echo")
                with self.client(server) as client:
                    client.unwrap()
                self.assertEqual(server.finish()[0], CLEAN)

                server = self.serve("--backend", backend, "--once", "--echo")
                self.client(server).close()
                self.assertEqual(server.finish()[0], TRUNCATED)

                server = self.serve("--backend", backend, "--once", "--echo")
                with self.assertRaises(ssl.SSLCertVerificationError):
                    self.client(server, ssl.create_default_context())
                self.assertEqual(server.finish()[0], TLS)
                server.log.wait("the client does not trust the authority of our certificate")

                server = self.serve("--backend", backend, "--once", "--echo")
                with harness.connect(("127.0.0.1", server.port)) as client:
                    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    self.assertEqual(client.recv(1), b"\x15")  # the alert arrives
                self.assertEqual(server.finish()[0], TLS)
                server.log.wait("the client may not speak TLS")

    def test_json_is_a_line_for_each_connection(self):
        for backend in self.those_with():
            with self.subTest(backend=backend):
                server = self.serve("--backend", backend, "--echo", "--json", "--alpn", "h2,smtp")
                for alpn in ("smtp", "h2"):
                    self.assertEqual(self.connect(server.port, "--alpn", alpn, data=b"abc").out, b"abc")
                    said = json.loads(server.process.stdout.readline())
                    self.assertEqual((said["role"], said["alpn"], said["end"]["how"], said["end"]["bytes_sent"]),
                                     ("server", alpn, "clean", 3))
                done = self.connect(server.port, "--alpn", "imap")
                self.assertEqual(done.status, TLS)
                said = json.loads(server.process.stdout.readline())
                self.assertEqual(said["end"]["error"]["alert"], "no_application_protocol")

    def test_a_port_that_is_taken(self):
        server = self.serve("--echo")
        done = self.unitls("serve", str(server.port), "--cert", self.certificate)
        self.assertEqual(done.status, LOCAL)
        self.assertIn("cannot listen: 127.0.0.1:%d: Address already in use" % server.port, done.said)

    def test_addresses(self):
        for text, family in (("127.0.0.1:0", socket.AF_INET), ("*:0", socket.AF_INET), ("[::1]:0", socket.AF_INET6),
                             (":0", socket.AF_INET)):
            if family == socket.AF_INET6 and not os.path.exists("/proc/net/if_inet6"):
                print("not applicable: no IPv6 here")
                continue
            server = subprocess.Popen([UNITLS, "serve", text, "--cert", self.certificate, "--echo"],
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            with server:
                try:
                    port = int(server.stderr.readline().rsplit(b":", 1)[1])
                    host = "[::1]" if family == socket.AF_INET6 else "127.0.0.1"
                    done = self.connect(port, "--server-name", "localhost", host=host, data=b"x")
                    self.assertEqual((done.status, done.out), (CLEAN, b"x"), done.said)
                finally:
                    server.terminate()

    def test_a_broken_standard_output_ends_it(self):
        server = self.serve()
        server.process.stdout.close()
        with self.client(server) as client:
            self.assertEqual(client.recv(1), b"")
        self.assertEqual(server.process.wait(harness.PATIENCE), LOCAL)
        server.log.wait("standard output: Broken pipe")


class Backends(ToolCase):
    def test_every_module_is_told(self):
        self.assertEqual(sorted(self.backends), harness.backends())
        text = harness.run(UNITLS, "backends").decode()
        for name, facts in self.backends.items():
            self.assertIn("%s: %s\n" % (name, facts["library"]), text)
            self.assertIn(facts["library"], harness.run(UNITLS, "backends", name).decode())

    def test_every_capability_is_told(self):
        with open(os.path.join(harness.SOURCE, "lib", "include", "unitls", "backend.h")) as source:
            header = source.read()
        names = re.findall(r'X\(\w+, \d+,[\s\\]*"([^"]+)"\)', header)
        self.assertIn("half-close", names)
        for name, facts in self.backends.items():
            self.assertEqual(list(facts["capabilities"]), names)
            text = harness.run(UNITLS, "backends", name).decode()
            for label, value in (("can", True), ("cannot", False)):
                listed = re.search(r"(?m)^    %s +((?:.|\n {18})*)$" % label, text).group(1)
                expected = [each for each in names if facts["capabilities"][each] is value] or ["none"]
                self.assertEqual(re.split(r",\s+", listed), expected)

    def test_every_known_difference_is_told(self):
        with open(os.path.join(harness.SOURCE, "lib", "core", "differences.c")) as source:
            rows = re.findall(r'^\t\{"([^"]+)", "([^"]+)"', source.read(), re.M)
        self.assertGreater(len(rows), 0)
        for what, backend in rows:
            if backend in self.backends:
                told = [each["what"] for each in self.backends[backend]["differences"]]
                if what in told:
                    self.assertIn(what, harness.run(UNITLS, "backends", backend).decode())
                else:
                    print("not of this library: %s, %s" % (backend, what))

    def test_the_daemon_says_the_same(self):
        self.assertEqual(harness.run(harness.UNITLSD, "--backends"), harness.run(UNITLS, "backends"))
        done = harness.run(harness.UNITLSD, "--backends", "--backend-dir", self.folder)
        self.assertEqual(done, b"no backends were found\n")

    def test_the_table_in_the_documentation_is_this_one(self):
        print(harness.run(sys.executable, os.path.join(harness.SOURCE, "tests", "tools", "backends-table"), UNITLS,
                          "--check").decode())

    def test_a_table_that_is_another_is_found_out(self):
        for change, part in (("s/| yes | yes |/| yes | no |/", "here yes"),
                             ("s/(mbedTLS [0-9.]*)/(mbedTLS 1.0)/", "not compared"),
                             ("/`alpn`/d", "the rows differ"), ("s/^\\(| | .*| \\)mbedtls/\\1other/", "mbedtls has no column")):
            for part_of in ("docs", "tests/tools"):
                os.makedirs(self.path(part_of), exist_ok=True)
            for name in ("docs/backends.md", "tests/tools/backends-table"):
                shutil.copy(os.path.join(harness.SOURCE, name), self.path(name))
            # Of the libraries that are here, as others would not be compared.
            harness.run(sys.executable, self.path("tests/tools/backends-table"), UNITLS)
            harness.run("sed", "-i", "/BEGIN BACKENDS/,/END BACKENDS/%s" % change if change.startswith("s")
                        else change, self.path("docs/backends.md"))
            done = subprocess.run([sys.executable, self.path("tests/tools/backends-table"), UNITLS, "--check"],
                                  stdout=subprocess.PIPE, encoding="utf-8", check=False)
            self.assertIn(part, done.stdout, change)
            self.assertEqual(done.returncode, 0 if part == "not compared" else 1)

    def test_a_module_that_cannot_be_loaded(self):
        self.write("broken.so", "no module")
        shutil.copy(os.path.join(harness.MODULES, "openssl.so"), self.path("openssl.so"))
        environment = dict(os.environ, UNITLS_BACKEND_DIR=self.folder)
        done = self.unitls("backends", env=environment)
        self.assertEqual(done.status, LOCAL)
        self.assertIn('backend "broken"', done.said)
        self.assertIn(b"openssl: ", done.out)
        done = self.unitls("backends", "--json", "openssl", env=environment)
        self.assertEqual((done.status, [each["name"] for each in done.json()]), (CLEAN, ["openssl"]))

    def test_a_backend_that_is_not_there(self):
        done = self.unitls("backends", "openssl", "nonesuch")
        self.assertEqual(done.status, LOCAL)
        self.assertIn('no backend "nonesuch" in ', done.said)
        self.assertIn(b"openssl: ", done.out)


if __name__ == "__main__":
    harness.main()
