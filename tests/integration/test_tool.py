#!/usr/bin/env python3
"""unitls, the command-line tool, with every backend that is built: its client against unitlsd, openssl s_server, gnutls-serv
and servers of these tests; standard input and output of all kinds; the command line."""

import contextlib
import hashlib
import os
import pty
import re
import socket
import ssl
import subprocess
import threading

import harness
from tool import CLEAN, LOCAL, NO_CONNECTION, TIMEOUT, TLS, TRUNCATED, UNITLS, USAGE, VERIFY, Result, ToolCase


class Connect(ToolCase):
    def test_through_unitlsd(self):
        echo = self.server(harness.echo)
        daemon = self.daemon("""
[tls server]
certificate = %s
alpn = h2
[listener web]
listen = 127.0.0.1:0
tls = server
upstream = echo
[upstream echo]
server = %s
""" % (self.certificate, echo.text()))
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(daemon.port("web"), "--backend", backend, "--alpn", "http/1.1,h2", data=b"hello")
                self.check_answer(done, backend, b"hello")
                for line in (r"backend +%s" % backend, r"version +TLSv1\.[23]", r"cipher suite +TLS_\w+", r"alpn +h2",
                             r"verified +yes", r"expected name +localhost", r" subject +CN=server", r" issuer +CN=ca",
                             r" names +DNS:localhost, IP:127\.0\.0\.1"):
                    self.assertRegex(done.said, r"(?m)^ *%s$" % line)
                if done.status == CLEAN:
                    self.assertRegex(done.said, r"(?m)^127.*: ended cleanly: 5 bytes received, 5 sent$")

    def test_s_server(self):
        """openssl s_server -rev sends every line back reversed."""
        for backend in self.those_with():
            with self.subTest(backend=backend):
                port = harness.free_port()
                server = self.process(["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-cert", self.certificate,
                                       "-key", self.certificate, "-rev"])
                server.log.wait("ACCEPT")
                done = self.connect(port, "--backend", backend, "--quiet", data=b"abc\n")
                self.check_answer(done, backend, b"cba\n")

    def test_gnutls_serv(self):
        for backend in self.those_with():
            with self.subTest(backend=backend):
                port = harness.free_port()
                server = self.process(["gnutls-serv", "--echo", "--port", str(port), "--x509certfile", self.certificate,
                                       "--x509keyfile", self.certificate])
                server.log.wait("Echo Server listening on")
                done = self.connect(port, "--backend", backend, "--quiet", data=b"hello\n")
                self.check_answer(done, backend, b"hello\n")

    def test_json_says_what_openssl_says(self):
        server = self.tls_server(harness.echo)
        text = harness.run("openssl", "x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256", "-enddate",
                           "-dateopt", "iso_8601").decode()
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend, "--json", data=b"hello")
                said = done.json()
                self.assertEqual((said["role"], said["backend"], said["library"], said["alpn"], said["server_name"]),
                                 ("client", backend, self.backends[backend]["library"], None, "localhost"))
                self.assertIn(said["version"], self.backends[backend]["versions"])
                self.assertIn(said["cipher_suite"], self.backends[backend]["cipher_suites"])
                can = self.backends[backend]["capabilities"]
                self.assertIn(said["group"], ("x25519", "secp256r1", "X25519MLKEM768") if can["group-info"] else (None,))
                self.assertEqual(said["signature_scheme"], "ecdsa_secp256r1_sha256" if can["signature-info"] else None)
                self.assertEqual(said["verification"], {"verified": True, "expected_name": "localhost"})
                self.assertEqual((said["end"]["exit_status"], said["end"]["bytes_received"], said["end"]["bytes_sent"]),
                                 (done.status, 5, 5))
                if self.waits(backend) == CLEAN:
                    self.assertEqual((done.status, said["end"]["how"], done.said), (CLEAN, "clean", ""))
                leaf = said["certificates"][0]
                self.assertIn(leaf["sha256"].upper(), text)
                self.assertIn(leaf["not_after"].replace("T", " "), text)
                self.assertEqual((leaf["subject"], leaf["issuer"], leaf["names"], leaf["key"], leaf["key_bits"]),
                                 ("CN=server", "CN=ca", ["DNS:localhost", "IP:127.0.0.1"], "ecdsa-p256", 256))

    def refuse(self, backend, server, reason, advice, *arguments, ca=True):
        done = self.connect(server.port, "--backend", backend, *arguments, ca=ca, data=b"secret")
        self.assertEqual((done.status, done.out), (VERIFY, b""), done.said)
        self.assertIn("the peer's certificate was refused: %s" % reason, done.said)
        self.assertIn("what to do: ", done.said)
        self.assertIn(advice, done.said)
        said = self.connect(server.port, "--backend", backend, "--json", *arguments, ca=ca).json()
        self.assertEqual((said["end"]["how"], said["end"]["exit_status"], said["end"]["error"]["verify_reason"]),
                         ("verification failed", VERIFY, reason))
        self.assertIn(advice, said["end"]["error"]["what_to_do"])

    def test_an_unknown_authority(self):
        other = harness.Authority(self.folder, "other")
        server = self.tls_server(harness.echo)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                self.refuse(backend, server, "issuer is not trusted", "--ca", "--ca", other.certificate, ca=False)
                self.refuse(backend, server, "issuer is not trusted", "--ca", ca=False)  # the system's authorities

    def test_a_self_signed_certificate(self):
        harness.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "30", "-subj", "/CN=self", "-addext", "subjectAltName=DNS:localhost", "-keyout", self.path("self.key"),
                    "-out", self.path("self.crt"))
        with open(self.path("self.pem"), "w") as out:
            for part in ("self.crt", "self.key"):
                with open(self.path(part)) as source:
                    out.write(source.read())
        server = self.tls_server(harness.echo, self.path("self.pem"))
        for backend in self.those_with():
            with self.subTest(backend=backend):
                self.refuse(backend, server, "self-signed certificate", "trust this very certificate")
                done = self.connect(server.port, "--backend", backend, "--ca", self.path("self.crt"), ca=False, data=b"x")
                self.check_answer(done, backend, b"x")

    def test_a_wrong_name(self):
        server = self.tls_server(harness.echo)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                self.refuse(backend, server, "name does not match", "--server-name", "--server-name", "other.example")

    def test_an_expired_certificate(self):
        server = self.tls_server(harness.echo, self.authority.issue("old", ["localhost"], expired=True))
        for backend in self.those_with():
            with self.subTest(backend=backend):
                self.refuse(backend, server, "expired", "new certificate")

    def test_the_server_name_is_asked_for_and_verified(self):
        names = []
        context = harness.server_context(self.authority.issue("other", ["other.example"]))
        context.sni_callback = lambda tls, name, context: names.append(name)
        server = self.server(harness.echo, context=context)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend, "--server-name", "other.example", host="127.0.0.1")
                self.check_answer(done, backend, b"")
                self.assertEqual(names.pop(), "other.example")

    def test_an_address_is_verified(self):
        server = self.tls_server(harness.echo)
        for backend in self.those_with("ip-names"):
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend, host="127.0.0.1")
                self.check_answer(done, backend, b"")

    def test_insecure_shows_what_is_wrong(self):
        server = self.tls_server(harness.echo, self.authority.issue("old", ["other.example"], expired=True))
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend, "--insecure", "--json", ca=False, data=b"x")
                self.assertEqual(done.status, self.waits(backend), done.said)
                said = done.json()
                self.assertEqual(said["verification"], {"verified": False, "expected_name": "localhost",
                                                        "why_not": "--insecure", "name_matches": False, "valid_now": False})
                self.assertEqual(said["certificates"][0]["names"], ["DNS:other.example"])

    def test_a_name_that_would_upset_a_terminal(self):
        harness.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8",
                    "-days", "30", "-subj", "/CN=\x1b[2Jevil/O=M\u00fcller, Inc", "-addext",
                    "subjectAltName=URI:http://a/\x1b[31m", "-keyout", self.path("evil.key"), "-out", self.path("evil.crt"))
        server = self.server(harness.echo, context=self.context(self.path("evil.crt"), self.path("evil.key")))
        done = self.connect(server.port, "--insecure", ca=False)
        self.assertEqual(done.status, CLEAN, done.said)
        self.assertNotIn("\x1b", done.said)
        self.assertRegex(done.said, r"(?m)^  subject +O=M\u00fcller\\, Inc,CN=\\1b\[2Jevil$")
        self.assertRegex(done.said, r"(?m)^  names +URI:http://a/\\x1b\[31m$")

    @staticmethod
    def context(certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def test_truncation_is_no_clean_end(self):
        server = self.tls_server(lambda connection: connection.sendall(b"all of it?"), clean=False)
        for backend in self.those_with("close-info"):
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend)
                self.assertEqual((done.status, done.out), (TRUNCATED, b"all of it?"), done.said)
                self.assertIn("without a close_notify: what came may not be all", done.said)

    def test_a_reset_is_no_clean_end(self):
        def handle(connection):
            connection.recv(1)
            harness.reset(connection.socket)
        server = self.tls_server(handle)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend, data=b"x")
                self.assertEqual(done.status, TRUNCATED, done.said)

    def test_half_close(self):
        """The end of standard input is passed on, and what the server says then still arrives."""
        server = self.tls_server(harness.answer_at_end)
        for backend in self.those_with("half-close"):
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend, data=b"0123456789" * 5000)
                self.assertEqual((done.status, done.out), (CLEAN, b"got 50000"), done.said)

    def test_without_half_close_the_server_ends_first(self):
        """Held back as --ignore-eof does it for all: a server that waits for our end is given up, one that ends is not."""
        waits = self.tls_server(harness.answer_at_end)
        ends = self.tls_server(lambda connection: connection.sendall(b"got " + connection.recv(100)))
        for backend in self.those_with():
            with self.subTest(backend=backend):
                for port, expected in ((waits.port, (TIMEOUT, b"")), (ends.port, (CLEAN, b"got x"))):
                    done = self.connect(port, "--backend", backend, "--ignore-eof", "--timeout", "700ms", data=b"x")
                    self.assertEqual((done.status, done.out), expected, done.said)

    def test_the_server_may_end_first(self):
        """What is still to be sent is sent after the server's close_notify."""
        received = []

        def handle(connection):
            connection.end()
            received.append(harness.read_all(connection))
        server = self.tls_server(handle, clean=False)
        for backend in self.those_with("half-close"):
            with self.subTest(backend=backend):
                client = self.start(server.port, "--backend", backend, "--quiet", stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
                with client:
                    client.stdin.write(b"late" * 20000)
                    client.stdin.close()
                    self.assertEqual(client.stdout.read(), b"")
                    self.assertEqual(client.wait(harness.PATIENCE), CLEAN)
                harness.until(lambda: received, "the server's end")
                self.assertEqual(received.pop(), b"late" * 20000)

    def test_a_silent_standard_input_does_not_outlast_the_server(self):
        server = self.tls_server(lambda connection: None)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                client = self.start(server.port, "--backend", backend, "--quiet", "--timeout", "500ms",
                                    stdin=subprocess.PIPE)
                with client:
                    self.assertEqual(client.wait(harness.PATIENCE), CLEAN)

    def test_much_in_both_directions(self):
        server = self.tls_server(harness.echo)
        data = os.urandom(4 << 20)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend, "--quiet", data=data)
                self.assertEqual((done.status, len(done.out), hashlib.sha256(done.out).digest()),
                                 (self.waits(backend), len(data), hashlib.sha256(data).digest()), done.said)

    def test_a_slow_reader_of_standard_output_stops_the_server(self):
        """Nothing is piled up in memory: the server cannot send more than buffers hold."""
        sent = []

        def handle(connection):
            connection.socket.settimeout(1)
            with contextlib.suppress(TimeoutError):
                while sum(sent) < 64 << 20:
                    connection.sendall(b"x" * 65536)
                    sent.append(65536)
        server = self.tls_server(handle, clean=False)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                del sent[:]
                client = self.start(server.port, "--backend", backend, "--quiet", stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
                with client:
                    harness.until(lambda: server.accepted and not self.serving(), "the server to be stopped")
                    self.assertLess(sum(sent), 32 << 20)
                    got = len(client.stdout.read())
                    self.assertLessEqual(sum(sent), got)
                    self.assertEqual(client.wait(harness.PATIENCE), TRUNCATED)

    @staticmethod
    def serving():
        return any("_serve" in thread.name for thread in threading.enumerate())

    def test_nobody_there(self):
        done = self.connect(harness.free_port())
        self.assertEqual(done.status, NO_CONNECTION)
        self.assertIn("Connection refused", done.said)
        done = self.connect(harness.free_port(), "--json")
        self.assertEqual((done.json()["end"]["how"], done.status), ("no connection", NO_CONNECTION))
        done = self.unitls("connect", "localhost:nonesuch", "--ca", self.authority.certificate)
        self.assertEqual(done.status, NO_CONNECTION)
        self.assertIn('"nonesuch" is no port', done.said)
        done = self.unitls("connect", "name.invalid:443", "--ca", self.authority.certificate)
        self.assertEqual(done.status, NO_CONNECTION)
        self.assertIn("name.invalid", done.said)

    def test_a_connection_that_is_not_taken_is_given_up(self):
        """A queue that is full takes no further connection."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            waiting = [socket.socket() for _ in range(8)]
            for each in waiting:
                self.addCleanup(each.close)
                each.setblocking(False)
                each.connect_ex(listener.getsockname())
            done = self.connect(listener.getsockname()[1], "--timeout", "300ms", host="127.0.0.1")
            self.assertEqual(done.status, NO_CONNECTION, done.said)
            self.assertIn("Connection timed out", done.said)

    def test_a_server_that_says_nothing(self):
        server = self.server(lambda connection: connection.recv(1 << 20) and connection.recv(1))
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend, "--timeout", "300ms")
                self.assertEqual(done.status, TIMEOUT, done.said)
                self.assertIn("the handshake was not complete in time", done.said)

    def test_a_server_without_tls(self):
        server = self.server(lambda connection: connection.sendall(b"220 mail.example ESMTP, ready and waiting\r\n"))
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend)
                self.assertEqual(done.status, TLS, done.said)
                self.assertIn("protocol error in the handshake", done.said)
                self.assertIn("is it TLS that this port speaks", done.said)

    def test_a_server_that_hangs_up(self):
        server = self.server(lambda connection: connection.recv(1 << 20))
        for backend in self.those_with():
            with self.subTest(backend=backend):
                done = self.connect(server.port, "--backend", backend)
                self.assertEqual(done.status, TLS, done.said)
                self.assertIn("the peer closed the connection within the handshake", done.said)

    def test_the_servers_alert_and_what_it_may_mean(self):
        context = harness.server_context(self.certificate)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        server = self.server(harness.echo, context=context)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                said = self.connect(server.port, "--backend", backend, "--max-version", "1.2", "--json").json()["end"]
                self.assertEqual((said["exit_status"], said["error"]["alert"], said["error"]["alert_from"]),
                                 (TLS, "protocol_version", "peer"))
                self.assertIn("--max-version", said["error"]["what_to_do"])

    def test_versions_and_suites(self):
        server = self.tls_server(harness.echo)
        for backend in self.those_with("tls1.2", "tls1.2-ciphers"):
            with self.subTest(backend=backend):
                said = self.connect(server.port, "--backend", backend, "--json", "--max-version", "1.2", "--ciphers",
                                    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384").json()
                self.assertEqual(said["version"], "TLSv1.2")
                self.assertIn(said["cipher_suite"], ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                                                     "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"))
        for backend in self.those_with("tls1.3"):
            with self.subTest(backend=backend):
                said = self.connect(server.port, "--backend", backend, "--json", "--min-version", "TLSv1.3").json()
                self.assertEqual(said["version"], "TLSv1.3")
        for backend in self.those_with("tls1.3-ciphers"):
            with self.subTest(backend=backend):
                said = self.connect(server.port, "--backend", backend, "--json", "--ciphers",
                                    "TLS_AES_128_GCM_SHA256").json()
                self.assertIn(said["cipher_suite"], ("TLS_AES_128_GCM_SHA256",))

    def test_what_a_backend_cannot_do_is_refused_by_name(self):
        for name, facts in self.backends.items():
            if facts["capabilities"]["tls1.3"]:
                continue
            done = self.connect(1, "--backend", name, "--min-version", "1.3")
            self.assertEqual(done.status, LOCAL)
            self.assertRegex(done.said, "backend %s: (min|max)_version: " % name)
            self.assertIn("unitls backends says what each can do", done.said)
        done = self.connect(1, "--min-version", "1.3", "--max-version", "1.2")
        self.assertEqual(done.status, LOCAL)
        self.assertIn("minimum TLSv1.3 is above maximum TLSv1.2", done.said)

    def test_a_client_certificate(self):
        client = self.authority.issue("client", ["client.example"])
        context = harness.server_context(self.certificate)
        context.load_verify_locations(self.authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        server = self.server(harness.echo, context=context)
        with open(client) as source:
            text = source.read()
        key = self.write("alone.key", text[text.index("-----BEGIN PRIVATE"):])
        certificate = self.write("alone.crt", text[:text.index("-----BEGIN PRIVATE")])
        for backend in self.those_with("client-auth"):
            with self.subTest(backend=backend):
                for arguments in (["--cert", client], ["--cert", certificate, "--key", key]):
                    done = self.connect(server.port, "--backend", backend, *arguments, data=b"x")
                    self.check_answer(done, backend, b"x")
                done = self.connect(server.port, "--backend", backend)
                self.assertEqual((done.status, done.out), (TLS, b""), done.said)
                self.assertIn("peer_alert error", done.said)

    def test_files_that_are_no_good(self):
        missing = self.path("missing.pem")
        nothing = self.write("nothing.pem", "nothing\n")
        with open(self.certificate) as source:
            text = source.read()
        alone = self.write("alone.crt", text[:text.index("-----BEGIN PRIVATE")])
        for arguments, parts in ((["--ca", missing], ["--ca: ", missing, "No such file"]),
                                 (["--ca", nothing], ["--ca: ", nothing]),
                                 (["--cert", missing], ["--cert: ", missing, "No such file"]),
                                 (["--cert", alone], ["--cert: ", alone, "what to do: ", "--key FILE"]),
                                 (["--cert", alone, "--key", nothing], [nothing])):
            with self.subTest(arguments=arguments):
                done = self.connect(1, *arguments, ca=False)
                self.assertEqual(done.status, LOCAL)
                for part in parts:
                    self.assertIn(part, done.said)

    def test_a_backend_that_is_not_there(self):
        done = self.connect(1, "--backend", "nonesuch")
        self.assertEqual(done.status, LOCAL)
        self.assertIn('no backend "nonesuch" in %s' % harness.MODULES, done.said)
        self.assertIn("take one of these: %s" % ", ".join(self.backends), done.said)


class Standard(ToolCase):
    """Standard input and output that are not as one expects."""

    def test_standard_output_whose_reader_has_gone(self):
        ends = []

        def handle(connection):
            connection.sendall(b"x" * 100)
            ends.append(harness.read_all(connection))
        server = self.tls_server(handle)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                reader, writer = os.pipe()
                os.close(reader)
                with os.fdopen(writer, "wb") as out:
                    done = subprocess.run([UNITLS, *self.target(server.port), "--backend", backend], stdout=out,
                                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=harness.PATIENCE,
                                          check=False)
                self.assertEqual(done.returncode, LOCAL)
                self.assertIn(b"standard output: Broken pipe", done.stderr)
                harness.until(lambda: ends, "the server's end")
                self.assertEqual((ends.pop(), server.errors), (b"", []))

    def test_a_reader_that_goes_while_nothing_is_written(self):
        server = self.tls_server(harness.echo)
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as out:
            client = self.start(server.port, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE)
        with client:
            log = harness.Log(client.stderr)
            log.wait("sha256")
            os.close(reader)
            log.wait("standard output: Broken pipe")
            self.assertEqual(client.wait(harness.PATIENCE), LOCAL)
            log.thread.join(harness.PATIENCE)

    def test_a_full_disk(self):
        server = self.tls_server(harness.echo)
        with open("/dev/full", "wb") as full:
            for arguments in ([*self.target(server.port), "--quiet"],
                              [*self.target(server.port), "--json"],
                              ["backends"], ["backends", "--json"], ["--help"], ["serve", "--help"]):
                with self.subTest(arguments=arguments):
                    done = subprocess.run([UNITLS, *arguments], input=b"x", stdout=full, stderr=subprocess.PIPE,
                                          timeout=harness.PATIENCE, check=False)
                    self.assertEqual(done.returncode, LOCAL)
                    self.assertIn(b"standard output: No space left on device", done.stderr)

    def shell(self, redirection, *arguments):
        return Result(subprocess.run(["sh", "-c", 'exec "$0" "$@" ' + redirection, UNITLS, *arguments],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     timeout=harness.PATIENCE, check=False))

    def test_closed_descriptors(self):
        server = self.tls_server(lambda connection: connection.sendall(b"hello"))
        arguments = [*self.target(server.port), "--quiet"]
        done = self.shell(">&-", *arguments)
        self.assertEqual(done.status, LOCAL)
        self.assertIn("standard output is closed", done.said)
        done = self.shell("<&-", *arguments)
        self.assertEqual((done.status, done.out), (CLEAN, b"hello"), done.said)
        done = self.shell("<&- 2>&-", *arguments)
        self.assertEqual((done.status, done.out), (CLEAN, b"hello"))

    def test_a_directory_as_standard_input(self):
        server = self.tls_server(harness.echo)
        done = self.shell("<" + self.folder, *self.target(server.port))
        self.assertEqual(done.status, LOCAL)
        self.assertIn("standard input: Is a directory", done.said)

    def test_who_sits_at_a_terminal_need_not_end_what_the_server_ended(self):
        """Although the server would still read."""
        def handle(connection):
            connection.end()
            self.assertEqual(harness.read_all(connection), b"")
        server = self.tls_server(handle, clean=False)
        for backend in self.those_with():
            with self.subTest(backend=backend):
                ours, theirs = pty.openpty()
                try:
                    client = self.start(server.port, "--backend", backend, "--quiet", "--timeout", "1440m", stdin=theirs)
                    with client:
                        self.assertEqual(client.wait(harness.PATIENCE), CLEAN)
                finally:
                    os.close(ours)
                    os.close(theirs)
        self.assertEqual(server.errors, [])

    def test_a_socket_as_standard_input_and_output(self):
        server = self.tls_server(harness.echo)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                client = subprocess.Popen([UNITLS, "connect", "localhost:%d" % server.port, "--quiet", "--ca",
                                           self.authority.certificate], stdin=theirs, stdout=theirs)
            with client:
                data = os.urandom(1 << 20)
                sender = self.thread(lambda: (ours.sendall(data), ours.shutdown(socket.SHUT_WR)))
                self.assertEqual(harness.read_all(ours), data)
                sender.result()
                self.assertEqual(client.wait(harness.PATIENCE), CLEAN)


class CommandLine(ToolCase):
    def test_mistakes(self):
        cases = (
            ([], "one of connect, serve, backends"),
            (["conect"], 'there is no command "conect"; did you mean "connect"?'),
            (["connect"], "write HOST:PORT"),
            (["connect", "localhost"], "no port"),
            (["connect", "localhost:"], "no port behind the colon"),
            (["connect", ":443"], "no host"),
            (["connect", "::1:443"], "needs brackets"),
            (["connect", "[::1]443"], "write an IPv6 address as"),
            (["connect", "a:1", "b:2"], "one HOST:PORT at a time"),
            (["connect", "a:1", "--sever-name", "b"], 'no option "--sever-name"; did you mean "server-name"?'),
            (["connect", "a:1", "--sever-name=b"], 'no option "--sever-name"; did you mean "server-name"?'),
            (["connect", "a:1", "--xyzzy"], 'there is no option "--xyzzy"\n'),
            (["connect", "a:1", "--m", "1.2"], '"--m" is short for more than one option'),
            (["connect", "a:1", "-x"], 'there is no option "-x"'),
            (["connect", "a:1", "--ca"], "--ca needs an argument"),
            (["connect", "a:1", "--insecure=yes"], "--insecure takes no argument"),
            (["connect", "a:1", "--insecure", "--ca", "x"], "--ca has no meaning"),
            (["connect", "a:1", "--key", "x"], "--key needs --cert"),
            (["connect", "a:1", "--min-version", "1.1"], "write 1.2 or 1.3"),
            (["connect", "a:1", "--timeout", "soon"], "--timeout soon: write a time"),
            (["connect", "a:1", "--timeout", "0"], "write a time"),
            (["connect", "a:1", "--timeout", "1441m"], "write a time"),
            (["connect", "a:1", "--timeout", "99999999999999999999"], "write a time"),
            (["connect", "a b:1"], "what to do: name the server by --server-name"),
            (["connect", "a:1", "--server-name", "*.b"], "*.b"),
            (["serve"], "on which port?"),
            (["serve", "0"], "a server needs a certificate: --cert FILE"),
            (["serve", "0", "--cert", "x", "--echo", "--www"], "either --echo or --www"),
            (["serve", "0", "--cert", "x", "--ca", "y"], "--client-auth"),
            (["serve", "0", "--cert", "x", "--client-auth", "require"], 'did you mean "required"?'),
            (["backends", "--json", "--markdown"], "either --json or --markdown"),
            (["backends", "--jsn"], 'did you mean "json"?'),
        )
        for arguments, part in cases:
            with self.subTest(arguments=arguments):
                done = self.unitls(*arguments)
                self.assertEqual((done.status, done.out), (USAGE, b""), done.said)
                self.assertIn(part, done.said)
                if "--server-name" not in arguments and "a b:1" not in arguments:
                    self.assertRegex(done.said, r"Try unitls.* --help\.\n$")

    def test_lists_with_mistakes(self):
        for arguments, part in (
                (["--ciphers", "TLS_AES_128_GCM_SHA257"], 'did you mean "TLS_AES_128_GCM_SHA256"?'),
                (["--ciphers", "moderm"], 'did you mean "modern"?'),
                (["--ciphers", "TLS_AES_128_GCM_SHA256,"], 'no suite or policy ""'),
                (["--ciphers", ",".join(["0x1301"] * 129)], "more than 128 suites"),
                (["--ciphers", "x" * 5000], "more than 4095 bytes"),
                (["--alpn", "h2,,x"], "write up to 64 names of 1 to 255 bytes"),
                (["--alpn", ",".join(["h2"] * 65)], "write up to 64 names of 1 to 255 bytes"),
                (["--alpn", "x" * 256], "write up to 64 names of 1 to 255 bytes")):
            with self.subTest(arguments=arguments):
                done = self.connect(1, *arguments)
                self.assertEqual(done.status, LOCAL)
                self.assertIn(part, done.said)

    def test_help_names_every_option(self):
        for command in ("connect", "serve", "backends"):
            for option in ("--help", "-h"):
                done = self.unitls(command, option)
                self.assertEqual((done.status, done.said), (CLEAN, ""))
                self.assertIn("usage: unitls " + command, done.out.decode())
            with open(os.path.join(harness.SOURCE, "tool", command + ".c")) as source:
                options = re.findall(r'^\t\t\{"([a-z-]+)", \w+_argument', source.read(), re.M)
            self.assertGreater(len(options), 2)
            for option in options:
                self.assertIn("  --%s " % option, done.out.decode().replace("\n", " \n"))
        done = self.unitls("--help")
        self.assertEqual((done.status, done.said), (CLEAN, ""))
        self.assertRegex(self.unitls("--version").out.decode(), r"^unitls \d+\.\d+\.\d+\n$")

    def test_the_manual_names_every_option_and_status(self):
        with open(os.path.join(harness.SOURCE, "man", "unitls.1")) as source:
            manual = source.read()
        for command in ("connect", "serve", "backends"):
            text = self.unitls(command, "--help").out.decode()
            for option in re.findall(r"^  --([a-z-]+)", text, re.M):
                self.assertIn("Fl -" + option, manual)
        for status in range(TIMEOUT + 1):
            self.assertIn(".It %d\n" % status, manual)


if __name__ == "__main__":
    harness.main()
