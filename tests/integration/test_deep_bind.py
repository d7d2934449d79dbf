#!/usr/bin/env python3
"""A program that is linked with OpenSSL itself: it gets every backend with the flag, and a clear refusal without it."""

import os
import subprocess
import unittest

import harness

# The contract suite's program once more, with libssl and libcrypto in its global scope.
PROGRAM = os.path.join(harness.BUILDDIR, "tests", "contract-with-openssl")
# Those whose symbols OpenSSL has.
CLASHING = ("boringssl", "openssl")


@unittest.skipUnless("openssl" in harness.backends(), "openssl was not built")
class DeepBind(harness.TestCase):
    def contract(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=10 * harness.PATIENCE, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def test_the_program_is_linked_with_openssl(self):
        self.assertIn("libssl.so", harness.run("readelf", "-d", PROGRAM).decode())

    def test_with_the_flag_all_backends_work_side_by_side(self):
        status, text = self.contract("--deep-bind", "all backends at once")
        if harness.SANITIZED:
            for backend in harness.backends():
                self.assertIn('backend "%s": deep_bind does not work in a program with a sanitizer' % backend, text)
            return
        self.assertEqual(status, 0, text)
        self.assertNotIn("not tested", text)
        for backend in harness.backends():
            self.assertIn("\nbackend %s: " % backend, "\n" + text)
        self.assertIn("\ncontract: 1 passed, 0 failed", text)

    def test_without_the_flag_those_with_the_symbols_of_openssl_are_refused(self):
        _, text = self.contract("all backends at once")
        for backend in harness.backends():
            if backend in CLASHING:
                self.assertIn('not tested: backend %s: backend "%s": the program itself links a TLS library with the same symbols '
                              "(SSL_CTX_new); load with deep_bind\n" % (backend, backend), text)
            else:
                self.assertIn("\nbackend %s: " % backend, "\n" + text)


if __name__ == "__main__":
    harness.main()
