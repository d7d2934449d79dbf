#!/usr/bin/env python3
"""Signals: the ways to end, to reload, to reopen the log."""

import errno
import os
import re
import signal
import time

import harness
import supervise

CONFIG = """
[daemon]
workers = 2
%s
[listener web]
listen = 127.0.0.1:0
upstream = back
[upstream back]
server = %s
"""


class Signals(supervise.TestCase):
    def start(self, more="drain_timeout = 30s"):
        self.upstream = self.echo()
        return self.daemon(CONFIG % (more, self.upstream.text()))

    def refused(self, address):
        """Whether a new connection is refused (and neither accepted nor left waiting)."""
        def attempt():
            with harness.socket.socket() as client:
                client.settimeout(5)
                return client.connect_ex(address) == errno.ECONNREFUSED
        harness.until(attempt, "a refusal")

    def test_sigterm_lets_connections_finish_and_ends_with_0(self):
        daemon = self.start()
        address = daemon.address("web")
        clients = self.clients(daemon, "web", 8)
        daemon.kill(signal.SIGTERM)
        daemon.log.wait("event=stopping")
        self.refused(address)
        for client in clients:
            supervise.exchange(client, b"still there" * 1000)
        for client in clients:
            client.shutdown(harness.socket.SHUT_WR)
            self.assertEqual(harness.read_all(client), b"")
        self.assertEqual(daemon.wait(), 0)
        end = harness.fields(daemon.log.wait("event=stopped"))
        self.assertEqual(end["connections_cut"], "0")

    def test_sigterm_closes_what_is_left_after_drain_timeout_and_counts_it(self):
        daemon = self.start("drain_timeout = 500ms")
        self.clients(daemon, "web", 3)
        began = time.monotonic()
        daemon.kill(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        took = time.monotonic() - began
        self.assertGreater(took, 0.4)
        self.assertLess(took, 5)
        end = harness.fields(daemon.log.wait("event=stopped"))
        self.assertEqual(end["connections_cut"], "3")
        self.assertEqual(len(daemon.log.find("event=close ", "drain_timeout")), 3)

    def test_a_second_sigterm_ends_at_once(self):
        daemon = self.start("drain_timeout = 1h")
        with daemon.connect("web") as client:
            supervise.exchange(client)
            daemon.kill(signal.SIGTERM)
            daemon.log.wait("event=stopping")
            supervise.exchange(client)
            daemon.kill(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0)

    def test_sigint_is_as_sigterm(self):
        daemon = self.start()
        daemon.kill(signal.SIGINT)
        self.assertEqual(daemon.wait(), 0)

    def test_signals_to_all_processes_at_once_are_the_masters_alone(self):
        daemon = self.start()
        clients = self.clients(daemon, "web", 6)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
            for pid in harness.children_of(daemon.pid) + [daemon.pid]:
                os.kill(pid, number)
        daemon.log.wait("event=stopping")
        for client in clients:
            supervise.exchange(client)
            client.close()
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(daemon.log.find("event=worker_died"), [])

    def test_sigterm_under_load_cuts_no_connection(self):
        daemon = self.start()
        load = self.load(daemon, "web", clients=30, steady=0)
        load.wait_done(100)
        self.assertEqual(load.failures, [])
        daemon.kill(signal.SIGTERM)
        daemon.log.wait("event=stopping")
        load.running = False
        failures = load.stop()
        self.assertEqual(daemon.wait(), 0)
        end = harness.fields(daemon.log.wait("event=stopped"))
        self.assertEqual(end["connections_cut"], "0")
        # New connections are refused; none that was accepted is cut.
        self.assertEqual([f for f in failures if "ConnectionRefused" not in f and "TimeoutError" not in f], [])

    def test_sighup_reloads(self):
        daemon = self.start()
        daemon.write(CONFIG % ("", self.upstream.text()))
        daemon.kill(signal.SIGHUP)
        daemon.log.wait("event=reload ", "generation=2")
        daemon.write(CONFIG % ("colour = red", self.upstream.text()))
        daemon.kill(signal.SIGHUP)
        daemon.log.wait("event=reload_failed")
        with daemon.connect("web") as client:
            supervise.exchange(client)

    def test_sigusr1_reopens_the_log_in_every_process(self):
        path = self.path("unitlsd.log")
        upstream = self.echo()
        daemon = self.daemon(CONFIG % ("log = " + path, upstream.text()), wait=False)
        harness.until(lambda: "event=started" in supervise.contents(path), "the log file")
        line = re.search(r"event=listening .*address=127.0.0.1:(\d+)", supervise.contents(path))
        daemon.addresses["web"] = ("127.0.0.1", int(line.group(1)))

        def closes(name):
            return supervise.contents(name).count("event=close ")

        def connect_some(count):
            for client in self.clients(daemon, "web", count):
                client.close()

        connect_some(20)
        harness.until(lambda: closes(path) == 20, "20 lines")
        os.rename(path, path + ".1")
        connect_some(5)
        harness.until(lambda: closes(path + ".1") == 25, "lines in the renamed file")
        daemon.kill(signal.SIGUSR1)
        harness.until(lambda: "event=log_reopen" in supervise.contents(path), "a new log file")
        # When both workers have written to the new file, the old one stays as it is.
        for _ in range(100):
            connect_some(5)
            if len(set(re.findall(r"event=close .*?process=(worker-\d)", supervise.contents(path)))) == 2:
                break
        before = closes(path + ".1")
        connect_some(20)
        harness.until(lambda: closes(path) >= 20, "lines in the new file")
        self.assertEqual(closes(path + ".1"), before)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640 & ~umask())


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


if __name__ == "__main__":
    harness.main()
