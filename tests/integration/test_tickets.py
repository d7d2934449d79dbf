#!/usr/bin/env python3
"""Session tickets: a session resumes on any worker, over reloads, deaths of workers and one rotation of the keys, and nowhere else."""

import os
import re
import subprocess

import harness
import supervise

WORKERS = 3
PHRASE = "a phrase that comes back"

CAP_TLS_1_2 = 1 << 0  # unitls/backend.h
CAP_TLS_1_3 = 1 << 1
CAP_TICKET_KEYS = 1 << 13
CAP_TICKETS_SELF_ROTATED = 1 << 14

VERSIONS = ((CAP_TLS_1_2, "TLSv1.2", "-tls1_2"), (CAP_TLS_1_3, "TLSv1.3", "-tls1_3"))

SECTIONS = """
[tls {name}]
backend = {backend}
certificate = {certificate}
{extra}
[listener {name}]
listen = 127.0.0.1:0
tls = {name}
upstream = echo
"""


class Outcome:
    """What openssl s_client and the daemon's log say of one connection."""

    def __init__(self, text, close):
        self.text = text
        self.worker = close["process"]
        self.resumed = re.search(r"^(New|Reused), TLS", text, re.M).group(1) == "Reused"
        self.tickets = len(re.findall(r"^<<< .*NewSessionTicket$", text, re.M))
        if self.resumed != (close.get("resumed") == "yes"):
            raise AssertionError("client and log differ: %s\n%s" % (close, text))


class Ticket:
    """A session in a file, and how to come back with it."""

    def __init__(self, backend, version, option, path):
        self.backend, self.version, self.option, self.path = backend, version, option, path

    def __str__(self):
        return "%s %s" % (self.backend, self.version)


class TestCase(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.certificate = self.authority.issue("server", ["localhost"])
        self.echo = self.server(harness.echo)

    def config(self, sections, daemon=""):
        """SECTIONS: (name, backend, more lines of its [tls]); each has a listener of the same name."""
        text = "[daemon]\nworkers = %d\n%s\n[upstream echo]\nserver = %s\n" % (WORKERS, daemon, self.echo.text())
        for name, backend, extra in sections:
            text += SECTIONS.format(name=name, backend=backend, certificate=self.certificate, extra=extra)
        return text

    def sharing(self, capability=CAP_TICKET_KEYS | CAP_TICKETS_SELF_ROTATED):
        """The backends whose tickets all workers can open."""
        return [name for name in harness.backends() if harness.can(name, capability)]

    def connect(self, daemon, ticket, listener=None, offer=True):
        """A connection that offers the session, or else keeps the one it gets."""
        before = len(daemon.closes())
        host, port = daemon.address(listener or ticket.backend)
        command = ["openssl", "s_client", "-connect", "%s:%d" % (host, port), "-servername", "localhost", "-CAfile",
                   self.authority.certificate, "-verify_return_error", "-msg", ticket.option,
                   "-sess_in" if offer else "-sess_out", ticket.path]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        log = harness.Log(client.stdout)
        try:
            client.stdin.write(PHRASE.encode() + b"\n")
            client.stdin.flush()
            log.wait(PHRASE)  # a ticket comes before the data
        finally:
            client.stdin.close()
            client.wait(harness.PATIENCE)
            log.thread.join(harness.PATIENCE)
            client.stdout.close()
        self.assertEqual(client.returncode, 0, "\n".join(log.lines))
        return Outcome("\n".join(log.lines), daemon.wait_close(count=before + 1))

    def obtain(self, daemon, backends):
        """A ticket of each backend and version, all of full handshakes."""
        tickets = []
        for backend in backends:
            for capability, version, option in VERSIONS:
                if not harness.can(backend, capability):
                    continue
                ticket = Ticket(backend, version, option, self.path("%s-%s.session" % (backend, version)))
                if os.path.exists(ticket.path):
                    os.unlink(ticket.path)
                self.assertFalse(self.connect(daemon, ticket, offer=False).resumed)
                tickets.append(ticket)
        self.assertTrue(tickets)
        return tickets


class Tickets(TestCase):
    def check_all_workers(self, daemon, tickets, when):
        """Comes back with each ticket until each worker has taken it."""
        for ticket in tickets:
            workers = set()

            def come_back():
                found = self.connect(daemon, ticket)
                self.assertTrue(found.resumed, "%s, %s, on %s" % (ticket, when, found.worker))
                workers.add(found.worker)
                return len(workers) == WORKERS

            with self.subTest(ticket=str(ticket), when=when):
                harness.until(come_back, "every worker, of which there were " + ", ".join(workers))

    def replace_workers(self, daemon):
        """Kills every worker; returns when as many others serve."""
        old = set(supervise.status(daemon).pids())
        for pid in old:
            os.kill(pid, 9)
        supervise.wait_status(daemon, lambda s: len(set(s.pids()) - old) == WORKERS, "new workers")

    def test_a_session_resumes_on_every_worker_after_reloads_and_deaths(self):
        backends = self.sharing()
        daemon = self.daemon(self.config([(name, name, "") for name in backends]))
        tickets = self.obtain(daemon, backends)
        self.check_all_workers(daemon, tickets, "at first")
        self.assertEqual(supervise.reload(daemon)[0], 0)
        self.check_all_workers(daemon, tickets, "after a reload of the same")
        self.authority.issue("server", ["localhost"])
        self.assertEqual(supervise.reload(daemon)[0], 0)
        self.check_all_workers(daemon, tickets, "after a reload with another certificate for the name")
        self.replace_workers(daemon)
        self.check_all_workers(daemon, tickets, "in new workers")
        status = supervise.status(daemon)
        self.assertEqual(status.counters["resumed"], len(daemon.closes(resumed="yes")))
        self.assertEqual(status.counters["handshakes"] - status.counters["resumed"], len(tickets))

    def test_one_ticket_for_each_connection(self):
        backends = self.sharing()
        daemon = self.daemon(self.config([(name, name, "") for name in backends]))
        for ticket in self.obtain(daemon, backends):
            with self.subTest(ticket=str(ticket)):
                self.assertEqual(self.connect(daemon, ticket, offer=False).tickets, 1)
                if ticket.version == "TLSv1.3":
                    self.assertEqual(self.connect(daemon, ticket).tickets, 1)

    def test_another_profile_does_not_resume(self):
        backends = self.sharing()
        asks = "client_auth = optional\nca = " + self.authority.certificate
        daemon = self.daemon(self.config([
            (name + suffix, name, extra) for name in backends
            for suffix, extra in (("", ""), ("-same", ""), ("-asks", asks), ("-none", "session_tickets = no"))]))
        for ticket in self.obtain(daemon, backends):
            with self.subTest(ticket=str(ticket)):
                self.assertTrue(self.connect(daemon, ticket, ticket.backend + "-same").resumed)
                self.assertFalse(self.connect(daemon, ticket, ticket.backend + "-asks").resumed)
                self.assertFalse(self.connect(daemon, ticket, ticket.backend + "-none").resumed)
                self.assertTrue(self.connect(daemon, ticket).resumed)

    def test_where_there_are_to_be_none_there_are_none(self):
        asks = "client_auth = optional\nca = " + self.authority.certificate
        for extra in ("session_tickets = no", asks):
            daemon = self.daemon(self.config([(name, name, extra) for name in harness.backends()]))
            for ticket in self.obtain(daemon, harness.backends()):
                with self.subTest(ticket=str(ticket), extra=extra):
                    self.assertEqual(self.connect(daemon, ticket, offer=False).tickets, 0)
                    if os.path.exists(ticket.path):  # TLS 1.2 has one of a session that cannot be resumed
                        self.assertFalse(self.connect(daemon, ticket).resumed)

    def test_a_backend_that_takes_no_keys_serves_all_the_same(self):
        others = [name for name in harness.backends() if name not in self.sharing()]
        if not others:
            self.skipTest("every backend that was built takes keys from outside")
        daemon = self.daemon(self.config([(name, name, "") for name in others]))
        self.obtain(daemon, others)

    def test_the_secrets_are_in_no_file_but_the_masters(self):
        daemon = self.daemon(self.config([(name, name, "") for name in harness.backends()], "ticket_rotation = 1s")
                             .replace("[upstream echo]\n", "[upstream echo]\nserver = localhost:1\n"))
        daemon.log.wait("event=tickets_rotated", count=2)
        self.assertIn("helper", daemon.children().values())
        for pid, count in [(daemon.pid, 1)] + [(pid, 0) for pid in daemon.children()]:
            with harness.insight():
                harness.until(lambda: self.secret_files(pid) == count, "%d files of secrets in %d" % (count, pid))

    @staticmethod
    def secret_files(pid):
        folder = "/proc/%d/fd" % pid
        found = 0
        for name in os.listdir(folder):
            try:
                found += "unitls-tickets" in os.readlink(os.path.join(folder, name))
            except FileNotFoundError:
                pass  # closed meanwhile
        return found


class Rotation(TestCase):
    """The keys change by the clock, so what takes too long is done again with more time."""

    def rotations(self, daemon):
        return len(daemon.log.find("event=tickets_rotated"))

    def wait_rotation(self, daemon, count):
        daemon.log.wait("event=tickets_rotated", count=count, timeout=2 * harness.PATIENCE + 60)

    def come_back(self, daemon, tickets):
        return {str(ticket): self.connect(daemon, ticket).resumed for ticket in tickets}

    def one_rotation_later(self, daemon, backends):
        """Tickets of one key, and who resumed while that was the previous one; None when there was not enough time."""
        start = self.rotations(daemon) + 1
        self.wait_rotation(daemon, start)
        tickets = self.obtain(daemon, backends)
        if self.rotations(daemon) != start:
            return None
        self.wait_rotation(daemon, start + 1)
        resumed = self.come_back(daemon, tickets)
        return (start, tickets, resumed) if self.rotations(daemon) == start + 1 else None

    def test_a_session_resumes_after_one_rotation_and_not_after_three(self):
        backends = self.sharing(CAP_TICKET_KEYS)
        sections = [(name, name, "") for name in backends]
        daemon = self.daemon(self.config(sections))
        self.assertIn("\nlast_ticket_rotation none\n", supervise.status(daemon).text)
        for period in (2, 4, 8, 16, 32):
            code, text = supervise.reload(daemon, self.config(sections, "ticket_rotation = %ds" % period))
            self.assertEqual(code, 0, text)
            found = self.one_rotation_later(daemon, backends)
            if found:
                break
        self.assertIsNotNone(found, "there was never enough time")
        start, tickets, resumed = found
        self.assertEqual(resumed, {str(ticket): True for ticket in tickets})
        self.wait_rotation(daemon, start + 3)
        self.assertEqual(self.come_back(daemon, tickets), {str(ticket): False for ticket in tickets})
        self.assertRegex(supervise.status(daemon).text, r"(?m)^last_ticket_rotation \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


if __name__ == "__main__":
    harness.main()
