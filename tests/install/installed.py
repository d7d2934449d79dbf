"""What the tests of an installation share: `make install` into a folder, and commands that use nothing but that."""

import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("SOURCEDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILDDIR") or os.path.join(SOURCE, "build", "release")
CC = os.environ.get("CC") or "gcc"
# Another prefix than the default one, so that nothing is found by accident.
PREFIX = "/opt/somewhere"


class Installation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="unitls-install-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.dest = os.path.join(cls.folder, "dest")
        cls.make("install")
        cls.libdir = cls.dest + PREFIX + "/lib"
        cls.programs = sorted(os.listdir(os.path.join(BUILD, "bin")))
        cls.backends = sorted(f[:-3] for f in os.listdir(cls.libdir + "/unitls/backends"))

    @classmethod
    def make(cls, goal, dest=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(["make", "-s", "-C", SOURCE, goal, "NOBUILD=1", "DESTDIR=" + (dest or cls.dest),
                               "PREFIX=" + PREFIX, "BUILDDIR=" + BUILD], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", check=False, env=env)
        if done.returncode != 0:
            raise AssertionError("make %s:\n%s" % (goal, done.stdout))

    def run_ok(self, *args, **env):
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
                              cwd=self.folder, env=dict(os.environ, **env))
        self.assertEqual(done.returncode, 0, "%s\n%s" % (" ".join(args), done.stdout))
        return done.stdout.strip()

    def pkg_config(self, *args, package="unitls"):
        out = self.run_ok("pkg-config", *args, package, PKG_CONFIG_PATH=self.libdir + "/pkgconfig",
                          PKG_CONFIG_SYSROOT_DIR=self.dest)
        # pkg-config prefixes only -I and -L; that is what this test wants.
        return out.split()

    def source(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path
