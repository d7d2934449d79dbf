"""A real systemd, booted as PID 1 of namespaces of its own on this machine's root file system.

What it must not do: touch the machine. Inside, /run, /tmp, /var/tmp, /var/log and /dev/shm are empty and private (systemd
cleans such folders as it boots), /etc is a copy, /usr/local is a folder the caller gives, the network is a loopback of its
own, and control groups are a subtree of their own. Everything else is the machine's, so nothing else is written.
Needs root, and Debian's packages systemd and util-linux. It dies with the process that booted it.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BOOT_SECONDS = 90
INIT = r"""
set -e
stage=$1
mount --make-rprivate /
mount --bind "$stage/usr-local" /usr/local
mkdir "$stage/etc"
cp -a /etc/. "$stage/etc/"
mount --bind "$stage/etc" /etc
cp -a "$stage/etc-extra/." /etc/
for d in /run /tmp /var/tmp /var/log /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs $d; done
chmod 755 /run /var/log
mkdir -p /run/systemd/system /var/log/journal
for u in systemd-tmpfiles-setup systemd-tmpfiles-clean systemd-networkd systemd-resolved systemd-timesyncd; do
	ln -s /dev/null /run/systemd/system/$u.service
done
if umount -l -R /sys/fs/cgroup 2>/dev/null; then mount -t cgroup2 cgroup2 /sys/fs/cgroup; fi
export container=unitls-test
export NOTIFY_SOCKET=/usr/local/share/unitls-test/notify
exec /lib/systemd/systemd --system --unit=basic.target --log-target=console --show-status=0
"""


def missing():
    """Why a machine cannot be booted here, or None."""
    if os.geteuid() != 0:
        return "booting systemd in namespaces needs root"
    for tool in ("/lib/systemd/systemd", "/usr/bin/unshare", "/usr/bin/nsenter"):
        if not os.path.exists(tool):
            return "%s is not installed" % tool
    return None


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def own_control_group():
    """A new control group below this process's, or None where there is no writable unified hierarchy."""
    with open("/proc/self/cgroup", encoding="ascii") as f:
        own = [line.split(":", 2)[2].strip() for line in f if line.startswith("0::")]
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        mounts = [line.split() for line in f]
    for fields in mounts:
        if fields[fields.index("-") + 1] == "cgroup2" and own:
            path = fields[4] + own[0].rstrip("/") + "/unitls-test-%d" % os.getpid()
            try:
                os.mkdir(path)
                return path
            except OSError:
                return None
    return None


def remove_control_group(path):
    for folder, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            pass


class Machine:
    def __init__(self):
        self.stage = tempfile.mkdtemp(prefix="unitls-machine-")
        self.local = os.path.join(self.stage, "usr-local")
        self.etc = os.path.join(self.stage, "etc-extra")
        self.share = os.path.join(self.local, "share", "unitls-test")
        os.chmod(self.stage, 0o755)
        os.makedirs(self.share)
        os.makedirs(self.etc)
        self.log_path = os.path.join(self.stage, "boot.log")
        self.outer = None
        self.pid = None
        self.group = None

    def boot(self):
        """Returns when systemd says that basic.target is up. What is in self.local and self.etc is there inside."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(os.path.join(self.share, "notify"))
        os.chmod(os.path.join(self.share, "notify"), 0o777)
        self.group = own_control_group()

        def prepare():
            die_with_parent()
            if self.group:
                with open(os.path.join(self.group, "cgroup.procs"), "w", encoding="ascii") as f:
                    f.write("0")

        with open(self.log_path, "wb") as log:
            self.outer = subprocess.Popen(
                ["unshare", "--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup",
                 "--mount-proc", "sh", "-c", INIT, "init", self.stage],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, preexec_fn=prepare, cwd="/")
        deadline = time.monotonic() + BOOT_SECONDS
        with notify:
            while True:
                notify.settimeout(max(0.1, min(1.0, deadline - time.monotonic())))
                try:
                    if b"READY=1" in notify.recv(4096).split(b"\n"):
                        break
                except socket.timeout:
                    pass
                if self.outer.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("systemd did not come up:\n" + self.boot_log())
        with open("/proc/%d/task/%d/children" % (self.outer.pid, self.outer.pid), encoding="ascii") as f:
            self.pid = int(f.read().split()[0])
        return self

    def boot_log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-40:])

    def command(self, *args):
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", "-n", "-C", "--wd=/", "--"] + list(args)

    def popen(self, *args, **options):
        return subprocess.Popen(self.command(*args), preexec_fn=die_with_parent, **options)

    def run(self, *args, timeout=120):
        """Runs a command inside; a CompletedProcess with text output, both streams in one."""
        return subprocess.run(self.command(*args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=timeout, encoding="utf-8", errors="replace", check=False)

    def check(self, *args, timeout=120):
        done = self.run(*args, timeout=timeout)
        if done.returncode != 0:
            raise AssertionError("%s: status %d\n%s\n%s" % (" ".join(args), done.returncode, done.stdout, self.journal()))
        return done.stdout.strip()

    def show(self, unit, name):
        return self.check("systemctl", "show", "-P", name, unit)

    def journal(self, unit="unitlsd", lines=80):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-u", unit).stdout

    def write(self, path, text):
        """Writes a file inside (path is absolute, as seen there)."""
        done = subprocess.run(self.command("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", path),
                              input=text.encode(), check=False)
        if done.returncode != 0:
            raise AssertionError("cannot write %s" % path)

    def stop(self):
        if self.outer:
            if self.pid and self.outer.poll() is None:
                try:
                    os.kill(self.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            elif self.outer.poll() is None:
                self.outer.kill()
            self.outer.wait()
        if self.group:
            remove_control_group(self.group)
        shutil.rmtree(self.stage, ignore_errors=True)
