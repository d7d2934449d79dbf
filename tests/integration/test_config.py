#!/usr/bin/env python3
"""unitlsd -t and -T with real certificates: what is good, and for every kind of mistake in the files that a configuration names
the file, the line and the reason."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

OPENSSL = "openssl" in harness.backends()
MBEDTLS = "mbedtls" in harness.backends()
TAIL = """
[listener web]
listen = 127.0.0.1:0
tls = web
upstream = app
[upstream app]
server = 127.0.0.1:9
"""


class Config(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="unitls-config-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority = harness.Authority(cls.folder)
        for name, key in (("a", "ecdsa"), ("b", "ecdsa"), ("r", "rsa")):
            cls.authority.issue(name, [name + ".example"], key)
        cls.authority.issue("old", ["old.example"], expired=True)
        harness.run("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "9", "-subj", "/CN=ed", "-addext",
                    "subjectAltName=DNS:ed.example", "-keyout", cls.path("ed.key"), "-out", cls.path("ed.crt"))
        harness.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", cls.path("other-ed.key"))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        self.addCleanup(os.unlink, self.path(name))

    def unitlsd(self, *arguments):
        done = subprocess.run([harness.UNITLSD, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, cwd=self.folder, timeout=harness.PATIENCE, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def check(self, text, *options):
        """Runs -t on a configuration; returns status and messages."""
        self.write("test.conf", text)
        status, out, messages = self.unitlsd("-t", "-c", "test.conf", *options)
        self.assertEqual(out, "")
        self.doCleanups()
        return status, messages

    def good(self, text):
        status, messages = self.check(text)
        self.assertEqual((status, messages), (0, "unitlsd: test.conf is good\n"))

    def bad(self, text, *wanted):
        status, messages = self.check(text)
        self.assertEqual(status, 1, messages)
        for line in wanted:
            self.assertIn("\n" + line, "\n" + messages)
        self.assertNotIn("is good", messages)

    def test_good_ones(self):
        self.good("[tls web]\ncertificate = a.pem\n" + TAIL)
        self.good("[tls web]\ncertificate = a.crt\nkey = a.key\n" + TAIL)
        self.good("[tls web]\ncertificate = a.crt\ncertificate = r.crt\nkey = r.key\nkey = a.key\n" + TAIL)
        self.good("[tls web]\ncertificate = a.crt\ncertificate = b.pem\nkey = a.key\n" + TAIL)
        self.good("[listener p]\nlisten = unix:/nowhere/x\nupstream = u\n[upstream u]\nserver = unix:/nowhere/y\n")

    def test_certificate_dir(self):
        os.mkdir(self.path("certs"))
        self.addCleanup(os.rmdir, self.path("certs"))
        text = "[tls web]\ncertificate_dir = certs\n" + TAIL
        self.bad_dir(text, "test.conf:2: certificate_dir: certs: there is no .pem, .crt or .cer file")
        made = []
        for source, target in (("a.pem", "a.pem"), ("b.crt", "b.crt"), ("b.key", "b.key"), ("r.crt", "note.txt")):
            shutil.copy(self.path(source), self.path("certs/" + target))
            made.append(self.path("certs/" + target))
        self.write("dir.conf", text)
        self.assertEqual(self.unitlsd("-t", "-c", "dir.conf")[0], 0)
        shutil.copy(self.path("a.key"), self.path("certs/b.key"))
        status, _, messages = self.unitlsd("-t", "-c", "dir.conf")
        for path in made:
            os.unlink(path)
        self.assertEqual(status, 1)
        self.assertIn("dir.conf:2: certificate: certs/b.crt and certs/b.key: ", messages)

    def bad_dir(self, text, wanted):
        with open(self.path("test.conf"), "w", encoding="utf-8") as out:
            out.write(text)
        status, _, messages = self.unitlsd("-t", "-c", "test.conf")
        os.unlink(self.path("test.conf"))
        self.assertEqual(status, 1)
        self.assertIn(wanted, messages)

    def test_files_that_are_not_what_they_should_be(self):
        self.bad("[tls web]\ncertificate = missing.pem\n" + TAIL,
                 "test.conf:2: certificate: missing.pem: No such file or directory")
        self.bad("[tls web]\ncertificate = .\n" + TAIL, "test.conf:2: certificate: .: it is a folder")
        self.bad("[tls web]\ncertificate = /dev/zero\n" + TAIL,
                 "test.conf:2: certificate: /dev/zero: not a regular file")
        self.bad("[tls web]\ncertificate = a.crt\nkey = missing.key\n" + TAIL,
                 "test.conf:3: key: missing.key: No such file or directory")
        harness.run("openssl", "pkey", "-in", self.path("a.key"), "-aes256", "-passout", "pass:x", "-out", self.path("locked.key"))
        self.bad("[tls web]\ncertificate = a.crt\nkey = locked.key\n" + TAIL,
                 "test.conf:3: key: locked.key: the key is encrypted, and there is nobody to ask for its password\n")
        self.write("fifo.conf", "[tls web]\ncertificate = fifo\n" + TAIL)
        os.mkfifo(self.path("fifo"))
        self.addCleanup(os.unlink, self.path("fifo"))
        status, _, messages = self.unitlsd("-t", "-c", "fifo.conf")
        self.assertEqual(status, 1)
        self.assertIn("certificate: fifo: not a regular file", messages)

    def test_pairs_that_do_not_match(self):
        self.bad("[tls web]\ncertificate = a.crt\n" + TAIL,
                 "test.conf:2: certificate: a.crt: there is no private key in it, and no \"key\" beside it")
        self.bad("[tls web]\ncertificate = a.crt\nkey = b.key\n" + TAIL,
                 "test.conf:2: certificate: a.crt: the key in b.key does not match")
        self.bad("[tls web]\ncertificate = a.crt\nkey = b.key\nkey = r.key\n" + TAIL,
                 "test.conf:2: certificate: a.crt: none of the section's keys matches")
        with open(self.path("a.crt"), encoding="ascii") as one, open(self.path("b.key"), encoding="ascii") as other:
            self.write("mixed.pem", one.read() + other.read())
        status, messages = self.check_keep("[tls web]\ncertificate = mixed.pem\n" + TAIL)
        self.assertEqual(status, 1)
        self.assertIn("test.conf:2: certificate: mixed.pem: ", messages)

    def check_keep(self, text):
        """As check(), but what write() made before stays until the test ends."""
        with open(self.path("test.conf"), "w", encoding="utf-8") as out:
            out.write(text)
        try:
            status, _, messages = self.unitlsd("-t", "-c", "test.conf")
        finally:
            os.unlink(self.path("test.conf"))
        return status, messages

    @unittest.skipUnless(OPENSSL, "only OpenSSL has Ed25519")
    def test_a_key_without_a_public_half_is_proven_by_the_library(self):
        self.good("[tls web]\ncertificate = ed.crt\nkey = ed.key\n" + TAIL)
        status, messages = self.check("[tls web]\ncertificate = a.pem\ncertificate = ed.crt\nkey = other-ed.key\n" + TAIL)
        self.assertEqual(status, 1)
        self.assertRegex(messages, r"(?m)^test\.conf:3: certificate: .*\(ed\.crt\)$")

    def test_dates_are_warnings(self):
        status, messages = self.check("[tls web]\ncertificate = old.pem\n" + TAIL)
        self.assertEqual(status, 0, messages)
        self.assertRegex(messages, r"(?m)^test\.conf:2: warning: certificate: old\.pem: expired on 20..-..-.. ..:.. UTC$")

    def test_an_unused_key_is_a_warning(self):
        status, messages = self.check("[tls web]\ncertificate = a.pem\nkey = b.key\n" + TAIL)
        self.assertEqual(status, 0, messages)
        self.assertIn("test.conf:3: warning: key: b.key: is the key of no certificate of this section\n", messages)

    def test_suites_of_a_version_that_is_off_are_a_warning(self):
        text = "[tls web]\ncertificate = a.pem\nciphers = %s\nm%s_version = %s\n" + TAIL
        for suite, bound, version in (("TLS_AES_128_GCM_SHA256", "ax", "1.2"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "in", "1.3")):
            status, messages = self.check(text % (suite, bound, version))
            self.assertEqual(status, 0, messages)
            self.assertIn("test.conf:3: warning: ciphers: has no effect, ", messages)
        self.good(text % ("TLS_AES_128_GCM_SHA256", "ax", "1.3"))

    def test_all_at_once(self):
        self.bad("[daemon]\nwrokers = 1\n[tls web]\ncertificate = missing.pem\nciphers = RC4\nca = a.key\n"
                 "client_auth = required\nbackend = nosuch\n" + TAIL + "max_connections = 1\nserver = x\n",
                 "test.conf:2: [daemon] has no key \"wrokers\"; did you mean \"workers\"?",
                 "test.conf:4: certificate: missing.pem: No such file or directory",
                 "test.conf:5: ciphers: no cipher suite has the name RC4",
                 "test.conf:6: ca: a.key: ",
                 "test.conf:8: backend: no backend \"nosuch\" ",
                 "test.conf:16: [upstream] has no key \"max_connections\"; it belongs into [listener]",
                 "test.conf:17: server: \"x\": the port is missing")

    def test_a_log_that_cannot_be_opened(self):
        text = "[tls web]\ncertificate = a.pem\n" + TAIL + "[daemon]\nlog = %s\n"
        self.bad(text % "nowhere/log", "test.conf:11: the log \"nowhere/log\" cannot be opened: No such file or directory")
        self.bad(text % "a.pem/log", "test.conf:11: the log \"a.pem/log\" cannot be opened: Not a directory")
        self.bad(text % ".", "test.conf:11: the log \".\" cannot be opened: Is a directory")
        self.good(text % "log")
        self.assertFalse(os.path.exists(self.path("log")))

    def test_accounts(self):
        self.bad("[daemon]\nuser = no-such-user\ngroup = no-such-group\n[tls web]\ncertificate = a.pem\n" + TAIL,
                 "test.conf:2: user: there is no user \"no-such-user\"",
                 "test.conf:3: group: there is no group \"no-such-group\"")

    def test_backends(self):
        for name in harness.backends():
            self.good("[tls web]\ncertificate = a.pem\nbackend = %s\n" % name + TAIL)
        self.bad("[tls web]\ncertificate = a.pem\nbackend = nosuch\n" + TAIL, "test.conf:3: backend: ")
        self.bad("[tls web]\ncertificate = a.pem\nbackend = ../openssl\n" + TAIL, "test.conf:3: backend: ")

    @unittest.skipUnless(MBEDTLS, "mbedtls was not built")
    def test_what_a_backend_cannot_do_is_told_by_name(self):
        version = self.unitlsd("--version")[1]
        if not re.search(r"mbed\s?TLS 2\.", version, re.I):
            self.skipTest("this mbedTLS has TLS 1.3")
        self.bad("[tls web]\ncertificate = a.pem\nbackend = mbedtls\nmin_version = 1.3\nciphers = 0x1301\n" + TAIL,
                 "test.conf:4: min_version: backend mbedtls: ", "test.conf:5: ciphers: backend mbedtls: ")
        self.bad("[tls web]\ncertificate = ed.crt\nkey = ed.key\nbackend = mbedtls\n" + TAIL,
                 "test.conf:2: certificate: backend mbedtls: ")

    @unittest.skipUnless("boringssl" in harness.backends(), "boringssl was not built")
    def test_suites_that_cannot_be_chosen(self):
        """A policy leaves them as they are; a list of some asks for what cannot be."""
        text = "[tls web]\ncertificate = a.pem\nbackend = boringssl\nciphers = %s\n" + TAIL
        if "AWS-LC" in self.unitlsd("--version")[1]:
            self.skipTest("of AWS-LC they can be chosen")
        self.good(text % "intermediate")
        self.good(text % "modern\nmin_version = 1.3")
        self.good(text % "0xc02b")
        self.bad(text % "0xc02b, 0x1301", "test.conf:4: ciphers: backend boringssl: its suites for TLSv1.3 cannot be chosen")

    def test_authorities(self):
        self.good("[tls web]\ncertificate = a.pem\nca = ca.pem\nca = ed.crt\nclient_auth = required\n" + TAIL)
        self.good(TAIL.replace("tls = web\n", "") + "tls = up\n[tls up]\nca = ca.pem\nserver_name = x.example\n")
        status, messages = self.check(TAIL.replace("tls = web\n", "") + "tls = up\n[tls up]\nverify = no\n")
        self.assertEqual(status, 0)
        self.assertIn("test.conf:9: warning: verify: ", messages)
        harness.run("openssl", "x509", "-in", self.path("ca.pem"), "-outform", "DER", "-out", self.path("ca.der"))
        self.good("[tls web]\ncertificate = a.pem\nca = ca.der\nclient_auth = optional\n" + TAIL)

    def test_print_reads_back(self):
        self.write("one.conf", "[tls web]\ncertificate = a.crt\nkey = a.key\nalpn = h2, http/1.1\n" + TAIL)
        status, printed, messages = self.unitlsd("-T", "-c", "one.conf")
        self.assertEqual((status, messages), (0, ""))
        self.assertIn("\nidle_timeout = 1h\n", printed)
        self.write("two.conf", printed)
        self.assertEqual(self.unitlsd("-T", "-c", "two.conf"), (0, printed, ""))
        status, printed, _ = self.unitlsd("-T", "-c", "missing.conf")
        self.assertEqual((status, printed), (1, ""))

    def test_without_a_file(self):
        quick = ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9"]
        self.assertEqual(self.unitlsd(*quick, "-t")[0], 0)
        self.assertEqual(self.unitlsd(*quick, "--certificate", "a.crt", "--key", "a.key", "-t")[0], 0)
        status, _, messages = self.unitlsd(*quick, "--certificate", "a.crt", "--key", "b.key", "-t")
        self.assertEqual(status, 1)
        # Lines that nobody wrote are not named.
        self.assertIn("command line: certificate: a.crt: the key in b.key does not match\n", messages)
        for wrong in (["--listen", "x"], ["--key", "x"], quick + ["--key", "a.key"], quick + ["-c", "x"], ["--nosuch"], ["x"],
                      ["--listen", "127.0.0.1:0\nx", "--upstream", "y"]):
            self.assertEqual(self.unitlsd(*wrong, "-t")[0], 2, wrong)

    def test_version_and_help(self):
        status, out, _ = self.unitlsd("--version")
        self.assertEqual(status, 0)
        for name in harness.backends():
            self.assertRegex(out, r"(?m)^backend %s: .*[0-9]" % name)
        status, out, _ = self.unitlsd("--help")
        self.assertEqual(status, 0)
        with open(os.path.join(harness.SOURCE, "man", "unitlsd.8"), encoding="utf-8") as page:
            options = re.findall(r"\.It Fl (?:\w , )?-([a-z-]+)", page.read())
        self.assertIn("listen", options)
        for option in options:
            self.assertIn("--" + option, out)

    def test_the_shipped_example(self):
        with open(os.path.join(harness.SOURCE, "conf", "unitlsd.conf"), encoding="utf-8") as source:
            text = source.read()
        text = text.replace("/etc/unitls/web.pem", "a.crt").replace("/etc/unitls/web.key", "a.key")
        self.good(text)
        # and what it shows in comments
        text = text.replace("/etc/unitls/clients-ca.pem", "ca.pem")
        text = re.sub(r"(?m)^#(\[?[a-z_0-9]+( =| ).*)$", r"\1", text)
        text = re.sub(r"(?m)^(include|certificate_dir) .*\n", "", text)
        self.assertIn("\nclient_auth = required\n", text)
        self.assertIn("\n[tls relay]\n", text)
        self.good(text)

    def test_ten_thousand_sections(self):
        parts = ["[listener l%d]\nlisten = 127.1.%d.%d:1\nupstream = u%d\n[upstream u%d]\nserver = 127.0.0.1:9\n"
                 % (i, i >> 8, i & 255, i, i) for i in range(10000)]
        self.good("".join(parts))


if __name__ == "__main__":
    unittest.main()
