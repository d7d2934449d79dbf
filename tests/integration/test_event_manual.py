"""unitls_event(3): its programs, as they stand there, with each other, with curl and with the openssl command."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

SOURCE = os.environ.get("SOURCEDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILDDIR") or os.path.join(SOURCE, "build", "release")
CC = os.environ.get("CC") or "gcc"
BACKENDS = sorted(f[:-3] for f in os.listdir(os.path.join(BUILD, "lib/unitls/backends")) if f.endswith(".so"))
LISTEN = "0A"


def listening_port(process):
    """The TCP port that a process listens on, once it does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        folder = "/proc/%d/fd" % process.pid
        inodes = set()
        for name in os.listdir(folder):
            try:
                found = re.match(r"socket:\[(\d+)\]", os.readlink(os.path.join(folder, name)))
            except OSError:
                continue
            if found:
                inodes.add(found.group(1))
        with open("/proc/net/tcp", encoding="ascii") as f:
            for line in f.read().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTEN and fields[9] in inodes:
                    return int(fields[1].split(":")[1], 16)
    raise AssertionError("it does not listen")


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="unitls-event-manual-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        with open(os.path.join(SOURCE, "man/unitls_event.3"), encoding="utf-8") as f:
            blocks = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", f.read(), re.M | re.S)
        cls.environment = dict(os.environ, PKG_CONFIG_PATH=cls.folder, LD_LIBRARY_PATH=os.path.join(BUILD, "lib"))
        cls.write_pkg_config()
        flags = cls.output("pkg-config", "--cflags", "--libs", "unitls-event", "libevent_extra").split()
        cls.programs = []
        for block in blocks:
            name = re.match(r"/\* (\w+)\.c:", block).group(1)
            with open(os.path.join(cls.folder, name + ".c"), "w", encoding="utf-8") as f:
                f.write(block.replace("\\e", "\\"))
            cls.output(CC.split()[0], "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", name, name + ".c",
                       *flags)
            cls.programs.append(name)
        for name in ("site", "other"):
            cls.output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                       "30", "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                       name + ".key", "-out", name + ".pem")
        with open(os.path.join(cls.folder, "page"), "w", encoding="ascii") as f:
            f.write("a page\n" * 100000)

    @classmethod
    def write_pkg_config(cls):
        """The installed files, with the places of what is built."""
        for name in ("unitls", "unitls-event"):
            with open(os.path.join(SOURCE, name + ".pc.in"), encoding="utf-8") as f:
                text = f.read()
            for key, value in (("prefix", BUILD), ("libdir", os.path.join(BUILD, "lib")), ("version", "0"),
                               ("includedir", os.path.join(SOURCE, "lib/include"))):
                text = text.replace("@%s@" % key, value)
            with open(os.path.join(cls.folder, name + ".pc"), "w", encoding="utf-8") as f:
                f.write(text)

    @classmethod
    def run_program(cls, *args, stdin=None):
        return subprocess.run(args, cwd=cls.folder, env=cls.environment, input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding="utf-8", timeout=120, check=False)

    @classmethod
    def output(cls, *args):
        done = cls.run_program(*args)
        if done.returncode != 0:
            raise AssertionError("%s\n%s%s" % (" ".join(args), done.stdout, done.stderr))
        return done.stdout

    def start(self, *args, **more):
        process = subprocess.Popen(args, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, encoding="utf-8",
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return str(listening_port(process))

    def serve(self, backend):
        return self.start("./serve", "0", "site.pem", "site.key", backend)

    def test_the_manual_has_both_programs(self):
        self.assertEqual(self.programs, ["get", "serve"])

    def test_they_talk_to_each_other_over_every_pair_of_backends(self):
        for server in BACKENDS:
            port = self.serve(server)
            for client in BACKENDS:
                with self.subTest(server=server, client=client):
                    done = self.run_program("./get", "localhost", port, "/x", "site.pem", client)
                    self.assertEqual((done.returncode, done.stdout), (0, "You asked for /x.\n"), done.stderr)

    def test_curl_reads_from_the_server(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                port = self.serve(backend)
                url = "https://localhost:%s/" % port
                out = self.output("curl", "-sS", "--cacert", "site.pem", url + "a", url + "b")
                self.assertEqual(out, "You asked for /a.\nYou asked for /b.\n")
                done = self.run_program("curl", "-sS", "--cacert", "other.pem", url)
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(self.output("curl", "-sS", "--cacert", "site.pem", url + "c"), "You asked for /c.\n")

    def test_openssl_reads_from_the_server(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                port = self.serve(backend)
                done = self.run_program("openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", "site.pem",
                                        "-connect", "127.0.0.1:" + port, "-servername", "localhost",
                                        stdin="GET /s HTTP/1.0\r\n\r\n")
                self.assertIn("You asked for /s.\n", done.stdout, done.stderr)

    def test_the_client_reads_from_openssl(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                port = self.start("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "site.pem", "-key", "site.key",
                                  "-WWW")
                done = self.run_program("./get", "localhost", port, "/page", "site.pem", backend)
                self.assertEqual((done.returncode, done.stdout), (0, "a page\n" * 100000), done.stderr)

    def test_the_client_says_why_it_failed(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                port = self.serve(backend)
                done = self.run_program("./get", "localhost", port, "/", "other.pem", backend)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"^get: \S")
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            done = self.run_program("./get", "127.0.0.1", str(deaf.getsockname()[1]), "/", "site.pem")
        self.assertEqual((done.returncode, done.stderr), (1, "get: connecting: Connection refused\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
