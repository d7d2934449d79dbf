"""The shipped unit under a real systemd: start, reload (good and bad), socket activation, watchdog, stop.

time-limit: 600
One machine is booted for all cases; what `make install` installs is what runs. Each case starts from a stopped service
and the good configuration.
"""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import machine

SOURCE = os.environ.get("SOURCEDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILDDIR") or os.path.join(SOURCE, "build", "release")
NAME = "service.test"
PYTHON = "/usr/bin/python3"
SHARE = "/usr/local/share/unitls-test"
CONFIG = "/etc/unitls/unitlsd.conf"

GOOD = """\
[daemon]
workers = 2
drain_timeout = 2s

[tls site]
certificate = /etc/unitls/site.pem

[listener https]
listen = %s
tls = site
upstream = app

[upstream app]
server = 127.0.0.1:8080
"""
TCP = GOOD % "127.0.0.1:443"
ACTIVATED = GOOD % "fd:https"

SOCKET_DROP_IN = "[Socket]\nListenStream=\nListenStream=127.0.0.1:443\n"
# Hang detection at the pace of a test; the burst limit is not what is tested here.
WATCHDOG_DROP_IN = "[Unit]\nStartLimitBurst=100\n[Service]\nWatchdogSec=6\nTimeoutStopSec=20\nTimeoutAbortSec=5\n"
UPSTREAM_UNIT = """\
[Service]
Type=notify
ExecStart=%s %s/upstream.py
"""


def openssl(*args):
    subprocess.run(["openssl"] + list(args), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates(folder):
    """A CA and two certificates for the one name, of different serial numbers."""
    def path(name):
        return os.path.join(folder, name)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", path("ca.key"), "-out", path("ca.pem"), "-days", "2", "-subj", "/CN=test CA",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    with open(path("ext"), "w", encoding="ascii") as f:
        f.write("subjectAltName=DNS:%s\n" % NAME)
    for serial in ("1001", "1002"):
        openssl("req", *key, "-keyout", path("k"), "-out", path("csr"), "-subj", "/CN=" + NAME)
        openssl("x509", "-req", "-in", path("csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-set_serial", serial,
                "-days", "2", "-extfile", path("ext"), "-out", path("c"))
        with open(path(serial + ".pem"), "w", encoding="ascii") as out:
            for part in ("c", "k"):
                with open(path(part), encoding="ascii") as f:
                    out.write(f.read())


class Talker:
    """One TLS connection held open inside the machine."""

    def __init__(self, m):
        self.process = m.popen(PYTHON, SHARE + "/talker.py", SHARE + "/ca.pem", NAME, "443", stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, encoding="utf-8")
        self.hello = self.line()

    def line(self):
        text = self.process.stdout.readline()
        return json.loads(text) if text else {"end": "no answer"}

    def ask(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        return self.line()

    def close(self):
        for stream in (self.process.stdin, self.process.stdout):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        self.process.kill()
        self.process.wait()


@unittest.skipIf(machine.missing(), machine.missing())
class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.m = machine.Machine()
        cls.addClassCleanup(cls.m.stop)
        folder = tempfile.mkdtemp(prefix="unitls-service-")
        cls.addClassCleanup(shutil.rmtree, folder)
        dest = os.path.join(folder, "dest")
        done = subprocess.run(["make", "-s", "-C", SOURCE, "install", "DESTDIR=" + dest, "BUILDDIR=" + BUILD, "NOBUILD=1"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
                              env={k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))})
        if done.returncode != 0:
            raise RuntimeError("make install:\n" + done.stdout)
        shutil.copytree(os.path.join(dest, "usr/local"), cls.m.local, symlinks=True, dirs_exist_ok=True)
        shutil.copytree(os.path.join(dest, "etc"), cls.m.etc, symlinks=True, dirs_exist_ok=True)
        make_certificates(cls.m.share)
        here = os.path.dirname(os.path.abspath(__file__))
        for name in ("upstream.py", "talker.py"):
            shutil.copy(os.path.join(here, name), cls.m.share)
        cls.m.boot()
        m = cls.m
        m.check("systemd-sysusers", "/usr/local/lib/sysusers.d/unitls.conf")
        m.check("systemd-tmpfiles", "--create", "/usr/local/lib/tmpfiles.d/unitls.conf")
        m.write("/run/systemd/system/upstream.service", UPSTREAM_UNIT % (PYTHON, SHARE))
        m.write("/run/systemd/system/unitlsd.service.d/test.conf", WATCHDOG_DROP_IN)
        m.write("/run/systemd/system/unitlsd.socket.d/test.conf", SOCKET_DROP_IN)
        m.check("systemctl", "daemon-reload")
        m.check("systemctl", "start", "upstream")

    def setUp(self):
        self.m.run("systemctl", "stop", "unitlsd.socket", "unitlsd.service")
        self.m.run("systemctl", "reset-failed")
        self.configure(TCP)
        self.use_certificate("1001")
        self.m.run("journalctl", "--rotate", "--vacuum-time=1us")

    def configure(self, text):
        self.m.write(CONFIG, text)
        self.m.check("chgrp", "unitlsd", CONFIG)
        self.m.check("chmod", "640", CONFIG)

    def use_certificate(self, serial):
        self.m.check("install", "-m", "640", "-g", "unitlsd", "%s/%s.pem" % (SHARE, serial), "/etc/unitls/site.pem")

    def start(self):
        self.m.check("systemctl", "start", "unitlsd")

    def talker(self):
        talker = Talker(self.m)
        self.addCleanup(talker.close)
        return talker

    def assert_serves(self, serial="1001"):
        talker = self.talker()
        self.assertNotIn("end", talker.hello, self.m.journal())
        self.assertEqual(int(talker.hello["serial"], 16), int(serial))
        self.assertEqual(talker.ask(), {"status": 200, "body": "plain words\n"})
        return talker

    def main_pid(self):
        return int(self.m.show("unitlsd", "MainPID"))

    def children(self):
        """Process ids (as inside) of the master's children."""
        return [int(p) for p in self.m.run("pgrep", "-P", str(self.main_pid())).stdout.split()]

    def wait_until(self, what, seconds, holds):
        """Asks HOLDS again and again until it says yes."""
        pause = threading.Event()
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, "not within %d s: %s\n%s" % (seconds, what, self.m.journal()))
            pause.wait(0.05)

    def workers(self):
        """The children that hold the listening socket's connections: all but the helper."""
        found = []
        for pid in self.children():
            title = self.m.run("sh", "-c", "tr '\\0' ' ' </proc/%d/cmdline; cat /proc/%d/comm" % (pid, pid)).stdout
            if "helper" not in title and "loader" not in title:
                found.append(pid)
        return found

    def test_starts_ready_as_its_own_user_and_serves_a_privileged_port(self):
        self.start()
        self.assertEqual(self.m.show("unitlsd", "ActiveState"), "active")
        self.assertEqual(self.m.show("unitlsd", "SubState"), "running")
        self.assertNotEqual(self.m.show("unitlsd", "StatusText"), "")
        self.assert_serves()
        users = set(self.m.check("ps", "-o", "user=", "-p", ",".join(map(str, [self.main_pid()] + self.children()))).split())
        self.assertEqual(users, {"unitlsd"})

    def test_a_bad_configuration_fails_the_start_and_says_where(self):
        self.configure(TCP.replace("upstream = app", "upstream = nowhere"))
        self.assertNotEqual(self.m.run("systemctl", "start", "unitlsd").returncode, 0)
        self.m.run("systemctl", "stop", "unitlsd")
        self.assertIn(CONFIG + ":11:", self.m.journal())

    def test_a_good_reload_changes_the_certificate_and_cuts_nothing(self):
        self.start()
        old = self.assert_serves("1001")
        pid = self.main_pid()
        self.use_certificate("1002")
        self.m.check("systemctl", "reload", "unitlsd")
        self.assertEqual(self.main_pid(), pid)
        self.assertEqual(self.m.show("unitlsd", "ActiveState"), "active")
        self.assert_serves("1002")
        self.assertEqual(old.ask(), {"status": 200, "body": "plain words\n"})

    def test_a_bad_reload_fails_changes_nothing_and_the_next_good_one_works(self):
        self.start()
        old = self.assert_serves("1001")
        pid = self.main_pid()
        self.use_certificate("1002")
        self.configure(TCP.replace("tls = site", "tls = sight"))
        self.assertNotEqual(self.m.run("systemctl", "reload", "unitlsd").returncode, 0)
        self.assertEqual(self.m.show("unitlsd", "ActiveState"), "active")
        self.assertEqual(self.main_pid(), pid)
        self.assertIn(CONFIG + ":10:", self.m.journal())
        self.assert_serves("1001")
        self.assertEqual(old.ask(), {"status": 200, "body": "plain words\n"})
        self.configure(TCP)
        self.m.check("systemctl", "reload", "unitlsd")
        self.assert_serves("1002")
        self.assertEqual(self.main_pid(), pid)

    def test_a_first_connection_to_the_socket_unit_starts_the_service(self):
        self.configure(ACTIVATED)
        self.m.check("systemctl", "start", "unitlsd.socket")
        self.assertNotEqual(self.m.show("unitlsd", "ActiveState"), "active")
        self.assert_serves()
        self.assertEqual(self.m.show("unitlsd", "ActiveState"), "active")
        self.use_certificate("1002")
        self.m.check("systemctl", "reload", "unitlsd")
        self.assert_serves("1002")
        # The socket stays systemd's: after a stop the next connection starts the service again.
        self.m.check("systemctl", "stop", "unitlsd.service")
        self.assert_serves("1002")

    def test_a_stopped_worker_is_replaced_and_the_service_lives(self):
        self.start()
        pid = self.main_pid()
        workers = self.workers()
        self.assertEqual(len(workers), 2, self.m.run("ps", "-ef").stdout)
        self.m.check("kill", "-STOP", str(workers[0]))
        self.wait_until("the stopped worker is gone and there are two again", 40,
                        lambda: workers[0] not in self.workers() and len(self.workers()) == 2)
        self.assertEqual(self.main_pid(), pid)
        self.assertEqual(self.m.show("unitlsd", "NRestarts"), "0")
        for _ in range(8):
            self.assert_serves()

    def test_a_stopped_master_is_killed_by_the_watchdog_and_restarted(self):
        self.start()
        pid = self.main_pid()
        self.m.check("kill", "-STOP", str(pid))
        self.wait_until("another master runs", 60,
                        lambda: self.m.show("unitlsd", "ActiveState") == "active" and self.main_pid() not in (0, pid))
        self.assertEqual(self.m.show("unitlsd", "NRestarts"), "1")
        self.assert_serves()

    def test_the_service_outlives_several_watchdog_periods(self):
        self.start()
        pid = self.main_pid()
        first = self.m.show("unitlsd", "WatchdogTimestampMonotonic")
        seen = {first}

        def kept():
            seen.add(self.m.show("unitlsd", "WatchdogTimestampMonotonic"))
            return len(seen) > 3
        self.wait_until("three more signs of life", 30, kept)
        self.assertEqual(self.main_pid(), pid)

    def test_stop_drains_no_longer_than_it_may_and_is_a_success(self):
        self.start()
        held = self.assert_serves()
        started = time.monotonic()
        self.m.check("systemctl", "stop", "unitlsd")
        self.assertLess(time.monotonic() - started, 2 + 5)
        self.assertEqual(self.m.show("unitlsd", "Result"), "success")
        self.assertEqual(self.m.show("unitlsd", "ExecMainStatus"), "0")
        self.assertIn("end", held.ask())
        self.assertEqual(self.m.run("pgrep", "-u", "unitlsd").stdout, "")


if __name__ == "__main__":
    unittest.main()
