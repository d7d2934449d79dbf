#!/usr/bin/env python3
"""How many system calls a worker makes for one connection and for bulk data, seen by strace: what is kept here may fall, not grow."""

import collections
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

import harness

CONFIG = """
[daemon]
workers = 1
[tls server]
backend = {backend}
certificate = {certificate}
[listener web]
listen = 127.0.0.1:0
tls = server
upstream = server
[upstream server]
server = {server}
"""

CONNECTIONS = 20
REQUEST = b"r" * 100
ANSWER = b"a" * 512
MEGABYTE = 1 << 20
BULK_MEGABYTES = 100
LISTEN = "0A"  # /proc/net/tcp

# Of one connection (full handshake, small request, answer, close): the same whatever the timing. Lower a figure together with what made it fall.
# The second accept4 finds no more; the second connect asks whether the first is through, which it is within a machine.
EXACT = {"accept4": 2, "socket": 1, "connect": 2, "setsockopt": 1, "epoll_ctl": 4, "shutdown": 1, "close": 2, "write": 1}
# What depends on how much has come when the worker looks: at most. A read in vain is one that says EAGAIN.
# The worker waits the more often the fewer events it finds at once, and asks for fewer errors then: the sum varies less than either.
AT_MOST = {"read": 6, "read in vain": 0.5, "sendto": 5, "getsockopt": 2, "epoll_wait": 10}
ALL_AT_MOST = 36
# BoringSSL sends its ticket with the first data.
AT_MOST_OF = {"boringssl": {"sendto": 4}}
# The library's own, and the master's heartbeats.
OTHERS = {"getpid", "getrandom", "recvmsg", "sendmsg", "brk", "mmap", "munmap", "madvise", "futex"}

# Of one MB each way. A sender that is slower than the worker makes the reads smaller, so that there are more of them; 16 are the fewest.
# That each read has one write, and none is in vain, holds whatever the sender does.
BULK_AT_MOST = {"read": 32, "writes beyond reads": 0.5, "read in vain": 0.5, "epoll_wait": 32, "memory": 0.5}


class Trace:
    """The system calls of one process, until stop()."""

    def __init__(self, pid, path):
        self.path = path
        self.process = subprocess.Popen(["strace", "-f", "-p", str(pid), "-o", path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = self.process.stderr.readline().decode("utf-8", "replace")
        if "attached" not in said:
            self.stop()
            raise unittest.SkipTest("strace may not attach: " + said.strip())

    def stop(self):
        """Returns how often each call was made; see AT_MOST for "read" and "read in vain"."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(harness.PATIENCE)
        self.process.stderr.close()
        calls = collections.Counter()
        with open(self.path, encoding="utf-8", errors="replace") as source:
            for line in source:
                # One that was under way at the end has no result.
                made = re.match(r"\d+ +([a-z_0-9]+)\(.* = (-?\d+|0x[0-9a-f]+|\?)( E[A-Z]+ .*)?", line)
                if made:
                    calls[self._name(*made.groups())] += 1
        # The master's heartbeat, and the worker's own timer, wake it too.
        calls["epoll_wait"] -= calls["recvmsg"] + calls.pop("timer", 0)
        return calls

    @staticmethod
    def _name(name, result, error):
        if name == "epoll_wait" and result == "0":
            return "timer"
        if name == "recvfrom":
            return "read in vain" if error and "EAGAIN" in error else "read"
        return name


@unittest.skipIf(harness.SANITIZED, "a sanitizer makes system calls of its own")
@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class SystemCalls(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.certificate = self.authority.issue("server", ["localhost"])
        self.context = harness.client_context(self.authority)

    def start(self, backend, handle):
        return self.daemon(CONFIG.format(backend=backend, certificate=self.certificate, server=self.server(handle).text()))

    def trace(self, daemon):
        return Trace(daemon.workers()[0], self.path("trace"))

    def one_connection(self, daemon, number):
        with daemon.connect_tls("web", self.context) as client:
            # Else the request waits for the acknowledgement of the Finished.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(REQUEST)
            self.assertEqual(harness.read_all(client, len(ANSWER)), ANSWER)
            client.unwrap()
        daemon.log.wait("event=close ", count=number)

    def test_one_connection(self):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend, answer)
                worker = daemon.workers()[0]
                self.one_connection(daemon, 1)  # what is done once in a process
                harness.until(lambda: not connections(worker), "the worker to close its sockets")
                trace = self.trace(daemon)
                for i in range(CONNECTIONS):
                    self.one_connection(daemon, i + 2)
                harness.until(lambda: not connections(worker), "the worker to close its sockets")
                self.compare(backend, {name: n / CONNECTIONS for name, n in trace.stop().items()})

    def compare(self, backend, calls):
        print("%s, one connection: %s" % (backend, shown(calls)))
        at_most = {**AT_MOST, **AT_MOST_OF.get(backend, {})}
        # strace may leave before it has written down the last call.
        self.assertEqual({name: round(calls.get(name, 0)) for name in EXACT}, EXACT)
        for name, limit in at_most.items():
            self.assertLessEqual(calls.get(name, 0), limit, name)
        self.assertLessEqual(sum(n for name, n in calls.items() if name not in OTHERS), ALL_AT_MOST)
        self.assertEqual(set(calls) - set(EXACT) - set(at_most) - OTHERS, set(), "calls that are in no table")

    def compare_bulk(self, what, calls):
        print("%s, one MB: %s" % (what, shown(calls)))
        found = {"read": calls.get("read", 0), "read in vain": calls.get("read in vain", 0),
                 "writes beyond reads": calls.get("sendto", 0) - calls.get("read", 0),
                 "epoll_wait": calls.get("epoll_wait", 0),
                 "memory": sum(calls.get(name, 0) for name in ("brk", "mmap", "munmap", "madvise"))}
        for name, limit in BULK_AT_MOST.items():
            self.assertLessEqual(found[name], limit, name)

    def bulk(self, handle, exchange):
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.start(backend, handle)
                with daemon.connect_tls("web", self.context) as client:
                    trace = self.trace(daemon)
                    exchange(client)
                    calls = trace.stop()
                self.compare_bulk("%s %s" % (backend, handle.__name__), {name: n / BULK_MEGABYTES for name, n in calls.items()})

    def test_bulk_to_the_client(self):
        def exchange(client):
            client.sendall(b"x")
            self.assertEqual(count(client), BULK_MEGABYTES * MEGABYTE)

        self.bulk(send_bulk, exchange)

    def test_bulk_from_the_client(self):
        def exchange(client):
            for _ in range(BULK_MEGABYTES):
                client.sendall(bytes(MEGABYTE))
            self.assertEqual(client.recv(1), b"x")

        self.bulk(take_bulk, exchange)


def connections(pid):
    """The TCP sockets of a process that do not listen, by inode. The line in the log comes before they are closed."""
    with open("/proc/%d/net/tcp" % pid, encoding="ascii") as source:
        rows = [line.split() for line in source][1:]
    there = {"socket:[%s]" % row[9] for row in rows if row[3] != LISTEN}
    with harness.insight():
        folder = "/proc/%d/fd" % pid
        return there.intersection(target(os.path.join(folder, name)) for name in os.listdir(folder))


def target(path):
    """What a descriptor is open on; "" when it was closed since it was listed."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


def shown(calls):
    return ", ".join("%s %.2f" % (name, n) for name, n in sorted(calls.items()) if n > 0)


def count(source, limit=None):
    """How many bytes come until the end, or the limit."""
    total = 0
    while limit is None or total < limit:
        part = source.recv(65536)
        if not part:
            break
        total += len(part)
    return total


def answer(connection):
    if harness.read_all(connection, len(REQUEST)):
        connection.sendall(ANSWER)
    harness.read_all(connection)


def send_bulk(connection):
    connection.recv(1)
    for _ in range(BULK_MEGABYTES):
        connection.sendall(bytes(MEGABYTE))


def take_bulk(connection):
    count(connection, BULK_MEGABYTES * MEGABYTE)
    connection.sendall(b"x")


if __name__ == "__main__":
    harness.main()
