#!/usr/bin/env python3
"""The client's handshake as the daemon sees it: time-outs, alerts that arrive, client certificates, versions."""

import socket
import ssl
import struct

import harness

CONFIG = """
[tls server]
backend = {backend}
certificate = {certificate}
{extra}
[listener web]
listen = 127.0.0.1:0
tls = server
upstream = echo
{listener}
[upstream echo]
server = {echo}
"""


class Handshakes(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.certificate = self.authority.issue("server", ["localhost"])
        self.context = harness.client_context(self.authority)
        self.echo = self.server(harness.echo)

    def start(self, backend="openssl", extra="", listener=""):
        return self.daemon(CONFIG.format(backend=backend, certificate=self.certificate, extra=extra, listener=listener,
                                         echo=self.echo.text()))

    def use(self, daemon, context=None):
        with daemon.connect_tls("web", context or self.context) as client:
            client.sendall(b"hello")
            self.assertEqual(client.recv(5), b"hello")
            client.unwrap()

    def test_a_client_that_says_nothing_is_timed_out(self):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend, listener="handshake_timeout = 300ms")
                with daemon.connect("web") as client:
                    with self.assertRaises(harness.RESET):
                        client.recv(1)
                line = harness.fields(daemon.log.wait("event=handshake_failed"))
                self.assertEqual(line["reason"], "handshake_timeout")
                self.assertIn(int(line["duration_ms"]), range(290, 3000))

    def test_a_client_that_stalls_within_the_handshake_is_timed_out(self):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend, listener="handshake_timeout = 300ms")
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = self.context.wrap_bio(incoming, outgoing, server_hostname="localhost")
                with self.assertRaises(ssl.SSLWantReadError):
                    tls.do_handshake()
                with daemon.connect("web") as client:
                    client.sendall(outgoing.read())
                    self.assertTrue(client.recv(10))
                    with self.assertRaises(harness.RESET):
                        harness.read_all(client)
                line = harness.fields(daemon.log.wait("event=handshake_failed"))
                self.assertEqual((line["reason"], line["sni"]), ("handshake_timeout", "localhost"))

    def test_the_alert_of_a_failed_handshake_reaches_the_client(self):
        """Although the client goes on sending what nobody reads."""
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend)
                with daemon.connect("web") as client:
                    client.sendall(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00" + b"x" * 50000)
                    answer = harness.read_all(client)
                self.assertEqual(answer[:1] + answer[3:6], b"\x15\x00\x02\x02")
                line = harness.fields(daemon.log.wait("event=handshake_failed"))
                self.assertEqual(line["reason"], "handshake_failed")
                self.assertEqual(line["alert_from"], "unitlsd")

    def test_a_client_that_stays_after_the_alert_is_not_kept_for_long(self):
        daemon = self.daemon("[daemon]\nworkers = 1\n" + CONFIG.format(
            backend="openssl", certificate=self.certificate, extra="", listener="", echo=self.echo.text()))
        pid = daemon.workers()[0]
        self.use(daemon)
        before = harness.descriptors(pid)
        with daemon.connect("web") as client:
            client.sendall(b"garbage that is no hello")
            self.assertTrue(harness.read_all(client))
            daemon.log.wait("event=handshake_failed")
            harness.until(lambda: harness.descriptors(pid) <= before, "the descriptor to be closed")

    def test_no_common_version(self):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend, extra="max_version = 1.2")
                with self.assertRaisesRegex(ssl.SSLError, "(?i)alert.protocol.version"):
                    self.use(daemon, harness.client_context(self.authority, minimum=ssl.TLSVersion.TLSv1_3))
                line = harness.fields(daemon.log.wait("event=handshake_failed"))
                self.assertEqual((line["class"], line["alert"]), ("protocol", "protocol_version"))
                self.use(daemon)

    def test_the_clients_alert_is_in_the_log(self):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend)
                context = ssl.create_default_context()  # does not know our authority
                with self.assertRaises(ssl.SSLCertVerificationError):
                    self.use(daemon, context)
                line = harness.fields(daemon.log.wait("alert=unknown_ca"))
                self.assertEqual((line["alert_from"], line["class"]), ("peer", "peer_alert"))

    def test_client_certificates(self):
        good = self.authority.issue("client", ["client.example"])
        other = harness.Authority(self.folder, "other").issue("stranger", ["client.example"])
        for backend in harness.backends():
            for auth in ("required", "optional"):
                with self.subTest(backend=backend, auth=auth):
                    daemon = self.start(backend, extra="client_auth = %s\nca = %s" % (auth, self.authority.certificate))
                    context = harness.client_context(self.authority)
                    context.load_cert_chain(good)
                    self.use(daemon, context)
                    context = harness.client_context(self.authority)
                    context.load_cert_chain(other)
                    with self.assertRaises(ssl.SSLError):
                        self.use(daemon, context)
                    line = harness.fields(daemon.log.wait("event=handshake_failed"))
                    self.assertEqual(line["class"], "verify")
                    if auth == "optional":
                        self.use(daemon)
                        continue
                    with self.assertRaises(ssl.SSLError):
                        self.use(daemon)
                    daemon.log.wait("event=handshake_failed", count=2)

    def test_alpn_without_overlap_is_refused(self):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend, extra="alpn = imap")
                context = harness.client_context(self.authority)
                context.set_alpn_protocols(["h2"])
                with self.assertRaises(ssl.SSLError):
                    self.use(daemon, context)
                daemon.log.wait("alert=no_application_protocol")

    def test_a_hello_one_byte_at_a_time(self):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend)
                connection = daemon.connect("web")
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = self.context.wrap_bio(incoming, outgoing, server_hostname="localhost")
                with connection:
                    while True:
                        try:
                            tls.do_handshake()
                            break
                        except ssl.SSLWantReadError:
                            for byte in outgoing.read():
                                connection.sendall(struct.pack("B", byte))
                            incoming.write(connection.recv(65536))
                    tls.write(b"hello")
                    connection.sendall(outgoing.read())
                    while True:
                        try:
                            self.assertEqual(tls.read(5), b"hello")
                            break
                        except ssl.SSLWantReadError:
                            incoming.write(connection.recv(65536))

    def test_resumption(self):
        """A ticket of one connection is taken by the next, by whichever worker."""
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.daemon("[daemon]\nworkers = 1\n" + CONFIG.format(
                    backend=backend, certificate=self.certificate, extra="max_version = 1.2", listener="",
                    echo=self.echo.text()))
                with daemon.connect_tls("web", self.context) as client:
                    client.sendall(b"x")
                    client.recv(1)
                    session = client.session
                with harness.wrap(daemon.connect("web"), self.context, server_hostname="localhost",
                                  session=session) as client:
                    client.sendall(b"x")
                    self.assertEqual(client.recv(1), b"x")
                    self.assertEqual(client.session_reused, harness.can(backend, harness.CAP_SESSION_TICKETS))


if __name__ == "__main__":
    harness.main()
