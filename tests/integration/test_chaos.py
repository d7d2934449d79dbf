#!/usr/bin/env python3
"""Everything at once: polite and hostile clients, broken upstreams, reloads, signals and deaths at random moments, and the books balanced
afterwards. CHAOS_SEED and CHAOS_SECONDS repeat or lengthen a run; the seed is printed."""

import collections
import hashlib
import os
import random
import re
import resource
import signal
import socket
import ssl
import struct
import sys
import threading
import time

import harness
import supervise

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1 << 31))
SECONDS = float(os.environ.get("CHAOS_SECONDS") or 8)
CLIENTS = 10

REASONS = re.findall(r'X\(END_\w+,\s*"(\w+)"\)', supervise.contents(os.path.join(harness.SOURCE, "daemon", "reason.h")))


def half(connection):
    """Answers with a digest when everything has come: needs half-close."""
    connection.sendall(hashlib.sha256(harness.read_all(connection)).digest())


def banner(connection):
    connection.sendall(b"220 first\r\n")
    harness.echo(connection)


def bare(connection):
    return connection.socket if isinstance(connection, harness.BufferedTls) else connection


def reset_soon(connection):
    connection.recv(10)
    harness.reset(bare(connection))


def cut_soon(connection):
    """With TLS an end without close_notify."""
    connection.recv(10)
    bare(connection).close()


def never_answer(connection):
    while connection.recv(65536):
        pass


UPSTREAMS = {"echo": harness.echo, "half": half, "banner": banner, "once": lambda connection: None, "reset": reset_soon,
             "cut": cut_soon, "never": never_answer}


class World:
    """The certificates, upstreams and configurations of a run."""

    def __init__(self, test, rng):
        self.test = test
        self.random = rng
        self.addresses = {}
        self.certificates = [test.authority.issue("server-%d" % i, ["localhost"], key=kind)
                             for i, kind in enumerate(("ecdsa", "rsa", "ecdsa"))]
        context = harness.server_context(self.certificates[0])
        self.servers = {}
        for name, handle in UPSTREAMS.items():
            self.servers[name] = test.server(handle).text()
            self.servers["t" + name] = test.server(handle, context=context, clean=name != "cut").text()
        self.refusing = "127.0.0.1:%d" % harness.free_port()

    def config(self, workers, broken=None):
        rng = self.random
        lines = ["[daemon]", "workers = %d" % workers, "drain_timeout = 2s"]
        upstreams = {name: ["server = " + self.servers[name]] for name in UPSTREAMS}
        upstreams["refused"] = ["server = " + self.refusing]
        upstreams["second"] = ["server = " + self.refusing, "server = " + self.servers["echo"]]
        for backend in harness.backends():
            certificate = rng.choice(self.certificates) if broken != "certificate" else "none.pem"
            lines += ["[tls s-%s]" % backend, "backend = " + backend, "certificate = " + certificate]
            lines += ["[tls m-%s]" % backend, "backend = " + backend, "certificate = " + self.certificates[0],
                      "client_auth = required", "ca = " + self.test.authority.certificate]
            lines += ["[tls c-%s]" % backend, "backend = " + backend, "ca = " + self.test.authority.certificate,
                      "server_name = localhost"]
            for name in UPSTREAMS:
                upstreams["t%s-%s" % (name, backend)] = ["server = " + self.servers["t" + name], "tls = c-" + backend]
        for name, settings in upstreams.items():
            lines += ["[upstream %s]" % name] + settings
            lines += self.listener("plain." + name, name)
            for backend in harness.backends():
                lines += self.listener("%s.%s" % (backend, name), name, "s-" + backend)
        for backend in harness.backends():
            lines += self.listener("mutual-%s.echo" % backend, "echo", "m-" + backend)
        for name in ("spare", "other"):
            if rng.random() < 0.5:
                lines += self.listener(name + ".echo", "echo")
        if broken == "key":
            lines += ["nonsense = 1"]
        if broken == "port":
            lines += ["[listener taken]", "listen = " + self.servers["echo"], "upstream = echo"]
        return "\n".join(lines) + "\n"

    def listener(self, name, upstream, tls=None):
        lines = ["[listener %s]" % name, "listen = " + self.addresses.get(name, "127.0.0.1:0"), "upstream = " + upstream,
                 "handshake_timeout = 2s", "idle_timeout = 3s"]
        return lines + (["tls = " + tls] if tls else [])


class Client(threading.Thread):
    """Does one thing after the other; what a polite one finds wrong is in failures."""

    def __init__(self, test, number):
        super().__init__(daemon=True)
        self.test = test
        self.random = random.Random(SEED + 1 + number)
        self.failures = []
        self.done = collections.Counter()
        self.start()

    def run(self):
        hostile = (self.vanish, self.garbage, self.stop_reading, self.truncate, self.cut_hello, self.no_certificate, self.use)
        while not self.test.over.is_set():
            if self.random.random() < 0.4:
                act = self.random.choice((self.exchange, self.exchange, self.half_close))
                try:
                    act()
                except (OSError, AssertionError) as error:
                    self.failures.append("%s: %r" % (act.__name__, error))
            else:
                act = self.random.choice(hostile)
                try:
                    act()
                except OSError:
                    pass  # whatever becomes of them
            self.done[act.__name__] += 1

    def open(self, listener, context=None, timeout=None):
        client = self.test.running.connect(listener, timeout)
        if context is None:
            return client
        try:
            return harness.BufferedTls(client, context, server_hostname="localhost")
        except OSError:
            client.close()
            raise

    def any_context(self):
        return self.random.choice(self.test.contexts)

    def any_listener(self):
        return self.random.choice(self.test.listeners)

    def any_tls(self):
        return self.random.choice([name for name in self.test.listeners if not name.startswith("plain.")])

    # Polite ones: every byte comes back, and the end is clean.

    def exchange(self):
        listener = self.random.choice(self.test.echoing)
        with self.open(listener, None if listener.startswith("plain.") else self.any_context()) as client:
            for _ in range(self.random.randrange(1, 20)):
                supervise.exchange(client, self.random.randbytes(self.random.choice((1, 1000, 16384, 40000))))
            harness.end(client)
            if harness.read_all(client):
                raise AssertionError("more came than was sent")

    def half_close(self):
        listener = self.random.choice(("plain.half", "openssl.half"))
        data = self.random.randbytes(self.random.choice((0, 1, 100000, 1000000)))
        with self.open(listener, None if listener.startswith("plain.") else self.any_context()) as client:
            client.sendall(data)
            harness.end(client)
            if harness.read_all(client) != hashlib.sha256(data).digest():
                raise AssertionError("another digest")

    # Hostile ones.

    def leave(self, client):
        """By a reset or by an end."""
        if self.random.random() < 0.5:
            harness.reset(client)
        else:
            client.close()

    def vanish(self):
        client = self.open(self.any_listener())
        try:
            client.sendall(self.random.randbytes(self.random.choice((0, 1, 600))))
        finally:
            self.leave(client)

    def garbage(self):
        size = self.random.randrange(65536)
        with self.open(self.any_listener(), timeout=3) as client:
            client.sendall(self.random.choice((b"GET / HTTP/1.0\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28",
                                               b"\x16\x03\x01" + struct.pack(">H", size), b"\x80\x2e\x01\x00\x02"))
                           + self.random.randbytes(self.random.randrange(3000)))
            if self.random.random() < 0.5:
                client.shutdown(socket.SHUT_WR)
            harness.read_all(client, 1000000)

    def stop_reading(self):
        listener = self.any_listener()
        client = self.open(listener, None if listener.startswith("plain.") else self.any_context())
        bare(client).settimeout(0.3)
        try:
            for _ in range(40):
                client.sendall(bytes(100000))
        finally:
            self.leave(bare(client))

    def truncate(self):
        client = self.open(self.any_tls(), self.any_context())
        try:
            client.sendall(self.random.randbytes(self.random.randrange(1, 20000)))
            client.socket.sendall(self.random.choice((b"", b"\x17\x03\x03\x00\x20abc",
                                                      b"\x17\x03\x03\x00\x20" + bytes(32))))
            if self.random.random() < 0.5:
                client.socket.shutdown(socket.SHUT_WR)
        finally:
            self.leave(client.socket)

    def cut_hello(self):
        outgoing = ssl.MemoryBIO()
        tls = self.any_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = bytearray(outgoing.read())
        if self.random.random() < 0.5:
            hello[self.random.randrange(len(hello))] ^= 1 << self.random.randrange(8)
        with self.open(self.any_tls(), timeout=3) as client:
            client.sendall(hello[:self.random.choice((self.random.randrange(len(hello)), len(hello)))])
            client.shutdown(socket.SHUT_WR)
            harness.read_all(client, 100000)

    def no_certificate(self):
        with self.open("mutual-%s.echo" % self.random.choice(harness.backends()), self.any_context()) as client:
            client.sendall(b"x")
            client.recv(1)

    def use(self):
        """What any upstream does."""
        listener = self.any_listener()
        with self.open(listener, None if listener.startswith("plain.") else self.any_context(), timeout=4) as client:
            client.sendall(self.random.randbytes(self.random.randrange(1, 100000)))
            if self.random.random() < 0.5:
                harness.end(client)
            harness.read_all(client, 1000000)


class Chaos(supervise.TestCase):
    def begin(self):
        print("CHAOS_SEED=%d" % SEED, file=sys.stderr)
        self.random = random.Random(SEED)
        self.over = threading.Event()
        self.world = World(self, self.random)
        self.running = self.daemon(self.world.config(2))
        with open(self.running.config_path) as source:
            names = re.findall(r"^\[listener ([^\]]+)\]", source.read(), re.M)
        self.world.addresses = {name: "127.0.0.1:%d" % self.running.port(name) for name in names}
        self.listeners = [name for name in names if not name.startswith(("spare", "other", "mutual"))]
        self.echoing = [name for name in self.listeners if re.search(r"\.(echo|second|techo-\w+)$", name)]
        self.contexts = [harness.client_context(self.authority),
                         harness.client_context(self.authority, maximum=ssl.TLSVersion.TLSv1_2)]

    def disturb(self, deadly):
        """One disturbance. A broken configuration must be refused, a good one taken."""
        rng = self.random
        children = list(self.running.children().items())
        what = rng.randrange(8 if deadly else 7)
        if what == 0:
            code, text = supervise.reload(self.running, self.world.config(rng.randrange(1, 5)))
            if not deadly:
                self.assertEqual(code, 0, text)
        elif what == 1:
            good = supervise.contents(self.running.config_path)
            broken = rng.choice(("certificate", "key", "port"))
            self.assertEqual(supervise.reload(self.running, self.world.config(2, broken))[0], 1, broken)
            self.running.write(good)
        elif what == 2:
            self.running.kill(signal.SIGHUP)
        elif what == 3:
            self.strike([pid for pid, name in children if name == "loader"], signal.SIGKILL)
        elif what == 4:
            for stopped in [pid for pid, _ in children][:rng.randrange(4)]:
                self.strike([stopped], signal.SIGSTOP)
                self.over.wait(0.1)
                self.strike([stopped], signal.SIGCONT)
        elif what == 5:
            self.flood_control()
        elif what == 6:
            supervise.status(self.running)
        else:
            self.strike([rng.choice([pid for pid, name in children if name.startswith("worker")] or [None])],
                        signal.SIGKILL)

    @staticmethod
    def strike(pids, number):
        for pid in pids:
            try:
                if pid is not None:
                    os.kill(pid, number)
            except ProcessLookupError:
                pass

    def flood_control(self):
        open_ends = []
        for _ in range(20):
            end = socket.socket(socket.AF_UNIX)
            open_ends.append(end)
            end.connect(self.running.control)
            try:
                end.sendall(self.random.choice((b"rel", b"status\n" * 50, b"x" * 5000, b"\0\n", b"reload", b"")))
            except OSError:
                pass  # refused already
        for end in open_ends:
            end.close()

    def soak(self, deadly):
        self.begin()
        self.running.may_lose_workers = deadly
        clients = [Client(self, number) for number in range(CLIENTS)]
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                self.disturb(deadly)
                self.over.wait(self.random.random() * 0.4)
        finally:
            self.over.set()
            for client in clients:
                client.join(harness.PATIENCE)
        self.assertFalse([client for client in clients if client.is_alive()], "a client hangs")
        return clients, self.idle_again()

    def idle_again(self):
        """A last reload, then waits until everybody has gone. Returns the status."""
        code, text = supervise.reload(self.running, self.world.config(2))
        self.assertEqual(code, 0, text)
        return supervise.wait_status(self.running, lambda s: len(s.pids()) == len(s.workers) == 2 and s.connections() == 0,
                                     "two idle workers")

    def check_books(self, status):
        """Every connection has one end, one line and one reason; nothing is left."""
        daemon = self.running
        counters = status.counters
        deaths = [harness.fields(line) for line in daemon.log.find("event=worker_died")]
        lost = sum(int(death["connections_lost"]) for death in deaths)
        ends = sum(counters[reason] for reason in REASONS)
        self.assertEqual(counters["accepted"], counters["closed"] + lost)
        gauges = re.findall(r"listener (\S+) \S+ connections ([1-9]\d*)", status.text)
        self.assertEqual(gauges, [])
        # Who is idle holds no more than the other, who is as idle.
        harness.until(lambda: len({harness.descriptors(pid) for pid in status.pids()}) == 1, "equal numbers of descriptors")
        self.assertEqual(daemon.stop(), 0)
        told = len(daemon.log.find("event=close ")) + len(daemon.log.find("event=handshake_failed "))
        told += sum(int(harness.fields(line).get("left_out", 0)) for line in daemon.log.find("event=handshake_failed "))
        told += sum(int(harness.fields(line)["left_out"]) for line in daemon.log.find("event=left_out", "of=handshake_failed"))
        if not deaths:
            self.assertEqual(ends, counters["closed"])
            self.assertEqual(told, ends)
        self.assertEqual(counters["log_drops"], 0)
        return lost

    def test_reloads_and_hostile_clients_harm_nobody_else(self):
        clients, status = self.soak(deadly=False)
        self.assertEqual(sum((client.failures for client in clients), []), [])
        self.assertEqual(self.running.log.find("event=worker_died"), [])
        self.check_books(status)

    def test_deaths_of_workers_cost_only_what_they_held(self):
        clients, status = self.soak(deadly=True)
        failures = sum((client.failures for client in clients), [])
        self.assertLessEqual(len(failures), self.check_books(status), failures)


SMALL = """
[daemon]
workers = 2
%s
[listener web]
listen = 127.0.0.1:%d
upstream = echo
[upstream echo]
server = %s
"""


class Ends(supervise.TestCase):
    def test_a_new_instance_starts_at_once_after_the_master_was_killed(self):
        echo = self.echo()
        first = self.daemon(SMALL % ("", 0, echo.text()))
        supervise.wait_status(first, lambda s: len(s.pids()) == 2, "two workers")
        port = first.port("web")
        self.clients(first, "web", 10)
        children = list(first.children())
        # Also children that cannot notice by themselves end with it.
        for pid in children:
            os.kill(pid, signal.SIGSTOP)
        first.kill(signal.SIGKILL)
        first.wait()
        harness.until(lambda: not any(supervise.running(pid) for pid in children), "the end of the children")
        second = self.daemon(SMALL % ("control = " + first.control, port, echo.text()))
        self.clients(second, "web", 10)

    def test_a_log_file_at_its_size_limit_loses_lines_and_nothing_else(self):
        path = self.path("size.log")
        daemon = self.daemon(SMALL % ("log = " + path, harness.free_port(), self.echo().text()), wait=False)
        harness.until(lambda: "event=started" in supervise.contents(path), "the log")
        found = re.search(r"listener=web address=127.0.0.1:(\d+)", supervise.contents(path))
        limit = os.path.getsize(path) + 1000
        for pid in [daemon.pid] + list(daemon.children()):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, limit))
        # The master's lines, then the workers'.
        for _ in range(20):
            self.assertEqual(supervise.reload(daemon)[0], 0)
        status = supervise.wait_status(daemon, lambda s: s.counters["log_drops"] >= 10, "dropped lines")
        before = status.counters["log_drops"]
        for _ in range(50):
            with harness.connect(("127.0.0.1", int(found.group(1)))) as client:
                supervise.exchange(client)
        daemon.kill(signal.SIGUSR1)
        status = supervise.wait_status(daemon, lambda s: s.counters["log_drops"] > before + 10, "dropped lines")
        self.assertEqual(status.counters["worker_deaths"], 0)
        self.assertEqual(os.path.getsize(path), limit)

    def test_what_was_left_out_is_told_before_the_end(self):
        certificate = self.authority.issue("server", ["localhost"])
        config = SMALL % ("", 0, self.echo().text()) + "[tls server]\ncertificate = %s\n" % certificate
        daemon = self.daemon(config.replace("[upstream echo]", "tls = server\n[upstream echo]"))
        for _ in range(150):
            with daemon.connect("web") as client:
                client.sendall(b"no TLS at all\r\n")
                client.shutdown(socket.SHUT_WR)
                harness.read_all(client)
        supervise.wait_status(daemon, lambda s: s.counters["closed"] == 150, "the ends")
        self.assertEqual(daemon.stop(), 0)
        lines = daemon.log.find("event=handshake_failed ")
        left_out = sum(int(harness.fields(line).get("left_out", 0)) for line in
                       lines + daemon.log.find("event=left_out", "of=handshake_failed"))
        self.assertEqual(len(lines) + left_out, 150)

    def test_a_broken_record_after_our_close_notify_is_the_clients_fault(self):
        certificate = self.authority.issue("server", ["localhost"])
        config = SMALL % ("", 0, self.server(lambda connection: None).text())
        for backend in harness.backends():
            daemon = self.daemon(config.replace("[upstream echo]", "tls = server\n[upstream echo]")
                                 + "[tls server]\nbackend = %s\ncertificate = %s\n" % (backend, certificate))
            context = harness.client_context(self.authority)
            with harness.BufferedTls(daemon.connect("web"), context, server_hostname="localhost") as client:
                self.assertEqual(client.recv(10), b"")
                client.socket.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
                found = daemon.wait_close()
            if harness.can(backend, harness.CAP_HALF_CLOSE):
                self.assertEqual((found["reason"], found["class"]), ("client_tls_error", "protocol"), backend)
            else:
                self.assertEqual(found["reason"], "done", backend)  # nothing is read any more


if __name__ == "__main__":
    harness.main()
