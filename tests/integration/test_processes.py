#!/usr/bin/env python3
"""The processes: workers that die, hang, become fewer and more, and what each of them may do."""

import os
import pwd
import re
import signal
import time
import unittest

import harness
import supervise

CONFIG = """
[daemon]
workers = %d
%s
[listener web]
listen = 127.0.0.1:0
upstream = back
[upstream back]
server = %s
"""


class Workers(supervise.TestCase):
    def start(self, workers, more=""):
        self.upstream = self.echo()
        daemon = self.daemon(CONFIG % (workers, more, self.upstream.text()))
        self.wait_serving(daemon, workers)
        return daemon

    def wait_serving(self, daemon, workers):
        return supervise.wait_status(daemon, lambda s: len(s.pids()) == workers, "%d workers" % workers)

    def set_workers(self, daemon, workers):
        code, text = supervise.reload(daemon, CONFIG % (workers, "", self.upstream.text()))
        self.assertEqual(code, 0, text)

    def test_a_worker_killed_under_load_leaves_no_client_hanging(self):
        daemon = self.start(3)
        daemon.may_lose_workers = True
        load = self.load(daemon, "web", clients=30, steady=9)
        for round_number in range(5):
            load.wait_done(100)
            victim = self.wait_serving(daemon, 3).workers[round_number % 3]
            os.kill(victim[1], signal.SIGKILL)
            daemon.log.wait("event=worker_died", "pid=%d " % victim[1])
            self.wait_serving(daemon, 3)
        load.wait_done(100)
        failures = load.stop()
        # What the dead workers held is lost; no other connection fails, and nobody waits.
        lost = sum(int(harness.fields(line)["connections_lost"])
                   for line in daemon.log.find("event=worker_died"))
        self.assertLessEqual(len(failures), lost + 5, failures)
        self.assertLess(load.slowest, 5)
        self.assertGreaterEqual(supervise.status(daemon).counters["worker_deaths"], 5)

    def test_clients_queued_on_a_worker_that_dies_are_served_by_another(self):
        daemon = self.start(2)
        daemon.may_lose_workers = True
        victims = supervise.status(daemon).pids()
        # It accepts nothing any more, the kernel goes on to queue for it.
        os.kill(victims[1], signal.SIGSTOP)
        clients = [daemon.connect("web") for _ in range(40)]
        for client in clients:
            self.addCleanup(client.close)
        os.kill(victims[1], signal.SIGKILL)
        for client in clients:
            supervise.exchange(client)

    def test_a_survivor_takes_over_within_100_ms(self):
        daemon = self.start(2)
        daemon.may_lose_workers = True
        times = []
        for _ in range(7):
            victim = supervise.wait_status(daemon, lambda s: s.workers[1][2] == "serving", "worker 1").workers[1][1]
            os.kill(victim, signal.SIGSTOP)
            clients = [daemon.connect("web") for _ in range(10)]
            for client in clients:
                client.sendall(b"x")
            began = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            for client in clients:
                self.assertEqual(harness.read_all(client, 1), b"x")
                client.close()
            times.append(time.monotonic() - began)
        # By then its back-off is 800 ms and more, so it was not the next worker that served them.
        self.assertLess(min(times[4:]), 0.1)
        self.assertLess(max(times), 5)

    def test_a_worker_that_stays_dead_hurts_nobody(self):
        daemon = self.start(2)
        daemon.may_lose_workers = True
        load = self.load(daemon, "web", clients=20, steady=0)
        # It is killed each time it comes back, until its back-off is long.
        for _ in range(6):
            victim = supervise.wait_status(daemon, lambda s: [w for w in s.workers if w[0] == 1 and w[1] != 0],
                                           "worker 1").workers[1][1]
            os.kill(victim, signal.SIGKILL)
            daemon.log.wait("event=worker_died", "pid=%d " % victim)
        supervise.wait_status(daemon, lambda s: s.workers[1][2] == "waiting", "the back-off")
        # By then the clients have noticed what the last death cost them.
        load.wait_done(100)
        before = len(load.failures)
        load.wait_done(300)
        self.assertEqual(load.failures[before:], [])
        # A reload does not wait for it either.
        self.set_workers(daemon, 2)
        load.stop()
        self.assertLess(load.slowest, 5)

    def test_a_stopped_worker_is_replaced(self):
        daemon = self.start(2)
        daemon.may_lose_workers = True
        victim = supervise.status(daemon).pids()[0]
        os.kill(victim, signal.SIGSTOP)
        daemon.log.wait("event=worker_killed", "pid=%d " % victim, "heartbeats")
        daemon.log.wait("event=worker_died", "pid=%d " % victim)
        said = self.wait_serving(daemon, 2)
        self.assertNotIn(victim, said.pids())
        for client in self.clients(daemon, "web", 20):
            client.close()

    def test_workers_4_to_1_and_back_under_load_reset_nobody(self):
        daemon = self.start(4)
        load = self.load(daemon, "web", clients=40, steady=8)
        for workers in (1, 4, 2, 4, 1, 3):
            load.wait_done(150)
            self.set_workers(daemon, workers)
            self.wait_serving(daemon, workers)
        # The sockets of those that went are closed in the end, and that resets nobody either.
        self.set_workers(daemon, 1)
        port = daemon.port("web")
        harness.until(lambda: listening_sockets(port) == 1, "the other sockets to be closed")
        load.wait_done(300)
        self.assertEqual(load.stop(), [])
        self.set_workers(daemon, 4)
        harness.until(lambda: listening_sockets(port) == 4, "four sockets")

    def test_a_retired_worker_finishes_its_connections(self):
        daemon = self.start(4)
        clients = self.clients(daemon, "web", 40)
        self.set_workers(daemon, 1)
        said = supervise.wait_status(daemon, lambda s: len(s.pids("retired")) > 0, "retired workers")
        for client in clients:
            supervise.exchange(client, b"x" * 100000)
            client.close()
        supervise.wait_status(daemon, lambda s: s.pids("retired") == [], "their end")
        for pid in said.pids("retired"):
            self.assertFalse(supervise.running(pid))
        self.assertEqual(supervise.status(daemon).counters["worker_deaths"], 0)

    def test_no_child_outlives_the_master(self):
        daemon = self.start(3)
        children = harness.children_of(daemon.pid)
        self.assertGreaterEqual(len(children), 3)
        daemon.stop(signal.SIGKILL)
        harness.until(lambda: not any(supervise.running(pid) for pid in children), "the end of the children")


class Names(supervise.TestCase):
    def test_a_name_that_does_not_resolve_is_a_warning(self):
        daemon = self.daemon(CONFIG % (1, "", "no-such-name.invalid:80"))
        daemon.log.wait("event=config_warning", "no-such-name.invalid does not resolve yet")
        daemon.log.wait("event=started")
        code, text = supervise.reload(daemon)
        self.assertEqual(code, 0)
        self.assertIn("%s:10: warning: no-such-name.invalid does not resolve yet" % daemon.config_path, text)

    def test_a_helper_that_dies_is_replaced(self):
        upstream = self.echo()
        daemon = self.daemon(CONFIG % (1, "", upstream.text().replace("127.0.0.1", "localhost")))
        daemon.log.wait("event=started")
        helper = [pid for pid in harness.children_of(daemon.pid) if pid not in supervise.status(daemon).pids()]
        self.assertEqual(len(helper), 1)
        os.kill(helper[0], signal.SIGKILL)
        daemon.log.wait("event=helper_died")
        harness.until(lambda: len(harness.children_of(daemon.pid)) == 2, "another helper")
        code, text = supervise.reload(daemon)
        self.assertEqual((code, "does not resolve" in text), (0, False), text)
        for client in self.clients(daemon, "web", 2):
            client.close()


class Privileges(supervise.TestCase):
    def start(self, more=""):
        upstream = self.echo()
        daemon = self.daemon(CONFIG % (2, more, upstream.text().replace("127.0.0.1", "localhost")))
        supervise.wait_status(daemon, lambda s: len(s.pids()) == 2, "two workers")
        harness.until(lambda: len(harness.children_of(daemon.pid)) == 3, "workers and helper")
        return daemon

    @staticmethod
    def status_of(pid):
        with open("/proc/%d/status" % pid) as source:
            return dict(line.rstrip("\n").split(":\t", 1) for line in source if ":\t" in line)

    @unittest.skipIf(os.getuid() != 0, "needs root to change to another user")
    def test_started_as_root_the_children_change_to_the_user_for_good(self):
        daemon = self.start("user = nobody")
        nobody = pwd.getpwnam("nobody")
        for pid in harness.children_of(daemon.pid):
            said = self.status_of(pid)
            self.assertEqual(said["Uid"].split(), [str(nobody.pw_uid)] * 4)
            self.assertEqual(said["Gid"].split(), [str(nobody.pw_gid)] * 4)
            self.assertNotIn("0", said["Groups"].split())
            self.assertEqual(int(said["CapEff"], 16), 0)
            self.assertEqual(int(said["CapPrm"], 16), 0)
        for client in self.clients(daemon, "web", 4):
            client.close()

    @unittest.skipIf(os.getuid() != 0, "needs root to change to another user")
    def test_an_unknown_user_is_an_error_with_its_line(self):
        daemon = self.daemon(CONFIG % (2, "user = nobody-of-that-name", "127.0.0.1:9"), wait=False)
        self.assertEqual(daemon.wait(), 1)
        daemon.log.wait("%s:5: " % daemon.config_path, 'there is no user "nobody-of-that-name"')

    def test_every_child_has_its_name(self):
        daemon = self.start()
        harness.until(lambda: sorted(daemon.children().values()) == ["helper", "worker-0", "worker-1"], "the names")

    def test_children_can_gain_no_privileges_and_catch_no_signals(self):
        daemon = self.start()
        for pid in harness.children_of(daemon.pid):
            said = self.status_of(pid)
            self.assertEqual(said["NoNewPrivs"], "1")
            self.assertEqual(int(said["SigBlk"], 16), 0)
            ignored = {number for number in range(1, 32) if int(said["SigIgn"], 16) >> (number - 1) & 1}
            self.assertEqual(ignored, {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGTERM,
                                       signal.SIGUSR1})
            self.assertEqual(int(said["SigCgt"], 16) & 0x7fffffff, 0)

    def test_a_child_has_no_descriptor_of_the_masters(self):
        daemon = self.start()
        for pid in harness.children_of(daemon.pid):
            with harness.insight():
                numbers = os.listdir("/proc/%d/fd" % pid)
            for number in numbers:
                try:
                    target = os.readlink("/proc/%d/fd/%s" % (pid, number))
                except OSError:
                    continue
                self.assertNotRegex(target, r"signalfd|unitls-counters|unitlsd.*\.conf|\.pem|\.key")

    def test_only_its_own_counters_are_writable(self):
        daemon = self.start()
        for pid in supervise.status(daemon).pids():
            with harness.insight(), open("/proc/%d/maps" % pid) as source:
                maps = [line.split()[:2] for line in source if "unitls-counters" in line]
            writable = [line for line in maps if line[1][1] == "w"]
            self.assertEqual(len(writable), 1, maps)
            begin, end = (int(part, 16) for part in writable[0][0].split("-"))
            self.assertEqual(end - begin, 20480)

    def test_the_descriptor_limit_is_raised(self):
        soft, hard = harness.resource.getrlimit(harness.resource.RLIMIT_NOFILE)
        daemon = self.start()
        for pid in [daemon.pid] + supervise.status(daemon).pids():
            with open("/proc/%d/limits" % pid) as source:
                found = re.search(r"Max open files\s+(\d+)\s+(\d+)", source.read())
            self.assertEqual(found.group(1), found.group(2))
            self.assertEqual(int(found.group(2)), hard)


def listening_sockets(port):
    """Sockets that listen on a port of 127.0.0.1."""
    with open("/proc/net/tcp") as source:
        return sum(1 for line in source if re.match(r"\s*\d+: 0100007F:%04X \S+ 0A " % port, line))


if __name__ == "__main__":
    harness.main()
