#!/usr/bin/env python3
"""Limits: connections across workers, descriptors, idle connections, draining, memory of what is idle."""

import resource
import select
import signal
import time

import harness

CONFIG = """
[daemon]
workers = {workers}
{daemon}
[tls server]
backend = {backend}
certificate = {certificate}
[listener web]
listen = 127.0.0.1:0
upstream = echo
{listener}
[listener secure]
listen = 127.0.0.1:0
tls = server
upstream = echo
{listener}
[upstream echo]
server = {echo}
"""


class Limits(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.certificate = self.authority.issue("server", ["localhost"])
        self.echo = self.server(harness.echo)

    def start(self, backend="openssl", workers=2, daemon="", listener="", **keywords):
        return self.daemon(CONFIG.format(backend=backend, workers=workers, daemon=daemon, listener=listener,
                                         certificate=self.certificate, echo=self.echo.text()), **keywords)

    def answers(self, client):
        client.sendall(b"ping")
        return client.recv(4) == b"ping"

    def served_of(self, clients):
        """Those that were answered; the rest waits for as long as this looks."""
        served = set()
        while True:
            ready = select.select([client for client in clients if client not in served], [], [], 0.5)[0]
            if not ready:
                return served
            for client in ready:
                self.assertEqual(client.recv(4), b"ping")
                served.add(client)

    def is_served(self, client, within):
        client.settimeout(within)
        try:
            return client.recv(4) == b"ping"
        except TimeoutError:
            return False

    def test_max_connections_holds_across_workers_and_resumes(self):
        daemon = self.start(workers=2, listener="max_connections = 6")
        clients = [daemon.connect("web") for _ in range(12)]
        for client in clients:
            client.sendall(b"ping")
        served = self.served_of(clients)
        waiting = [client for client in clients if client not in served]
        self.assertEqual(len(served), 6)
        paused = harness.fields(daemon.log.wait("event=accept_paused", "reason=max_connections"))
        self.assertGreater(int(paused["connections"]), 4)  # those of both workers
        # Nobody was refused: as places get free, those who wait are served.
        for client in served:
            client.close()
        for client in waiting:
            self.assertTrue(self.is_served(client, harness.PATIENCE))
            client.close()
        # The other listener was never held up.
        with daemon.connect_tls("secure", harness.client_context(self.authority)) as client:
            self.assertTrue(self.answers(client))

    def test_running_out_of_descriptors_pauses_and_resumes(self):
        limit = 192
        daemon = self.start(workers=1, limits={resource.RLIMIT_NOFILE: limit})
        pid = daemon.workers()[0]
        clients = []
        for _ in range(100):
            client = daemon.connect("web")
            client.sendall(b"ping")
            clients.append(client)
        daemon.log.wait("event=accept_paused", "reason=descriptors")
        served = self.served_of(clients)
        self.assertGreater(len(served), 20)
        self.assertLess(len(served), 100)
        self.assertLess(harness.descriptors(pid), limit - 20)
        # The reserve lets a reload go on.
        reloads = len(daemon.log.find("event=reload "))
        daemon.kill(signal.SIGHUP)
        daemon.log.wait("event=reload ", count=reloads + 1)
        for client in served:
            client.close()
        for client in clients:
            if client not in served:
                self.assertTrue(self.is_served(client, harness.PATIENCE))
                client.close()
        self.assertEqual(daemon.workers(), [pid])

    def test_the_kernel_refusing_descriptors_pauses_and_resumes(self):
        """As when the whole system has none left: accept() fails although the daemon's own count says there are some."""
        daemon = self.start(workers=1)
        pid = daemon.workers()[0]
        with daemon.connect("web") as steady:
            self.assertTrue(self.answers(steady))
            soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            # The next accept() still finds one, its connect() to the upstream does not; the accept() after that fails.
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (harness.descriptors(pid) + 1, hard))
            clients = []
            for _ in range(5):
                try:
                    clients.append(daemon.connect("web"))
                    clients[-1].sendall(b"ping")
                except OSError:
                    pass  # reset for want of a second descriptor
            self.assertTrue(self.answers(steady))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (harness.descriptors(pid), hard))
            waiting = daemon.connect("web")
            waiting.sendall(b"ping")
            daemon.log.wait("event=accept_paused", "Too many open files")
            self.assertTrue(self.answers(steady))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            self.assertTrue(self.is_served(waiting, harness.PATIENCE))
            for client in clients + [waiting]:
                client.close()

    def test_idle_connections_are_ended(self):
        for backend in harness.backends():
            daemon = self.start(backend, listener="idle_timeout = 300ms")
            context = harness.client_context(self.authority)
            for connect in (lambda: daemon.connect("web"), lambda: daemon.connect_tls("secure", context)):
                with connect() as client:
                    self.assertTrue(self.answers(client))
                    begin = time.monotonic()
                    with self.assertRaises(harness.RESET):
                        client.recv(1)
                    self.assertGreater(time.monotonic() - begin, 0.25)
            daemon.log.wait("event=close", "reason=idle_timeout", count=2)

    def test_a_busy_connection_is_not_idle(self):
        daemon = self.start(listener="idle_timeout = 400ms")
        end = time.monotonic() + 1.2
        with daemon.connect("web") as client:
            while time.monotonic() < end:
                self.assertTrue(self.answers(client))
                self.assertFalse(self.is_served(client, 0.1))
        self.assertEqual(daemon.wait_close()["reason"], "done")

    def test_a_drain_lets_connections_finish(self):
        daemon = self.start(daemon="drain_timeout = 20s")
        with daemon.connect_tls("secure", harness.client_context(self.authority)) as client:
            self.assertTrue(self.answers(client))
            daemon.kill(signal.SIGTERM)
            daemon.log.wait("event=stopping")
            self.assertTrue(self.answers(client))
            with self.assertRaises(ConnectionRefusedError):
                harness.until(lambda: daemon.connect("web").close(), "the port to be closed")
            client.unwrap()
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(daemon.wait_close()["reason"], "done")

    def test_a_drain_ends_what_is_left_at_its_deadline(self):
        daemon = self.start(daemon="drain_timeout = 500ms")
        clients = [daemon.connect("web") for _ in range(5)]
        for client in clients:
            self.assertTrue(self.answers(client))
        daemon.kill(signal.SIGTERM)
        for client in clients:
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            client.close()
        self.assertEqual(daemon.wait(), 0)
        daemon.log.wait("event=close ", "reason=drain_timeout", count=5)
        self.assertEqual(len(daemon.closes(reason="drain_timeout")), 5)

    def test_idle_connections_are_cheap(self):
        """Beside the TLS library's own memory a connection holds no buffers when nothing is in flight."""
        for backend, limit_kb in (("openssl", 40), ("mbedtls", 70), ("boringssl", 40), ("gnutls", 40), ("bearssl", 60)):
            if backend not in harness.backends():
                continue
            with self.subTest(backend=backend):
                daemon = self.start(backend, workers=1)
                pid = daemon.workers()[0]
                context = harness.client_context(self.authority)
                clients = []

                def open_some(count):
                    for _ in range(count):
                        client = daemon.connect_tls("secure", context)
                        clients.append(client)
                        for _ in range(3):
                            self.assertTrue(self.answers(client))
                open_some(20)
                before = harness.rss_kb(pid)
                open_some(200)
                each = (harness.rss_kb(pid) - before) / 200
                for client in clients:
                    client.close()
                if not harness.SANITIZED:
                    self.assertLess(each, limit_kb)

    def test_what_connections_needed_goes_back(self):
        """One that lives on lies above what the others leave, so that the heap's end cannot move."""
        daemon = self.start("openssl", workers=1)
        pid = daemon.workers()[0]
        context = harness.client_context(self.authority)
        clients = [daemon.connect_tls("secure", context)]
        self.assertTrue(self.answers(clients[0]))
        before = harness.rss_kb(pid)
        clients += [daemon.connect_tls("secure", context) for _ in range(300)]
        for client in clients:
            self.assertTrue(self.answers(client))
        most = harness.rss_kb(pid)
        for client in clients[:-1]:
            client.close()
        daemon.log.wait("event=close ", count=300)
        if harness.SANITIZED:
            self.skipTest("a sanitizer has a heap of its own")
        harness.until(lambda: harness.rss_kb(pid) < before + (most - before) / 2, "the heap to go back")
        self.assertTrue(self.answers(clients[-1]))
        clients[-1].close()


if __name__ == "__main__":
    harness.main()
