#!/usr/bin/env python3
"""All backends in one process under valgrind: it sees also what the TLS libraries do, which no sanitizer was compiled into."""

import os
import re
import shutil
import subprocess
import unittest

import harness

CONTRACT = os.path.join(harness.BUILDDIR, "tests", "contract")
SUPPRESSIONS = os.path.join(harness.SOURCE, "tests", "tools", "valgrind.supp")
# An interpreter of machine code in the place of the processor.
PATIENCE = 600


@unittest.skipIf(harness.SANITIZED, "valgrind does not run programs with a sanitizer")
@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
class Valgrind(harness.TestCase):
    def valgrind(self, *program):
        done = subprocess.run(["valgrind", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,possible",
                               "--show-leak-kinds=definite,possible", "--num-callers=30", "--suppressions=" + SUPPRESSIONS, *program],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
        text = done.stdout.decode("utf-8", "replace")
        self.assertEqual(done.returncode, 0, text)
        self.assertIn("ERROR SUMMARY: 0 errors", text)
        # Its own allocator was in use: this is where the bytes of the handshakes went.
        self.assertGreater(int(re.search(r"total heap usage: ([0-9,]+) allocs", text).group(1).replace(",", "")), 10000)
        return text

    def test_links_of_all_backends_in_one_process(self):
        text = self.valgrind(CONTRACT, "all backends at once")
        for backend in harness.backends():
            self.assertIn("\nbackend %s: " % backend, "\n" + text)
        # Every backend as client and server of every other one, in one version at least.
        self.assertGreaterEqual(int(re.search(r"all backends at once: (\d+) links", text).group(1)), len(harness.backends()) ** 2)
        self.assertIn("contract: 1 passed, 0 failed", text)


if __name__ == "__main__":
    harness.main()
