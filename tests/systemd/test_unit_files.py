"""The unit files as they are shipped: what systemd itself says about them, without running them."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("SOURCEDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RATING_MAX = 1.5


class UnitFiles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="unitls-units-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("unitlsd.service", "unitlsd.socket"):
            with open(os.path.join(SOURCE, "systemd", name), encoding="utf-8") as f:
                text = f.read().replace("@bindir@", "/bin").replace("@sysconfdir@", "/etc")
            text = text.replace("/bin/unitlsd", "/bin/true").replace("/bin/unitlsctl", "/bin/true")
            text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
                f.write(text)

    def test_systemd_finds_no_fault_in_them(self):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", os.path.join(self.folder, "unitlsd.service"),
                               os.path.join(self.folder, "unitlsd.socket")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        ours = [line for line in done.stdout.splitlines() if "unitls" in line]
        self.assertEqual(ours, [], done.stdout)

    def test_the_security_rating_is_good(self):
        path = os.path.join(self.folder, "unitlsd.service")
        table = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", path],
                               stdout=subprocess.PIPE, encoding="utf-8", check=False).stdout
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", table)
        self.assertIsNotNone(found, table)
        self.assertLessEqual(float(found.group(1)), RATING_MAX, table)
        # The threshold is in tenths; the tool itself agrees.
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=%d" %
                               int(RATING_MAX * 10), path], stdout=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0)

    def test_the_unit_waits_for_the_reload_and_keeps_the_processes_together(self):
        with open(os.path.join(SOURCE, "systemd", "unitlsd.service"), encoding="utf-8") as f:
            text = f.read()
        for line in ("Type=notify", "NotifyAccess=main", "ExecReload=@bindir@/unitlsctl reload", "User=unitlsd",
                     "AmbientCapabilities=CAP_NET_BIND_SERVICE", "RuntimeDirectory=unitlsd", "KillMode=mixed"):
            self.assertIn("\n%s\n" % line, text)
        self.assertRegex(text, r"\nWatchdogSec=\d+\n")


if __name__ == "__main__":
    unittest.main()
