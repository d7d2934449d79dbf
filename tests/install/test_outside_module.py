"""A backend outside of the tree: built against the installed headers alone, held to the contract suite, used by the installed programs.

It is a copy of the OpenSSL backend's sources under another name. time-limit: 1200
"""

import os
import re
import shutil
import unittest

from installed import BUILD, CC, PREFIX, SOURCE, Installation

CONTRACT = os.path.join(BUILD, "tests", "contract")
NAME = "mirror"
# What an author would have written otherwise.
RENAMED = (
    ('"core/backend.h"', "<unitls/backend/module.h>"),
    ('.name = "openssl"', '.name = "%s"' % NAME),
    # OpenSSL knows providers by name, and both backends are to live in one process.
    ("unitls-external", NAME + "-external"),
)


@unittest.skipUnless(os.path.exists(os.path.join(BUILD, "lib", "unitls", "backends", "openssl.so")), "openssl was not built")
class Outside(Installation):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sources = os.path.join(cls.folder, "sources")
        for folder in ("openssl", "libssl"):
            shutil.copytree(os.path.join(SOURCE, "lib", "backends", folder), os.path.join(cls.sources, "backends", folder))
        for folder, _, files in os.walk(cls.sources):
            for file in files:
                path = os.path.join(folder, file)
                with open(path, encoding="utf-8") as source:
                    text = source.read()
                for old, new in RENAMED:
                    text = text.replace(old, new)
                with open(path, "w", encoding="utf-8") as out:
                    out.write(text)
        cls.modules = os.path.join(cls.folder, "modules")
        os.mkdir(cls.modules, 0o755)

    def build(self):
        files = sorted(os.path.join(folder, file) for folder, _, names in os.walk(self.sources) for file in names
                       if file.endswith(".c"))
        flags = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-fvisibility=hidden", "-I" + self.sources, *self.pkg_config("--cflags")]
        self.run_ok(CC, "-shared", *flags, "-o", os.path.join(self.modules, NAME + ".so"), *files,
                    *self.run_ok("pkg-config", "--cflags", "--libs", "openssl").split())
        return self.run_ok(CC, *flags, "-M", *files)

    def test_a_backend_is_built_from_the_installed_headers_and_keeps_the_contract(self):
        needed = self.build()
        self.assertIn(self.dest + PREFIX + "/include/unitls/backend/module.h", needed)
        self.assertNotIn(SOURCE + "/", needed)
        out = self.run_ok(CONTRACT, "--quick", "--add", NAME, "--backend", NAME, UNITLS_BACKEND_DIR=self.modules)
        self.assertRegex(out, r"(?m)^backend %s: OpenSSL " % NAME)
        # Whatever the suite comprises: both ends, each version, most scenarios.
        self.assertGreater(int(re.search(r"^contract: (\d+) passed, 0 failed$", out, re.M).group(1)), 300)
        # The same library through the same code.
        self.assertNotIn("\ndifference: ", out)

        environment = {"UNITLS_BACKEND_DIR": self.modules}
        self.assertIn("backend %s: OpenSSL " % NAME, self.run_ok(self.dest + PREFIX + "/bin/unitlsd", "--version", **environment))
        if "unitls" in self.programs:
            self.assertIn(NAME + ": OpenSSL ", self.run_ok(self.dest + PREFIX + "/bin/unitls", "backends", NAME, **environment))

    def test_it_can_be_installed_beside_the_others(self):
        """Where pkg-config says that modules are."""
        folder = self.run_ok("pkg-config", "--variable=backenddir", "unitls", PKG_CONFIG_PATH=self.libdir + "/pkgconfig")
        self.assertEqual(folder, PREFIX + "/lib/unitls/backends")
        self.build()
        shutil.copy(os.path.join(self.modules, NAME + ".so"), self.dest + folder)
        out = self.run_ok(self.dest + PREFIX + "/bin/unitlsd", "--version")
        for backend in (*self.backends, NAME):
            self.assertRegex(out, r"(?m)^backend %s: (?!cannot)" % backend)


if __name__ == "__main__":
    unittest.main()
