#!/usr/bin/env python3
"""unitlsctl, the control socket, starting and refusing to start, and what systemd is told."""

import os
import socket
import subprocess

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
server = 127.0.0.1:9
"""


class Control(supervise.TestCase):
    def test_status_tells_generation_workers_and_listeners(self):
        daemon = self.daemon(CONFIG % "")
        said = supervise.wait_status(daemon, lambda s: len(s.pids()) == 2, "two workers")
        self.assertEqual(said.generation, 1)
        self.assertEqual(said.listeners["web"], "127.0.0.1:%d" % daemon.port("web"))
        self.assertTrue(all(supervise.running(pid) for pid in said.pids()))
        self.assertTrue(said.last.startswith("ok "))
        self.assertEqual(supervise.reload(daemon)[0], 0)
        said = supervise.status(daemon)
        self.assertEqual((said.generation, said.counters["reloads"]), (2, 1))

    def test_a_failed_reload_is_told_with_file_and_line_and_status_1(self):
        daemon = self.daemon(CONFIG % "")
        code, text = supervise.reload(daemon, CONFIG % "wrokers = 3")
        self.assertEqual(code, 1)
        self.assertIn("%s:5: " % daemon.config_path, text)
        self.assertIn("workers", text)
        self.assertTrue(supervise.status(daemon).last.startswith("failed "))
        daemon.log.wait("event=config_error", "at=%s:5" % daemon.config_path)
        self.assertEqual(supervise.status(daemon).generation, 1)

    def test_an_unknown_command_fails(self):
        daemon = self.daemon(CONFIG % "")
        code, text = supervise.ctl(daemon, "relaod")
        self.assertEqual(code, 1)
        self.assertIn("reload", text)

    def test_without_a_daemon_the_status_is_2(self):
        code, text = supervise.ctl(None, "reload", control=self.path("nobody"))
        self.assertEqual(code, 2)
        self.assertIn(self.path("nobody"), text)
        self.assertEqual(supervise.ctl(None, control=self.path("nobody"))[0], 2)

    def test_the_socket_goes_with_the_daemon_and_is_its_owners_alone(self):
        daemon = self.daemon(CONFIG % "")
        self.assertEqual(os.stat(daemon.control).st_mode & 0o777, 0o600)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(daemon.control))

    def test_the_socket_of_a_killed_daemon_is_replaced(self):
        daemon = self.daemon(CONFIG % "")
        daemon.stop(harness.signal.SIGKILL)
        self.assertTrue(os.path.exists(daemon.control))
        again = self.daemon(CONFIG % ("control = " + daemon.control))
        again.control = daemon.control
        supervise.wait_status(again, lambda s: len(s.pids()) == 2, "two workers")

    def test_a_second_instance_on_the_same_control_socket_is_refused(self):
        daemon = self.daemon(CONFIG % "")
        second = self.daemon(CONFIG % ("control = " + daemon.control), wait=False)
        self.assertEqual(second.wait(), 1)
        self.assertIn("another instance of unitlsd answers", second.log.wait("the control socket"))
        self.assertEqual(supervise.status(daemon).generation, 1)

    def test_a_second_instance_on_the_same_port_is_refused(self):
        daemon = self.daemon(CONFIG % "")
        config = (CONFIG % "control = none").replace("127.0.0.1:0", "127.0.0.1:%d" % daemon.port("web"))
        second = self.daemon(config, wait=False)
        self.assertEqual(second.wait(), 1)
        second.log.wait("%s:6: 127.0.0.1:%d: port in use" % (second.config_path, daemon.port("web")))
        self.assertEqual(supervise.status(daemon).generation, 1)

    def test_every_mistake_is_told_at_the_start(self):
        second = self.daemon(CONFIG.replace("upstream = back", "upstream = bakc") % "colour = red", wait=False)
        self.assertEqual(second.wait(), 1)
        second.log.wait("%s:5: " % second.config_path)
        second.log.wait("%s:8: " % second.config_path)

    def test_a_client_of_the_control_socket_that_says_nothing_is_no_hindrance(self):
        daemon = self.daemon(CONFIG % "")
        silent = [harness.connect(daemon.control) for _ in range(10)]
        half = harness.connect(daemon.control)
        half.sendall(b"rel")
        self.assertEqual(supervise.reload(daemon)[0], 0)
        for each in silent + [half]:
            each.close()

    def test_what_only_a_restart_changes_is_told_by_name(self):
        daemon = self.daemon(CONFIG % "")
        code, text = supervise.reload(daemon, CONFIG % "user = nobody\ngroup = nogroup")
        self.assertEqual(code, 0)
        self.assertIn(':5: warning: a change of "user" takes effect only after a restart', text)
        self.assertIn(':6: warning: a change of "group" takes effect only after a restart', text)


class Systemd(supervise.TestCase):
    def start(self, config, listen=(), environment=None):
        """Starts unitlsd with descriptors from 3 on, as systemd does."""
        environment = dict(os.environ, **(environment or {}))
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notifications.close)
        self.notifications.bind("\0unitls-test-%d" % os.getpid())
        self.notifications.settimeout(harness.PATIENCE)
        environment["NOTIFY_SOCKET"] = "@unitls-test-%d" % os.getpid()
        script = "exec \"$@\""
        if listen:
            names = ":".join(name for name, _ in listen)
            script = "LISTEN_PID=$$ LISTEN_FDS=%d LISTEN_FDNAMES=%s; export LISTEN_PID LISTEN_FDS LISTEN_FDNAMES\n" \
                "exec \"$@\" %s" % (len(listen), names, " ".join(
                    "%d<&%d" % (3 + i, each.fileno()) for i, (_, each) in enumerate(listen)))
        path = self.write("unitlsd.conf", config)
        daemon = self.process(["sh", "-c", script, "sh", harness.UNITLSD, "-c", path], env=environment,
                              pass_fds=[each.fileno() for _, each in listen])
        daemon.control = self.path("control")
        daemon.config_path = path
        return daemon

    def heard(self):
        lines = self.notifications.recv(4096).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def wait_heard(self, key):
        while True:
            said = self.heard()
            if key in said:
                return said

    def config(self, more=""):
        return CONFIG % ("control = %s\n%s" % (self.path("control"), more))

    def test_start_reload_and_stop_are_told(self):
        daemon = self.start(self.config())
        said = self.wait_heard("READY")
        self.assertIn("generation 1 with 2 workers", said["STATUS"])
        self.assertEqual(supervise.reload(daemon)[0], 0)
        said = self.wait_heard("RELOADING")
        self.assertTrue(int(said["MONOTONIC_USEC"]) > 0)
        self.assertIn("generation 2", self.wait_heard("READY")["STATUS"])
        self.write("unitlsd.conf", self.config("colour = red"))
        self.assertEqual(supervise.ctl(daemon, "reload")[0], 1)
        self.wait_heard("RELOADING")
        said = self.wait_heard("READY")
        self.assertIn("last reload failed: %s:5:" % daemon.config_path, said["STATUS"])
        daemon.kill(harness.signal.SIGTERM)
        self.wait_heard("STOPPING")
        self.assertEqual(daemon.wait(), 0)

    def test_the_watchdog_is_fed(self):
        self.start(self.config(), environment={"WATCHDOG_USEC": "20000000"})
        self.wait_heard("WATCHDOG")
        self.wait_heard("WATCHDOG")

    def test_sockets_are_taken_by_name_and_by_address(self):
        named, addressed = socket.socket(), socket.socket()
        for each in (named, addressed):
            self.addCleanup(each.close)
            each.bind(("127.0.0.1", 0))
            each.listen(16)
        echo = self.echo()
        config = self.config() + "[listener named]\nlisten = fd:https\nupstream = echo\n" \
            "[listener addressed]\nlisten = 127.0.0.1:%d\nupstream = echo\n[upstream echo]\nserver = %s\n" % (
                addressed.getsockname()[1], echo.text())
        daemon = self.start(config, [("https", named), ("other", addressed)])
        self.wait_heard("READY")
        for each in (named, addressed):
            for _ in range(10):
                with harness.connect(each.getsockname()) as client:
                    supervise.exchange(client)
        # They outlive a reload that does not use them, and the daemon.
        self.write("unitlsd.conf", self.config())
        self.assertEqual(supervise.ctl(daemon, "reload")[0], 0)
        self.write("unitlsd.conf", config)
        self.assertEqual(supervise.ctl(daemon, "reload")[0], 0)
        with harness.connect(named.getsockname()) as client:
            supervise.exchange(client)
        self.assertEqual(daemon.stop(), 0)
        with harness.connect(named.getsockname()) as client:
            self.assertIsNotNone(client)

    def test_a_name_that_was_not_passed_is_an_error(self):
        daemon = self.start(self.config() + "[listener named]\nlisten = fd:https\nupstream = back\n")
        self.assertEqual(daemon.wait(), 1)
        daemon.log.wait("systemd passed no socket of that name")


if __name__ == "__main__":
    harness.main()
