#!/usr/bin/env python3
"""The relay with real connections: data unharmed, backpressure, both ways of ending, resets and truncations."""

import hashlib
import itertools
import random
import select
import socket
import ssl
import threading
import time

import harness

MEGABYTE = 1 << 20
BIG = 100 * MEGABYTE

CONFIG = """
[daemon]
workers = 2
[tls server]
backend = {backend}
certificate = {certificate}
[tls client]
backend = {backend}
ca = {ca}
server_name = localhost
[listener plain-plain]
listen = 127.0.0.1:0
upstream = plain
[listener tls-plain]
listen = 127.0.0.1:0
tls = server
upstream = plain
[listener plain-tls]
listen = 127.0.0.1:0
upstream = tls
[listener tls-tls]
listen = 127.0.0.1:0
tls = server
upstream = tls
[upstream plain]
server = {plain}
[upstream tls]
server = {tls}
tls = client
"""

COMBINATIONS = ("plain-plain", "tls-plain", "plain-tls", "tls-tls")


class Blocks:
    """Bytes that can be made again, in pieces of many sizes."""

    def __init__(self, size, seed):
        self.random = random.Random(seed)
        self.left = size
        self.digest = hashlib.sha256()
        self.pool = self.random.randbytes(2 * MEGABYTE)
        self.piece = b""

    def peek(self):
        if not self.piece and self.left > 0:
            size = min(self.left, self.random.choice((1, 100, 5000, 16384, 16385, 65536, 300000)))
            at = self.random.randrange(len(self.pool) - size)
            self.piece = self.pool[at:at + size]
            self.left -= size
            self.digest.update(self.piece)
        return self.piece

    def took(self, count):
        self.piece = self.piece[count:]


def exchange(connection, size, seed, read_size):
    """Sends SIZE bytes and reads what comes until the end, both at once. Returns the digests sent and received."""
    blocks = Blocks(size, seed)
    received = hashlib.sha256()
    total = 0
    connection.setblocking(False)
    ended = False
    while total < size:
        piece = blocks.peek()
        pending = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        readable, writable, _ = select.select([connection], [connection] if piece else [], [],
                                              0 if pending else harness.PATIENCE)
        if writable:
            try:
                blocks.took(connection.send(piece))
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
        if readable or pending:
            try:
                data = connection.recv(read_size)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                continue
            if not data:
                ended = True
                break
            received.update(data)
            total += len(data)
        elif not writable:
            raise AssertionError("nothing moves")
    connection.settimeout(harness.PATIENCE)
    if ended and total < size:
        raise AssertionError("ended after %d bytes" % total)
    return blocks.digest.hexdigest(), received.hexdigest()


class Base(harness.TestCase):
    def start(self, backend, handle, clean=True):
        """A daemon with all four combinations in front of a plaintext and a TLS server that do the same."""
        certificate = self.authority.issue("server", ["localhost"])
        self.plain = self.server(handle)
        self.tls = self.server(handle, context=harness.server_context(certificate), clean=clean)
        self.context = harness.client_context(self.authority)
        return self.daemon(CONFIG.format(backend=backend, certificate=certificate, ca=self.authority.certificate,
                                         plain=self.plain.text(), tls=self.tls.text()))

    def open(self, daemon, listener):
        """A connection whose directions can be ended one by one."""
        connection = daemon.connect(listener)
        if not listener.startswith("tls"):
            return connection
        return harness.BufferedTls(connection, self.context, server_hostname="localhost")


class Data(Base):
    def check_exchange(self, backend, listener, size, read_size):
        daemon = self.start(backend, harness.echo)
        tls = listener.startswith("tls")
        with daemon.connect_tls(listener, self.context) if tls else daemon.connect(listener) as client:
            sent, received = exchange(client, size, listener, read_size)
            self.assertEqual(sent, received)
            harness.end(client)
            if not tls:
                self.assertEqual(client.recv(1), b"")
        line = daemon.wait_close("reason=done")
        self.assertEqual((int(line["bytes_in"]), int(line["bytes_out"])), (size, size))

    def test_100_megabytes_each_way_at_once_plain_to_plain(self):
        self.check_exchange("openssl", "plain-plain", BIG, 1 << 20)

    def test_100_megabytes_each_way_at_once_plain_to_tls_openssl(self):
        self.check_exchange("openssl", "plain-tls", BIG, 65536)

    def test_100_megabytes_each_way_at_once_tls_to_tls_openssl(self):
        self.check_exchange("openssl", "tls-tls", BIG, 65536)

    def test_100_megabytes_to_a_client_that_reads_in_small_pieces(self):
        self.check_exchange("openssl", "tls-plain", BIG, 3000)

    def test_a_slow_reader_holds_back_the_writer_and_memory_stays_small(self):
        """The upstream sends 100 MB; the client reads nothing at first. What the daemon holds is bounded, the rest waits."""
        sent = [0]
        data = random.Random(1).randbytes(MEGABYTE)
        digest = hashlib.sha256()
        for _ in range(100):
            digest.update(data)

        def flood(connection):
            connection.recv(1)
            for _ in range(100):
                connection.sendall(data)
                sent[0] += len(data)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)

        daemon = self.start("openssl", flood)
        with self.open(daemon, "tls-plain") as client:
            before = daemon.rss_kb()
            client.sendall(b"x")
            last = [-1, 0]

            def still():
                last[1] = last[1] + 1 if last[0] == sent[0] and sent[0] > 0 else 0
                last[0] = sent[0]
                return last[1] > 20
            harness.until(still, "the writer to be held back")
            self.assertLess(sent[0], 60 * MEGABYTE)
            if not harness.SANITIZED:
                self.assertLess(daemon.rss_kb() - before, 4096)
            received = hashlib.sha256()
            while True:
                part = client.recv(65536)
                if not part:
                    break
                received.update(part)
            self.assertEqual(received.hexdigest(), digest.hexdigest())

    def test_a_slow_writer_loses_nothing(self):
        """One byte a record, by hundreds."""
        daemon = self.start("openssl", harness.echo)
        for listener in COMBINATIONS:
            with self.open(daemon, listener) as client:
                for i in range(200):
                    client.sendall(bytes([i]))
                    self.assertEqual(client.recv(1), bytes([i]))

    def test_bulk_transfers_do_not_hold_up_others(self):
        """One worker, four connections that move all they can, one that wants a quick answer."""
        stop = threading.Event()

        def serve(connection):
            if connection.recv(1) == b"p":
                harness.echo(connection)
                return
            while not stop.is_set():
                connection.sendall(b"x" * 65536)

        def swallow():
            with daemon.connect_tls("web", context) as client:
                client.sendall(b"b")
                total = 0
                while not stop.is_set():
                    total += len(client.recv(65536))
                return total
        server = self.server(serve)
        daemon = self.daemon("""[daemon]
workers = 1
[tls server]
backend = openssl
certificate = %s
[listener web]
listen = 127.0.0.1:0
tls = server
upstream = app
[upstream app]
server = %s
""" % (self.authority.issue("server", ["localhost"]), server.text()))
        context = harness.client_context(self.authority)
        bulk = [self.thread(swallow) for _ in range(4)]
        waits = []
        try:
            with daemon.connect_tls("web", context) as client:
                client.sendall(b"p")
                for _ in range(200):
                    begin = time.monotonic()
                    client.sendall(b"ping")
                    self.assertEqual(client.recv(4), b"ping")
                    waits.append(time.monotonic() - begin)
        finally:
            stop.set()
        for task in bulk:
            self.assertGreater(task.result(), 1 << 20)
        # The test's own threads share one interpreter, hence the generous figure.
        self.assertLess(sorted(waits)[100], 0.2)

    def test_1000_connections_at_once(self):
        redis = self.redis()
        certificate = self.authority.issue("server", ["localhost"])
        daemon = self.daemon("""
[tls server]
backend = openssl
certificate = %s
[listener web]
listen = 127.0.0.1:0
tls = server
upstream = redis
[upstream redis]
server = unix:%s
""" % (certificate, redis.socket))
        context = harness.client_context(self.authority)
        clients = [None] * 1000

        def open_some(first):
            for i in range(first, len(clients), 4):
                clients[i] = daemon.connect_tls("web", context)
        for task in [self.thread(open_some, first) for first in range(4)]:
            task.result()
        try:
            for round_number in range(2):
                for i, client in enumerate(clients):
                    client.sendall(b"PING %d-%d\r\n" % (round_number, i))
                for i, client in enumerate(clients):
                    answer = b"%d-%d" % (round_number, i)
                    self.assertEqual(client.recv(100), b"$%d\r\n%s\r\n" % (len(answer), answer))
        finally:
            for client in clients:
                if client is not None:
                    client.close()


class Ends(Base):
    def half_closes(self, backend, listener):
        """Whether the client's side and the upstream's can go on in one direction."""
        can = harness.can(backend, harness.CAP_HALF_CLOSE)
        return can or not listener.startswith("tls"), can or not listener.endswith("tls")

    def check_half_close_by_the_client(self, backend, listener):
        heard = []

        def answer_to_the_end(connection):
            heard.append(harness.read_all(connection))
            connection.sendall(b"got %d" % len(heard[0]))
        client_can, upstream_can = self.half_closes(backend, listener)
        daemon = self.start(backend, answer_to_the_end)
        with self.open(daemon, listener) as client:
            client.sendall(b"question")
            harness.end(client)
            # Without half-close the client's end was that of both directions, and an upstream hears of the end only when it was silent for a while.
            self.assertEqual(harness.read_all(client), b"got 8" if client_can and upstream_can else b"")
        self.assertEqual(daemon.wait_close()["reason"], "done")
        harness.until(lambda: heard, "the upstream to hear")
        self.assertEqual(heard, [b"question"])

    def test_an_answer_to_a_client_that_has_ended(self):
        """An upstream that answers without waiting for the end: needs no half-close there."""
        def answer(connection):
            data = connection.recv(100)
            connection.sendall(b"answer to " + data)
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend, answer)
                with self.open(daemon, "plain-tls") as client:
                    client.sendall(b"question")
                    harness.end(client)
                    self.assertEqual(harness.read_all(client), b"answer to question")
                self.assertEqual(daemon.wait_close()["reason"], "done")

    def check_half_close_by_the_upstream(self, backend, listener):
        heard = []

        def banner(connection):
            connection.sendall(b"banner")
            harness.end(connection)
            heard.append(harness.read_all(connection))
        can = all(self.half_closes(backend, listener))
        daemon = self.start(backend, banner)
        with self.open(daemon, listener) as client:
            self.assertEqual(harness.read_all(client), b"banner")
            client.sendall(b"still talking")
            harness.end(client)
            daemon.wait_close("reason=done")
            harness.until(lambda: heard, "the upstream to hear")
            self.assertEqual(heard, [b"still talking" if can else b""])

    def check_reset_by_the_client(self, backend, listener):
        errors = []

        def listen(connection):
            connection.sendall(b"go")
            try:
                harness.read_all(connection)
                errors.append("a clean end")
            except OSError as error:
                errors.append(error)
        daemon = self.start(backend, listen)
        client = self.open(daemon, listener)
        self.assertEqual(client.recv(2), b"go")
        harness.reset(client)
        self.assertEqual(daemon.wait_close()["reason"], "client_reset")
        harness.until(lambda: errors, "the upstream to hear")
        self.assertIsInstance(errors[0], harness.RESET)

    def check_reset_by_the_upstream(self, backend, listener):
        def hang_up(connection):
            connection.recv(1)
            harness.reset(connection)
        daemon = self.start(backend, hang_up)
        with self.open(daemon, listener) as client:
            client.sendall(b"x")
            with self.assertRaises(harness.RESET):
                client.recv(1)
        self.assertEqual(daemon.wait_close()["reason"], "upstream_reset")

    def test_a_client_without_close_notify_is_no_clean_end(self):
        for backend in harness.backends():
            for listener in ("tls-plain", "tls-tls"):
                with self.subTest(backend=backend, listener=listener):
                    errors = []

                    def listen(connection):
                        connection.sendall(b"go")
                        try:
                            harness.read_all(connection)
                            errors.append("a clean end")
                        except OSError as error:
                            errors.append(error)
                    daemon = self.start(backend, listen)
                    client = self.open(daemon, listener)
                    self.assertEqual(client.recv(2), b"go")
                    client.sendall(b"half a mess")
                    client.close()
                    self.assertEqual(daemon.wait_close()["reason"], "client_truncated")
                    harness.until(lambda: errors, "the upstream to hear")
                    self.assertIsInstance(errors[0], harness.RESET)

    def test_an_upstream_without_close_notify_is_no_clean_end(self):
        for backend in harness.backends():
            for listener in ("plain-tls", "tls-tls"):
                with self.subTest(backend=backend, listener=listener):
                    def cut(connection):
                        connection.recv(1)
                        connection.sendall(b"half an answ")
                    daemon = self.start(backend, cut, clean=False)
                    with self.open(daemon, listener) as client:
                        client.sendall(b"x")
                        with self.assertRaises(harness.RESET):
                            harness.read_all(client)
                    self.assertEqual(daemon.wait_close()["reason"], "upstream_truncated")

    def test_a_close_notify_comes_before_the_end(self):
        """A TLS client that insists on it sees a clean end when the plaintext server closes."""
        def answer(connection):
            connection.recv(1)
            connection.sendall(b"bye")
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend, answer)
                with self.open(daemon, "tls-plain") as client:
                    client.sendall(b"x")
                    self.assertEqual(harness.read_all(client), b"bye")
                    harness.end(client)
                self.assertEqual(daemon.wait_close()["reason"], "done")

    def test_an_answer_of_a_server_that_does_not_read_still_arrives(self):
        """It answers and closes with the request unread, which resets: the answer comes first."""
        def refuse(connection):
            connection.recv(1)
            connection.sendall(b"413 too large")
        for backend, listener in itertools.product(harness.backends(), COMBINATIONS):
            with self.subTest(backend=backend, listener=listener):
                daemon = self.start(backend, refuse)
                with self.open(daemon, listener) as client:
                    client.sendall(b"x" * 30000)
                    self.assertEqual(client.recv(100), b"413 too large")

    def test_nobody_is_left_behind_when_the_client_goes_while_the_upstream_sends(self):
        def flood(connection):
            while True:
                connection.sendall(b"x" * 65536)
        daemon = self.start("openssl", flood)
        client = self.open(daemon, "tls-plain")
        client.recv(1000)
        harness.reset(client)
        daemon.wait_close("reason=client_reset")
        harness.until(lambda: self.plain.errors, "the upstream to be told")


def add_data_case(backend, size, text, listener):
    def case(self):
        self.check_exchange(backend, listener, size, 65536)
    setattr(Data, "test_%s_%s_%s" % (text, listener.replace("-", "_to_"), backend), case)


def add_cases():
    """One test for each way of ending, backend and combination; a large transfer in both roles of each backend."""
    for backend in harness.backends():
        add_data_case(backend, BIG, "100_megabytes_each_way_at_once", "tls-plain")
        if backend != "openssl":  # 100 above
            add_data_case(backend, 10 * MEGABYTE, "10_megabytes_each_way", "tls-tls")
        for listener in COMBINATIONS:
            for name in ("half_close_by_the_client", "half_close_by_the_upstream", "reset_by_the_client",
                         "reset_by_the_upstream"):
                def case(self, name=name, backend=backend, listener=listener):
                    getattr(self, "check_" + name)(backend, listener)
                setattr(Ends, "test_%s_%s_%s" % (name, listener.replace("-", "_to_"), backend), case)


add_cases()

if __name__ == "__main__":
    harness.main()
