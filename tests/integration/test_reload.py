#!/usr/bin/env python3
"""Reload as a transaction: all or nothing, no connection cut, none refused, and the reason of a failure told.

time-limit: 600
"""

import os
import shutil
import signal
import socket
import threading
import unittest

import harness
import supervise

CONFIG = """
[daemon]
workers = 2
[tls web]
backend = %(backend)s
certificate = %(certificate)s
[listener web]
listen = 127.0.0.1:0
tls = web
upstream = back
[upstream back]
server = %(upstream)s
"""

PLAIN = """
[daemon]
workers = 2
[listener web]
listen = 127.0.0.1:0
upstream = back
[upstream back]
server = %s
"""


def serial_of(connection):
    return int(connection.getpeercert()["serialNumber"], 16)


class Reload(supervise.TestCase):
    """Everything with plaintext listeners."""

    def start(self):
        self.upstream = self.echo()
        self.config = PLAIN % self.upstream.text()
        return self.daemon(self.config)

    def test_a_listener_comes_and_goes(self):
        daemon = self.start()
        more = self.config + "[listener more]\nlisten = 127.0.0.1:0\nupstream = back\n"
        self.assertEqual(supervise.reload(daemon, more)[0], 0)
        for client in self.clients(daemon, "more", 10):
            client.close()
        steady = self.clients(daemon, "more", 4)
        address = daemon.address("more")
        self.assertEqual(supervise.reload(daemon, self.config)[0], 0)
        harness.until(lambda: connect_error(address) == "ECONNREFUSED", "a refusal")
        # What was connected goes on with what it had.
        for client in steady:
            supervise.exchange(client, b"x" * 50000)
        self.assertEqual(list(supervise.status(daemon).listeners), ["web"])

    def test_a_unix_listener_comes_and_goes(self):
        daemon = self.start()
        path = self.path("web.sock")
        more = self.config + "[listener more]\nlisten = unix:%s\nupstream = back\n" % path
        for _ in range(3):
            self.assertEqual(supervise.reload(daemon, more)[0], 0)
            with harness.connect(path) as client:
                supervise.exchange(client)
            self.assertEqual(supervise.reload(daemon, self.config)[0], 0)
            self.assertFalse(os.path.exists(path))

    def test_an_address_can_become_wider(self):
        daemon = self.start()
        port = daemon.port("web")
        self.assertEqual(supervise.reload(daemon, self.config.replace("127.0.0.1:0", "*:%d" % port))[0], 0)
        with harness.connect(("127.0.0.2", port)) as client:
            supervise.exchange(client)
        with harness.connect(("127.0.0.1", port)) as client:
            supervise.exchange(client)

    def test_the_upstream_of_new_connections_changes_and_of_old_ones_stays(self):
        daemon = self.start()
        steady = self.clients(daemon, "web", 4)

        def greet(connection):
            connection.sendall(b"other")

        other = self.server(greet)
        self.assertEqual(supervise.reload(daemon, PLAIN % other.text())[0], 0)
        for _ in range(10):
            with daemon.connect("web") as client:
                self.assertEqual(harness.read_all(client), b"other")
        for client in steady:
            supervise.exchange(client)

    def test_a_port_in_use_changes_nothing_and_the_next_good_reload_works(self):
        daemon = self.start()
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        steady = self.clients(daemon, "web", 2)
        more = self.config + "[listener one]\nlisten = 127.0.0.1:0\nupstream = back\n" \
            "[listener more]\nlisten = 127.0.0.1:%d\nupstream = back\n" % taken.getsockname()[1]
        code, text = supervise.reload(daemon, more)
        self.assertEqual(code, 1)
        line = more.split("\n").index("listen = 127.0.0.1:%d" % taken.getsockname()[1]) + 1
        self.assertIn("%s:%d: 127.0.0.1:%d: port in use" % (daemon.config_path, line + 1, taken.getsockname()[1]), text)
        self.assertEqual(list(supervise.status(daemon).listeners), ["web"])
        for client in steady + self.clients(daemon, "web", 4):
            supervise.exchange(client)
        taken.close()
        self.assertEqual(supervise.reload(daemon)[0], 0)
        for client in self.clients(daemon, "more", 4):
            client.close()

    def test_reloads_asked_for_at_once_all_get_an_answer(self):
        daemon = self.start()
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(supervise.reload(daemon)[0])) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            daemon.kill(signal.SIGHUP)
        for thread in threads:
            thread.join(harness.PATIENCE)
        self.assertEqual(answers, [0] * 8)

    def test_the_log_file_changes_by_reload(self):
        daemon = self.start()
        path = self.path("other.log")
        self.assertEqual(supervise.reload(daemon, self.config.replace("[daemon]\n", "[daemon]\nlog = %s\n" % path))[0], 0)
        for client in self.clients(daemon, "web", 10):
            client.close()
        harness.until(lambda: supervise.contents(path).count("event=close ") == 10, "ten lines in the new log")
        code, text = supervise.reload(daemon, self.config.replace("[daemon]\n", "[daemon]\nlog = /nowhere/at/all\n"))
        self.assertEqual(code, 1)
        self.assertIn(":4: the log \"/nowhere/at/all\" cannot be opened", text)
        self.assertEqual(supervise.reload(daemon, self.config)[0], 0)
        daemon.log.wait("event=reload ")

    def test_a_file_that_is_gone_is_a_failed_reload(self):
        daemon = self.start()
        os.unlink(daemon.config_path)
        code, text = supervise.reload(daemon)
        self.assertEqual(code, 1)
        self.assertIn(daemon.config_path, text)
        self.assertEqual(supervise.reload(daemon, self.config)[0], 0)

    def test_a_worker_that_dies_in_a_reload_aborts_it_or_is_replaced_with_it(self):
        daemon = self.start()
        daemon.may_lose_workers = True
        load = self.load(daemon, "web", clients=10, steady=0)
        for number in range(6):
            victim = supervise.wait_status(daemon, lambda s: len(s.pids()) == 2, "two workers").pids()[number % 2]
            before = supervise.status(daemon).generation
            task = self.thread(supervise.reload, daemon)
            os.kill(victim, signal.SIGKILL)
            code, text = task.result()
            after = supervise.status(daemon).generation
            self.assertEqual(after > before, code == 0, text)
        load.wait_done(50)
        load.stop()


def connect_error(address):
    import errno
    with socket.socket() as client:
        client.settimeout(5)
        return errno.errorcode.get(client.connect_ex(address), "")


@unittest.skipIf(not harness.backends(), "no backend was built")
class Certificates(supervise.TestCase):
    """With TLS: certificates that change, are missing, or do not fit."""

    def prepare(self, backend):
        self.upstream = self.echo()
        self.certificate = self.path("web.pem")
        self.good = [self.authority.issue("web-%d" % i, ["localhost"], key=("ecdsa", "rsa")[i % 2]) for i in range(4)]
        self.serials = {}
        for path in self.good:
            text = harness.run("openssl", "x509", "-noout", "-serial", "-in", path).decode()
            self.serials[path] = int(text.split("=")[1], 16)
        self.use(self.good[0])
        self.config = CONFIG % {"backend": backend, "certificate": self.certificate, "upstream": self.upstream.text()}
        self.context = harness.client_context(self.authority)
        return self.daemon(self.config)

    def use(self, path):
        shutil.copy(path, self.certificate + ".new")
        os.rename(self.certificate + ".new", self.certificate)

    def serial(self, daemon):
        with daemon.connect_tls("web", self.context) as client:
            supervise.exchange(client)
            return serial_of(client)

    def mismatched(self):
        """One certificate with the key of another."""
        with open(self.certificate + ".new", "w") as out:
            for path in (self.path("web-0.crt"), self.path("web-2.key")):
                with open(path) as source:
                    out.write(source.read())
        os.rename(self.certificate + ".new", self.certificate)

    def break_something(self, daemon, number):
        """Returns what the reload has to say."""
        kind = number % 5
        if kind == 0:
            daemon.write(self.config + "[upstraem x]\n")
            return "%s:%d: " % (daemon.config_path, self.config.count("\n") + 2)
        if kind == 1:
            os.unlink(self.certificate)
            return "%s:7: " % daemon.config_path
        if kind == 2:
            self.mismatched()
            return "%s:7: " % daemon.config_path
        if kind == 3:
            self.use(self.write("garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
            return "%s:7: " % daemon.config_path
        daemon.write(self.config.replace("upstream = back", "upstream = front"))
        return "%s:11: " % daemon.config_path

    def check_50_reloads_under_load(self, backend):
        daemon = self.prepare(backend)
        load = self.load(daemon, "web", clients=12, steady=6, context=self.context)
        load.wait_done(50)
        current = self.good[0]
        sizes = []
        for number in range(50):
            if number % 2 == 0:
                current = self.good[(number // 2 + 1) % len(self.good)]
                self.use(current)
                code, text = supervise.reload(daemon, self.config)
                self.assertEqual(code, 0, text)
            else:
                wanted = self.break_something(daemon, number // 2)
                code, text = supervise.ctl(daemon, "reload")
                self.assertEqual(code, 1, text)
                self.assertIn(wanted, text)
            # The outcome holds for the very next connection.
            self.assertEqual(self.serial(daemon), self.serials[current])
            if number in (9, 49):
                sizes.append((harness.rss_kb(daemon.pid), daemon.rss_kb()))
            load.wait_done(5)
        self.assertEqual(load.stop(), [])
        self.assertEqual(supervise.status(daemon).generation > 25, True)
        self.assertEqual(supervise.status(daemon).counters["worker_deaths"], 0)
        if "san" in os.path.basename(harness.BUILDDIR):
            return  # a sanitizer keeps what was freed
        master, workers = zip(*sizes)
        self.assertLess(master[1], master[0] + 512, "the master grew: %s kB" % (master,))
        self.assertLess(workers[1], workers[0] * 1.2 + 2048, "the workers grew: %s kB" % (workers,))

    def test_a_connection_outlives_its_certificate(self):
        daemon = self.prepare(harness.backends()[0])
        with daemon.connect_tls("web", self.context) as client:
            supervise.exchange(client)
            self.use(self.good[2])
            self.assertEqual(supervise.reload(daemon)[0], 0)
            self.assertEqual(self.serial(daemon), self.serials[self.good[2]])
            supervise.exchange(client, b"y" * 100000)
            self.assertEqual(serial_of(client), self.serials[self.good[0]])

    def test_a_respawned_worker_serves_the_committed_certificate_not_the_file(self):
        daemon = self.prepare(harness.backends()[0])
        daemon.may_lose_workers = True
        for pid in supervise.wait_status(daemon, lambda s: len(s.pids()) == 2, "two workers").pids():
            self.use(self.good[2])
            os.kill(pid, signal.SIGKILL)
            daemon.log.wait("event=worker_died", "pid=%d " % pid)
        supervise.wait_status(daemon, lambda s: len(s.pids()) == 2, "two workers")
        for _ in range(6):
            self.assertEqual(self.serial(daemon), self.serials[self.good[0]])


def add_backends():
    for backend in harness.backends():
        def test(self, backend=backend):
            self.check_50_reloads_under_load(backend)
        setattr(Certificates, "test_50_reloads_under_load_good_and_broken_" + backend, test)


add_backends()

if __name__ == "__main__":
    harness.main()
