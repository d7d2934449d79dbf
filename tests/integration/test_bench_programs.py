#!/usr/bin/env python3
"""The programs of the benchmark: what they count is right, and nothing that goes wrong goes unnoticed."""

import contextlib
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest

import harness

LOAD = os.path.join(harness.BUILDDIR, "tests", "bench", "load")
BENCH = os.path.join(harness.SOURCE, "tests", "bench")
NAMES = os.path.join(harness.BUILDDIR, "tests", "bench", "names")
UPSTREAM = os.path.join(harness.BUILDDIR, "tests", "bench", "upstream")
MEGABYTE = 1 << 20
REQUEST_BYTES = 16

CONFIG = """
[daemon]
workers = 1
[tls server]
backend = openssl
certificate = {certificate}
session_tickets = {tickets}
[tls client]
backend = openssl
ca = {ca}
server_name = localhost
[listener in]
listen = 127.0.0.1:0
tls = server
upstream = plain
[listener out]
listen = 127.0.0.1:0
upstream = tls
[upstream plain]
server = 127.0.0.1:{plain}
[upstream tls]
server = 127.0.0.1:{tls}
tls = client
"""


class Upstream:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([UPSTREAM, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().split()[1])
        self.report = None

    def end(self):
        """Its status and what it saw."""
        if self.report is None:
            self.report = json.loads(self.process.communicate(timeout=harness.PATIENCE)[0])
        return self.process.returncode, self.report


class Tamperer:
    """A relay that does something to the byte at an offset of one direction of each connection."""

    def __init__(self, test, port, direction, offset, tamper):
        self.port_behind = port
        self.direction = direction
        self.offset = offset
        self.tamper = tamper
        self.server = test.server(self._handle)
        self.port = self.server.port

    def _handle(self, client):
        broken = threading.Event()
        with harness.connect(("127.0.0.1", self.port_behind)) as server:
            up = threading.Thread(target=self._pump, args=(client, server, broken, self.direction == "up"), daemon=True)
            up.start()
            self._pump(server, client, broken, self.direction == "down")
            up.join(harness.PATIENCE)

    def _pump(self, source, target, broken, tamper):
        at = 0
        try:
            while data := source.recv(65536):
                i = self.offset - at
                at += len(data)
                if tamper and 0 <= i < len(data):
                    data = data[:i] + self.tamper(data[i:i + 1]) + data[i + 1:]
                target.sendall(data)
            if not broken.is_set():
                target.shutdown(socket.SHUT_WR)
        except OSError:
            broken.set()  # a reset is passed on as one: to both, when they are closed
            for each in (source, target):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RD)


TAMPERERS = {
    "damaged": lambda byte: bytes([byte[0] ^ 1]),
    "dropped": lambda byte: b"",
    "doubled": lambda byte: byte + byte,
}


class BenchCase(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.certificate = self.authority.issue("server", ["localhost"])
        self.upstreams = []

    def upstream(self, tls=False):
        upstream = Upstream(*(["--tls", self.certificate, self.certificate] if tls else []))
        self.upstreams.append(upstream)
        self.addCleanup(upstream.end)
        return upstream

    def proxy(self, tickets="yes"):
        """unitlsd between load and the two upstreams."""
        plain, tls = self.upstream(), self.upstream(tls=True)
        daemon = self.daemon(CONFIG.format(certificate=self.certificate, ca=self.authority.certificate, tickets=tickets,
                                           plain=plain.port, tls=tls.port))
        return daemon, plain, tls

    def tls(self, name="localhost", authority=None):
        return ["--ca", (authority or self.authority).certificate, "--server-name", name]

    def start(self, port, security, *arguments, **keywords):
        return subprocess.Popen([LOAD, "--address", "127.0.0.1:%d" % port, *security, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **keywords)

    def load(self, port, security, *arguments):
        """Runs load; returns its status and result."""
        process = self.start(port, security, "--timeout", str(harness.PATIENCE), *arguments, stdin=subprocess.DEVNULL)
        stdout, stderr = process.communicate(timeout=2 * harness.PATIENCE)
        self.assertEqual(stderr, b"")
        return process.returncode, json.loads(stdout.splitlines()[-1])

    def load_well(self, port, security, *arguments):
        status, result = self.load(port, security, *arguments)
        self.assertEqual((status, result["failed"], result["errors"]), (0, 0, {}))
        self.assertGreater(result["seconds"], 0)
        return result

    def assert_fails(self, expected, port, security, *arguments):
        status, result = self.load(port, security, *arguments)
        self.assertEqual(status, 1, result)
        self.assertGreater(result["failed"], 0)
        self.assertTrue(any(expected in text for text in result["errors"]), result)
        return result

    def assert_clean(self, upstream):
        status, report = upstream.end()
        self.assertEqual((status, report["violations"], report["aborted"]), (0, 0, 0), report)
        return report

    def every_case(self, port, security):
        """Returns how many connections and requests the upstream has to have seen."""
        result = self.load_well(port, security, "--case", "connect", "--connections", "4", "--count", "30")
        self.assertEqual((result["units"], result["bytes"], result["unclean"]), (30, 30 * 512, 0))
        for case in ("get", "put"):
            result = self.load_well(port, security, "--case", case, "--connections", "3", "--bytes", str(10 * MEGABYTE + 1))
            self.assertEqual((result["units"], result["bytes"]), (3, 10 * MEGABYTE + 1))
        result = self.load_well(port, security, "--case", "echo", "--connections", "7", "--count", "200")
        self.assertEqual((result["units"], result["bytes"]), (200, 200 * 512))
        result = self.load_well(port, security, "--case", "echo", "--connections", "2", "--count", "5", "--bytes",
                                str(3 * MEGABYTE + 7))
        self.assertEqual((result["units"], result["bytes"]), (5, 5 * (3 * MEGABYTE + 7)))
        result = self.load_well(port, security, "--case", "idle", "--connections", "70")
        self.assertEqual((result["units"], result["bytes"]), (70, 70 * 16))
        result = self.load_well(port, security, "--case", "rate", "--connections", "20", "--count", "20", "--rate", "200")
        self.assertEqual(result["units"], 20)
        return 30 + 3 + 3 + 7 + 2 + 70 + 20


class EveryCase(BenchCase):
    def assert_seen(self, upstream, connections):
        report = self.assert_clean(upstream)
        self.assertEqual((report["connections"], report["requests"]), (connections, connections))

    def test_directly_without_tls(self):
        upstream = self.upstream()
        self.assert_seen(upstream, self.every_case(upstream.port, ["--plain"]))

    def test_directly_with_tls(self):
        upstream = self.upstream(tls=True)
        self.assert_seen(upstream, self.every_case(upstream.port, self.tls()))

    def test_through_unitlsd_with_tls_before_it(self):
        daemon, plain, _ = self.proxy()
        self.assert_seen(plain, self.every_case(daemon.port("in"), self.tls()))

    def test_through_unitlsd_with_tls_behind_it(self):
        daemon, _, tls = self.proxy()
        self.assert_seen(tls, self.every_case(daemon.port("out"), ["--plain"]))

    def test_with_every_backend(self):
        upstream = self.upstream(tls=True)
        for backend in harness.backends():
            with self.subTest(backend):
                result = self.load_well(upstream.port, self.tls(), "--backend", backend, "--case", "echo", "--connections", "2",
                                        "--count", "10")
                self.assertEqual((result["units"], result["unclean"]), (10, 0))
        self.assert_clean(upstream)


class Connections(BenchCase):
    def test_never_more_at_once_than_was_said(self):
        upstream = self.upstream()
        lock = threading.Lock()
        all_there = threading.Event()
        counts = {"now": 0, "most": 0}

        def relay(client):
            with lock:
                counts["now"] += 1
                counts["most"] = max(counts["most"], counts["now"])
                if counts["now"] == 5:
                    all_there.set()
            all_there.wait(harness.PATIENCE)
            with harness.connect(("127.0.0.1", upstream.port)) as server:
                server.sendall(client.recv(REQUEST_BYTES))
                client.sendall(harness.read_all(server, 512))
                harness.read_all(client)
            with lock:
                counts["now"] -= 1

        server = self.server(relay)
        self.load_well(server.port, ["--plain"], "--case", "connect", "--connections", "5", "--count", "60")
        self.assertEqual(counts, {"now": 0, "most": 5})

    def test_idle_connections_are_held_until_the_input_ends(self):
        upstream = self.upstream()
        process = self.start(upstream.port, ["--plain"], "--case", "idle", "--connections", "5", stdin=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.assertEqual(select.select([process.stdout], [], [], 0.2)[0], [])
        self.assertEqual(json.loads(process.communicate(timeout=harness.PATIENCE)[0])["units"], 5)
        self.assertEqual(process.returncode, 0)
        self.assert_clean(upstream)

    def test_an_idle_connection_that_ends_is_a_failure(self):
        upstream = self.upstream()
        process = self.start(upstream.port, ["--plain"], "--case", "idle", "--connections", "5", stdin=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        upstream.end()
        self.assertIn("idling: closed", json.loads(process.stdout.read())["errors"])
        process.communicate(timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, 1)

    def test_nobody_there(self):
        result = self.assert_fails("Connection refused", harness.free_port(), ["--plain"], "--case", "connect", "--connections",
                                   "2", "--count", "6")
        self.assertEqual((result["units"], result["failed"]), (0, 6))

    def test_an_end_before_the_answer(self):
        server = self.server(lambda client: client.recv(REQUEST_BYTES))
        self.assert_fails("exchange: closed", server.port, ["--plain"], "--case", "get", "--connections", "1")

    def test_silence(self):
        server = self.server(harness.read_all)
        started = time.monotonic()
        result = self.assert_fails("timed out", server.port, ["--plain"], "--case", "connect", "--connections", "2", "--count",
                                   "10", "--timeout", "1")
        self.assertEqual(result["errors"], {"exchange: timed out": 2, "not started in time": 8})
        self.assertLess(time.monotonic() - started, harness.PATIENCE)

    def test_what_cannot_be_meant_is_refused(self):
        for arguments in ([], ["--case", "swim"], ["--case", "get", "--connections", "0"],
                          ["--case", "rate", "--connections", "5"], ["--case", "connect"],
                          ["--case", "connect", "--connections", "5", "--hostile", "10"]):
            with self.subTest(arguments):
                done = subprocess.run([LOAD, "--address", "127.0.0.1:1", "--plain", *arguments], capture_output=True,
                                      timeout=harness.PATIENCE, check=False)
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertIn(b"usage: load", done.stderr)


class Tampering(BenchCase):
    """One byte in the middle of the payload, or the last one."""

    SIZE = 3 * MEGABYTE

    def check(self, case, direction, offsets):
        for name, tamper in TAMPERERS.items():
            for offset in offsets:
                with self.subTest("%s, %s at %d" % (case, name, offset)):
                    # Where nothing follows that could be wrong, the byte that is missing is waited for.
                    missing = name == "dropped" and offset == offsets[-1]
                    self.check_one(case, Tamperer(self, self.upstream().port, direction, offset, tamper), missing)
                    status, report = self.upstreams[-1].end()
                    if direction == "up" and not missing:
                        self.assertEqual((status, report["violations"]), (1, 1))

    def check_one(self, case, relay, missing):
        self.assert_fails("timed out" if missing else "", relay.port, ["--plain"], "--case", case, "--connections", "1",
                          "--count", "3", "--bytes", str(self.SIZE), *(["--timeout", "1"] if missing else []))

    def test_a_relay_that_changes_nothing_is_not_noticed(self):
        upstream = self.upstream()
        relay = Tamperer(self, upstream.port, "down", self.SIZE // 2, lambda byte: byte)
        for case in ("get", "put", "echo"):
            self.load_well(relay.port, ["--plain"], "--case", case, "--connections", "2", "--count", "4", "--bytes",
                           str(self.SIZE))
        self.assert_clean(upstream)

    def test_of_what_goes_to_the_client(self):
        self.check("get", "down", [self.SIZE // 2, self.SIZE - 1])

    def test_of_what_comes_from_the_client(self):
        self.check("put", "up", [0, REQUEST_BYTES + self.SIZE // 2, REQUEST_BYTES + self.SIZE - 1])

    def test_of_the_answer_to_a_put(self):
        self.check("put", "down", [0, REQUEST_BYTES - 1])

    def test_of_an_echo(self):
        self.check("echo", "down", [self.SIZE + 1, 3 * self.SIZE - 1])
        self.check("echo", "up", [REQUEST_BYTES + self.SIZE + 1, REQUEST_BYTES + 3 * self.SIZE - 1])

    def test_of_a_record(self):
        for name, tamper in TAMPERERS.items():
            with self.subTest(name):
                upstream = self.upstream(tls=True)
                relay = Tamperer(self, upstream.port, "down", self.SIZE // 2, tamper)
                self.assert_fails("exchange: ", relay.port, self.tls(), "--case", "get", "--connections", "1", "--bytes",
                                  str(self.SIZE))


class Certificates(BenchCase):
    def test_another_authority(self):
        upstream = self.upstream(tls=True)
        other = harness.Authority(self.folder, "other")
        self.assert_fails("handshake: ", upstream.port, self.tls(authority=other), "--case", "connect", "--connections", "1")

    def test_another_name(self):
        upstream = self.upstream(tls=True)
        self.assert_fails("handshake: ", upstream.port, self.tls(name="elsewhere.example"), "--case", "connect",
                          "--connections", "1")


class Resumption(BenchCase):
    ARGUMENTS = ("--case", "connect", "--connections", "4", "--count", "30", "--resume")

    def test_every_connection_resumes(self):
        daemon, plain, _ = self.proxy()
        for version in ("1.2", "1.3"):
            with self.subTest(version):
                result = self.load_well(daemon.port("in"), self.tls(), "--tls", version, *self.ARGUMENTS)
                self.assertEqual((result["units"], result["resumed"]), (30, 30))
        self.assertEqual(self.assert_clean(plain)["requests"], 2 * 31)  # the first of each brings the session

    def test_without_it_no_connection_does(self):
        daemon, _, _ = self.proxy()
        result = self.load_well(daemon.port("in"), self.tls(), *self.ARGUMENTS[:-1])
        self.assertEqual(result["resumed"], 0)

    def test_no_session_is_a_failure(self):
        daemon, _, _ = self.proxy(tickets="no")
        result = self.assert_fails("no session", daemon.port("in"), self.tls(), *self.ARGUMENTS)
        self.assertEqual(result["units"], 0)

    def test_a_session_that_is_not_taken_is_a_failure(self):
        upstream = self.upstream()

        def forget(client):
            # Every connection has ticket keys of its own.
            with harness.BufferedTls(client, harness.server_context(self.certificate), server_side=True) as tls:
                request = tls.recv(REQUEST_BYTES)
                with harness.connect(("127.0.0.1", upstream.port)) as behind:
                    behind.sendall(request)
                    tls.sendall(harness.read_all(behind, 512))
                harness.read_all(tls)
                tls.end()

        server = self.server(forget)
        result = self.assert_fails("handshake: not resumed", server.port, self.tls(), *self.ARGUMENTS)
        self.assertEqual((result["units"], result["failed"]), (0, 30))


class Rates(BenchCase):
    DELAY = 0.4

    def slow(self):
        """A server that takes its time before it answers."""
        upstream = self.upstream()

        def relay(client):
            request = client.recv(REQUEST_BYTES)
            select.select([], [], [], self.DELAY)
            with harness.connect(("127.0.0.1", upstream.port)) as server:
                server.sendall(request)
                client.sendall(harness.read_all(server, 512))
                harness.read_all(client)

        return self.server(relay).port

    def test_connections_start_by_the_clock(self):
        upstream = self.upstream(tls=True)
        result = self.load_well(upstream.port, self.tls(), "--case", "rate", "--connections", "50", "--count", "41", "--rate",
                                "100")
        self.assertGreaterEqual(result["seconds"], 0.4)
        for latency in result["latency_ms"].values():
            self.assertGreater(latency["p50"], 0)
            self.assertGreaterEqual(latency["p99"], latency["p50"])
        self.assertGreater(result["latency_ms"]["answer"]["p50"], result["latency_ms"]["handshake"]["p50"])

    def test_slow_answers_delay_no_start(self):
        result = self.load_well(self.slow(), ["--plain"], "--case", "rate", "--connections", "20", "--count", "20", "--rate",
                                "100")
        self.assertLess(result["seconds"], 20 * self.DELAY)
        self.assertGreaterEqual(result["latency_ms"]["answer"]["p50"], 1000 * self.DELAY)

    def test_latency_counts_from_when_a_connection_was_due(self):
        result = self.load_well(self.slow(), ["--plain"], "--case", "rate", "--connections", "1", "--count", "4", "--rate", "100")
        self.assertGreaterEqual(result["latency_ms"]["answer"]["p99"], 4 * 1000 * self.DELAY - 30 - 1)


class Reports(harness.TestCase):
    """The programs that need no peer, with little to do: they end well and leave what they say."""

    def report(self, program, name, *arguments, statuses=(0,)):
        folder = self.path("report")
        done = subprocess.run([os.path.join(BENCH, program), "--builddir", harness.BUILDDIR, "--output", folder,
                               *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        self.assertIn(done.returncode, statuses, done.stdout.decode() + done.stderr.decode())
        with open(os.path.join(folder, name)) as source:
            return json.load(source)

    @unittest.skipUnless(os.access(NAMES, os.X_OK), "without OpenSSL nothing makes the certificates")
    def test_growth(self):
        found = self.report("growth", "growth.json", "--quick", "--only", "reloads")
        self.assertEqual([(each["x"], each["unit"]) for each in found["figures"]], [(10, "of 1")])
        self.assertTrue(os.path.getsize(self.path("report") + "/growth.svg"))

    @unittest.skipIf(harness.SANITIZED, "valgrind runs no sanitized program")
    @unittest.skipUnless(shutil.which("valgrind") and shutil.which("strace"), "valgrind or strace is not installed")
    def test_counts(self):
        counted = self.report("counts", "counts.json", "--only", "relay", "--case", "relay-connect", statuses=(0, 1))["counts"]
        if any("strace" in failure for failure in counted[0]["failures"]):
            self.skipTest(counted[0]["failures"][0])  # it may not attach here
        self.assertEqual(counted[0]["failures"], [])
        self.assertEqual(list(counted[0]["instructions"]), ["own", "c"])
        self.assertAlmostEqual(counted[0]["calls"]["socket"], 1.0, delta=0.1)


class Hostile(BenchCase):
    def test_the_others_are_not_harmed(self):
        daemon, plain, _ = self.proxy()
        result = self.load_well(daemon.port("in"), self.tls(), "--case", "connect", "--connections", "8", "--count", "100",
                                "--hostile", "30")
        self.assertEqual((result["units"], result["hostile"]), (100, 30))
        daemon.log.wait("event=handshake_failed", "alert=unexpected_message")
        daemon.log.wait("event=handshake_failed", "reason=handshake_closed")
        daemon.log.wait("event=close ", "reason=client_reset", count=6)  # answers broken off, or read slowly to the end of the run
        status, report = plain.end()
        self.assertEqual((status, report["violations"]), (0, 0))


if __name__ == "__main__":
    harness.main()
