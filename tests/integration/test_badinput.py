#!/usr/bin/env python3
"""Hostile and broken clients: a clear reason in the log, bounded memory, other connections untouched."""

import os
import random
import select
import signal
import socket
import ssl
import struct
import subprocess

import harness

CONFIG = """
[daemon]
workers = 1
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


def hello(server_name=None, alpn=None, padding=0, session=b""):
    """A TLS 1.2 ClientHello record by hand; the name and the protocol may hold any bytes."""
    extensions = b""

    def add(number, body):
        nonlocal extensions
        extensions += struct.pack(">HH", number, len(body)) + body
    if server_name is not None:
        add(0, struct.pack(">HBH", len(server_name) + 3, 0, len(server_name)) + server_name)
    add(10, struct.pack(">HHH", 4, 23, 29))
    add(11, b"\x01\x00")
    add(13, struct.pack(">HHHH", 6, 0x0403, 0x0804, 0x0401))
    if alpn is not None:
        add(16, struct.pack(">HB", len(alpn) + 1, len(alpn)) + alpn)
    if padding:
        add(21, bytes(padding))
    suites = struct.pack(">HHHHHH", 10, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0x00ff)
    body = b"\x03\x03" + bytes(32) + struct.pack("B", len(session)) + session + suites + b"\x01\x00"
    body += struct.pack(">H", len(extensions)) + extensions
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    records = b""
    while message:
        records += b"\x16\x03\x01" + struct.pack(">H", min(len(message), 16384)) + message[:16384]
        message = message[16384:]
    return records


class BadInput(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.certificate = self.authority.issue("server", ["localhost"])
        self.context = harness.client_context(self.authority)
        self.echo = self.server(harness.echo)

    def start(self, backend="openssl", extra="", listener="", **keywords):
        return self.daemon(CONFIG.format(backend=backend, certificate=self.certificate, extra=extra,
                                         listener=listener, echo=self.echo.text()), **keywords)

    def use(self, daemon):
        with daemon.connect_tls("web", self.context) as client:
            client.sendall(b"hello")
            self.assertEqual(client.recv(5), b"hello")
            client.unwrap()

    def each_backend(self, **keywords):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                yield self.start(backend, **keywords)

    def send(self, daemon, data):
        """Sends bytes and the end; returns all that comes back."""
        with daemon.connect("web") as client:
            client.sendall(data)
            try:
                client.shutdown(socket.SHUT_WR)
                return harness.read_all(client)
            except OSError:
                return b""

    def failure(self, daemon, count=1):
        return harness.fields(daemon.log.wait("event=handshake_failed", count=count))

    def test_garbage(self):
        for daemon in self.each_backend():
            data = random.Random(7).randbytes(5000)
            self.assertTrue(self.send(daemon, data).startswith(b"\x15\x03"))
            line = self.failure(daemon)
            self.assertEqual((line["reason"], line["class"]), ("handshake_failed", "protocol"))
            self.use(daemon)

    def test_plain_http(self):
        for daemon in self.each_backend():
            answer = self.send(daemon, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(answer[:1] + answer[5:6], b"\x15\x02")
            self.assertIn("HTTP", self.failure(daemon)["text"])
            self.use(daemon)

    def test_a_truncated_hello(self):
        whole = hello(b"localhost")
        for daemon in self.each_backend():
            for i, size in enumerate((1, 5, 6, 40, len(whole) - 1)):
                self.send(daemon, whole[:size])
                self.assertEqual(self.failure(daemon, i + 1)["reason"], "handshake_closed")
            self.use(daemon)

    def test_a_part_of_a_hello_and_a_reset(self):
        """The reset lies behind bytes, and no event tells of it."""
        for daemon in self.each_backend(listener="handshake_timeout = 60s"):
            with daemon.connect("web") as client:
                client.sendall(hello(b"localhost")[:40])
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            line = self.failure(daemon)
            self.assertEqual(line["reason"], "handshake_closed")
            self.assertLess(int(line["duration_ms"]), 200)

    def test_nothing_at_all(self):
        for daemon in self.each_backend():
            self.send(daemon, b"")
            line = self.failure(daemon)
            self.assertEqual((line["reason"], line["bytes_received"]), ("handshake_closed", "0"))

    def test_a_giant_hello(self):
        for daemon in self.each_backend():
            answer = self.send(daemon, hello(b"localhost", padding=60000))
            self.assertTrue(answer.startswith(b"\x15\x03"))
            self.assertEqual(self.failure(daemon)["class"], "protocol")
            # One that only says it would be giant.
            answer = self.send(daemon, b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(16380))
            self.assertTrue(answer.startswith(b"\x15\x03"))
            self.failure(daemon, 2)
            self.use(daemon)

    def test_a_newline_in_a_name_forges_no_line(self):
        forged = b"x\nevent=close level=info reason=forged"
        for daemon in self.each_backend(extra="alpn = imap"):
            self.send(daemon, hello(forged))
            self.failure(daemon, 1)
            self.send(daemon, hello(b"localhost", alpn=forged))
            self.failure(daemon, 2)
            self.send(daemon, hello(b'"a b=c\x00\xff'))
            self.failure(daemon, 3)
            self.assertEqual([line for line in daemon.log.find("forged") if "event=handshake_failed" not in line], [])
            self.assertEqual(daemon.closes(), [])
            for line in daemon.log.lines:
                self.assertRegex(line, r"^[0-9T:.Z-]+ event=")

    def test_an_alpn_name_of_any_bytes_is_escaped_in_the_close_line(self):
        daemon = self.daemon(CONFIG.format(backend="openssl", certificate=self.certificate, extra="alpn = a\"b=c",
                                           listener="", echo=self.echo.text()))
        context = harness.client_context(self.authority)
        context.set_alpn_protocols(['a"b=c'])
        with daemon.connect_tls("web", context) as client:
            client.sendall(b"x")
            client.recv(1)
        self.assertEqual(daemon.wait_close()["alpn"], 'a\\"b=c')

    def test_a_client_that_never_reads_costs_bounded_memory(self):
        for daemon in self.each_backend():
            pid = daemon.workers()[0]
            self.use(daemon)
            before = harness.rss_kb(pid)
            clients = []
            for _ in range(8):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
                connection.connect(daemon.address("web"))
                client = harness.wrap(connection, self.context, server_hostname="localhost")
                client.setblocking(False)
                clients.append(client)
            # They send for as long as anybody takes it; the echo comes back until nothing fits any more.
            idle = 0
            while idle < 20:
                moved = 0
                for client in clients:
                    try:
                        moved += client.send(b"x" * 16384)
                    except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                        pass
                idle = 0 if moved else idle + 1
                if not moved:
                    select.select([], [], [], 0.02)
            if not harness.SANITIZED:
                self.assertLess(harness.rss_kb(pid) - before, 8 * 512 + 4096)
            self.use(daemon)
            # When they go, nothing of them stays, although the upstream cannot get rid of its answers.
            for client in clients:
                client.close()
            daemon.log.wait("event=close", "reason=client_reset", count=len(clients))

    def test_a_client_that_never_reads_its_handshake(self):
        """A flood of alerts and hellos with nothing read: dropped, not buffered."""
        for daemon in self.each_backend():
            with daemon.connect("web") as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.settimeout(harness.PATIENCE)
                try:
                    for _ in range(1000):
                        client.sendall(hello(b"localhost"))
                except OSError:
                    pass
            self.failure(daemon)
            self.use(daemon)

    def test_20000_connects_in_a_row(self):
        daemon = self.start()
        pid = daemon.workers()[0]
        self.use(daemon)
        before, descriptors = harness.rss_kb(pid), harness.descriptors(pid)
        address = daemon.address("web")
        most = 0
        for i in range(20000):
            if i % 200 == 0:
                most = max(most, harness.descriptors(pid) - descriptors)
            with socket.socket() as client:
                client.connect(address)
                if i % 3 == 0:
                    client.send(b"\x16\x03\x01")
                if i % 2 == 0:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.use(daemon)
        harness.until(lambda: harness.descriptors(pid) <= descriptors + 1, "all to be closed")
        if not harness.SANITIZED:
            self.assertLess(harness.rss_kb(pid) - before, 8192)
            self.assertLess(most, 1000)
        # The lines are rate-limited, and what was left out is told.
        self.assertLess(len(daemon.log.find("event=handshake_failed")), 5000)
        harness.until(lambda: sum(int(harness.fields(line).get("left_out", 0))
                                  for line in daemon.log.find("left_out=")) > 1000, "the counts of what was left out")

    def test_others_are_not_held_up_by_a_flood(self):
        daemon = self.start()
        with daemon.connect_tls("web", self.context) as steady:
            floods = []
            for _ in range(100):
                client = daemon.connect("web")
                client.sendall(hello(b"localhost")[:-1])
                floods.append(client)
            for _ in range(50):
                steady.sendall(b"ping")
                self.assertEqual(steady.recv(4), b"ping")
            for client in floods:
                client.close()

    def test_a_broken_record_after_the_handshake(self):
        for daemon in self.each_backend():
            tls = harness.BufferedTls(daemon.connect("web"), self.context, server_hostname="localhost")
            with tls:
                tls.sendall(b"hello")
                self.assertEqual(tls.recv(5), b"hello")
                tls.socket.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
                with self.assertRaisesRegex(ssl.SSLError, "(?i)alert"):
                    tls.recv(1)
            line = daemon.wait_close()
            self.assertEqual(line["reason"], "client_tls_error")
            self.assertEqual(line["alert"], "bad_record_mac")

    def test_a_log_reader_that_stopped_does_not_stop_the_daemon(self):
        """Nobody reads the pipe that standard error is; it fills, lines are dropped and counted, the daemon goes on."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        daemon = self.start()
        address = daemon.address("web")
        config = daemon.config_path
        daemon.stop()
        with open(config) as source:
            text = source.read().replace("127.0.0.1:0", "127.0.0.1:%d" % address[1])
        with open(config, "w") as out:
            out.write(text)

        process = subprocess.Popen([harness.UNITLSD, "-c", config], stderr=writer, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL)
        os.close(writer)
        self.addCleanup(process.wait)
        self.addCleanup(process.send_signal, signal.SIGTERM)

        def listens():
            try:
                harness.connect(address).close()
                return True
            except OSError:
                return False
        harness.until(listens, "the daemon to listen")
        for _ in range(2000):
            with harness.wrap(harness.connect(address), self.context, server_hostname="localhost") as client:
                client.sendall(b"hello")
                self.assertEqual(client.recv(5), b"hello")
        os.set_blocking(reader, False)
        held = b""
        try:
            while True:
                part = os.read(reader, 65536)
                if not part:
                    break
                held += part
        except BlockingIOError:
            pass
        self.assertLess(held.count(b"event=close"), 2000)
        # With room again the count of what was lost is told.
        with harness.wrap(harness.connect(address), self.context, server_hostname="localhost") as client:
            client.sendall(b"x")
            client.recv(1)

        def told():
            nonlocal held
            try:
                held += os.read(reader, 65536)
            except BlockingIOError:
                pass
            return b"drop" in held
        harness.until(told, "the count of dropped lines")


if __name__ == "__main__":
    harness.main()
