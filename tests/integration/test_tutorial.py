"""docs/tutorial.md: its programs are taken from the text as they stand, built by its own commands, and talk to each other."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import harness

SOURCE = os.environ.get("SOURCEDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILDDIR") or os.path.join(SOURCE, "build", "release")
CC = os.environ.get("CC") or "gcc"
BACKENDS = sorted(f[:-3] for f in os.listdir(os.path.join(BUILD, "lib/unitls/backends")) if f.endswith(".so"))


class Tutorial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="unitls-tutorial-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        with open(os.path.join(SOURCE, "docs/tutorial.md"), encoding="utf-8") as f:
            blocks = re.findall(r"^```(\w+)\n(.*?)^```$", f.read(), re.M | re.S)
        cls.programs = {re.match(r"/\* (\w+\.c):", text).group(1): text for kind, text in blocks if kind == "c"}
        cls.commands = [text for kind, text in blocks if kind == "sh"]
        for name, text in cls.programs.items():
            with open(os.path.join(cls.folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        cls.write_pkg_config()
        cls.environment = dict(os.environ, PKG_CONFIG_PATH=cls.folder, LD_LIBRARY_PATH=os.path.join(BUILD, "lib"))
        cls.warnings = "".join(cls.shell(text) for text in cls.commands)

    @classmethod
    def write_pkg_config(cls):
        """The installed unitls.pc, with the places of what is built."""
        with open(os.path.join(SOURCE, "unitls.pc.in"), encoding="utf-8") as f:
            text = f.read()
        for key, value in (("prefix", BUILD), ("libdir", os.path.join(BUILD, "lib")), ("version", "0"),
                           ("includedir", os.path.join(SOURCE, "lib/include"))):
            text = text.replace("@%s@" % key, value)
        with open(os.path.join(cls.folder, "unitls.pc"), "w", encoding="utf-8") as f:
            f.write(text)
        os.mkdir(os.path.join(cls.folder, "bin"))
        os.symlink(shutil.which(CC.split()[0]), os.path.join(cls.folder, "bin", "cc"))

    @classmethod
    def shell(cls, text):
        env = dict(cls.environment, PATH=os.path.join(cls.folder, "bin") + ":" + os.environ["PATH"])
        done = subprocess.run(["sh", "-ec", text], cwd=cls.folder, env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        if done.returncode != 0:
            raise AssertionError("%s\n%s" % (text, done.stdout))
        return done.stdout if text.startswith("cc") else ""

    def start_server(self, backend):
        server = subprocess.Popen(["./server", "0", "certificate.pem", "key.pem", backend], cwd=self.folder,
                                  env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return server, re.match(r"listening on 127\.0\.0\.1:(\d+)$", server.stdout.readline().strip()).group(1)

    def client(self, *args):
        return subprocess.run(("./client",) + args, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False)

    def test_programs_compile_without_a_warning(self):
        self.assertEqual(sorted(self.programs), ["client.c", "server.c"])
        self.assertEqual(self.warnings, "")

    def test_programs_name_no_tls_library(self):
        for program in ("client", "server"):
            needed = subprocess.run(["objdump", "-p", program], cwd=self.folder, stdout=subprocess.PIPE, encoding="utf-8",
                                    check=True).stdout
            self.assertEqual(re.findall(r"NEEDED +(?!libc\.|libunitls\.|ld-)(\S+)", needed), [])

    def test_every_pair_of_backends_talks(self):
        self.assertIn("openssl", BACKENDS)
        for server_backend in BACKENDS:
            _, port = self.start_server(server_backend)
            for client_backend in BACKENDS:
                for host in ("localhost", "127.0.0.1"):
                    with self.subTest(server=server_backend, client=client_backend, host=host):
                        done = self.client(host, port, "certificate.pem", "hello, world", client_backend)
                        # The client ends its half before it reads: without half-close that is the end of both.
                        said = "HELLO, WORLD\n" if harness.can(client_backend, harness.CAP_HALF_CLOSE) else ""
                        self.assertEqual((done.returncode, done.stdout), (0, said), done.stderr)
                        self.assertRegex(done.stderr, r"^TLSv1\.[23], TLS_\w+\n$")

    def test_an_untrusted_server_is_refused(self):
        self.shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=other "
                   "-keyout other.key -out other.pem")
        _, port = self.start_server("openssl")
        done = self.client("localhost", port, "other.pem", "secret")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("verify error", done.stderr)

    def test_a_cut_connection_is_no_clean_end(self):
        server, port = self.start_server("openssl")
        with socket.create_connection(("127.0.0.1", int(port))):
            pass
        self.assertIn("io error", server.stderr.readline())
        done = self.client("localhost", port, "certificate.pem", "still there")
        self.assertEqual(done.stdout, "STILL THERE\n", done.stderr)

    def test_a_backend_that_is_not_there_is_named(self):
        _, port = self.start_server("openssl")
        done = self.client("localhost", port, "certificate.pem", "x", "nonesuch")
        self.assertEqual(done.returncode, 1)
        self.assertIn('unsupported error: no backend "nonesuch" in ', done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
