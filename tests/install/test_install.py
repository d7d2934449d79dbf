"""What `make install` leaves, and that a program can be built against it and nothing else."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("SOURCEDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILDDIR") or os.path.join(SOURCE, "build", "release")
CC = os.environ.get("CC") or "gcc"
# Another prefix than the default one, so that nothing is found by accident.
PREFIX = "/opt/somewhere"

PROGRAM = r"""
#include <stdio.h>

#include <unitls/unitls.h>

int main(int argc, char **argv)
{
	struct unitls_backend *backend = NULL;
	struct unitls_error error = {0};

	if (argc != 2 || unitls_backend_load(argv[1], &backend, &error) != 0) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	printf("%s %s: %s\n", unitls_version(), unitls_backend_name(backend), unitls_backend_library_version(backend));
	return 0;
}
"""

# A program that is not linked with the library and loads it for itself alone, as a scripting language does.
LOADER = r"""
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
backend = ctypes.c_void_p()
error = ctypes.create_string_buffer(65536)
if library.unitls_backend_load(sys.argv[2].encode(), ctypes.byref(backend), error) != 0:
    sys.exit("not loaded: %r" % error.raw.strip(b"\0"))
library.unitls_backend_name.restype = ctypes.c_char_p
library.unitls_backend_name.argtypes = [ctypes.c_void_p]
print(library.unitls_backend_name(backend).decode())
"""


class Installed(unittest.TestCase):
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

    def pkg_config(self, *args):
        out = self.run_ok("pkg-config", *args, "unitls", PKG_CONFIG_PATH=self.libdir + "/pkgconfig",
                          PKG_CONFIG_SYSROOT_DIR=self.dest)
        # pkg-config prefixes only -I and -L; that is what this test wants.
        return out.split()

    def source(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def test_the_expected_files_are_there(self):
        for name in (*("bin/" + program for program in self.programs), "include/unitls/unitls.h", "lib/libunitls.a", "lib/libunitls.so",
                     "lib/libunitls.so.0", "lib/pkgconfig/unitls.pc", "lib/unitls/backends/openssl.so",
                     "lib/unitls/backends/mbedtls.so", "lib/systemd/system/unitlsd.service",
                     "lib/systemd/system/unitlsd.socket", "lib/sysusers.d/unitls.conf", "lib/tmpfiles.d/unitls.conf",
                     "share/man/man1/unitls.1", "share/man/man8/unitlsd.8", "share/man/man5/unitlsd.conf.5", "share/man/man3/unitls.3",
                     "share/doc/unitls/unitlsd.conf"):
            with self.subTest(file=name):
                self.assertTrue(os.path.exists(os.path.join(self.dest + PREFIX, name)))
        self.assertTrue(os.path.exists(self.dest + "/etc/unitls/unitlsd.conf"))

    def test_no_placeholder_is_left_and_the_units_name_the_installed_programs(self):
        for name in ("lib/pkgconfig/unitls.pc", "lib/systemd/system/unitlsd.service", "lib/systemd/system/unitlsd.socket",
                     "lib/sysusers.d/unitls.conf", "lib/tmpfiles.d/unitls.conf"):
            with open(os.path.join(self.dest + PREFIX, name), encoding="utf-8") as f:
                self.assertNotRegex(f.read(), r"@\w+@", name)
        with open(self.dest + PREFIX + "/lib/systemd/system/unitlsd.service", encoding="utf-8") as f:
            self.assertIn("\nExecStart=%s/bin/unitlsd -c /etc/unitls/unitlsd.conf\n" % PREFIX, f.read())

    def test_a_program_built_by_pkg_config_loads_every_backend(self):
        source = self.source("program.c", PROGRAM)
        self.run_ok(CC, "-Wall", "-Wextra", "-Werror", *self.pkg_config("--cflags"), source, "-o", "program",
                    *self.pkg_config("--libs"))
        for backend in self.backends:
            out = self.run_ok("./program", backend, LD_LIBRARY_PATH=self.libdir)
            self.assertRegex(out, r"^\d+\.\d+\.\d+ %s: \S" % backend)

    def test_a_static_program_that_exports_the_core_loads_every_backend(self):
        source = self.source("static.c", PROGRAM)
        libs = [f for f in self.pkg_config("--static", "--libs") if f != "-lunitls"]
        self.run_ok(CC, "-rdynamic", *self.pkg_config("--cflags"), source, "-o", "static", "-Wl,--whole-archive",
                    self.libdir + "/libunitls.a", "-Wl,--no-whole-archive", *libs)
        for backend in self.backends:
            out = self.run_ok("./static", backend, UNITLS_BACKEND_DIR=self.libdir + "/unitls/backends")
            self.assertIn(backend + ": ", out)

    def test_a_program_that_loads_the_library_for_itself_alone_loads_every_backend(self):
        for backend in self.backends:
            # -I and -S: no ssl module has been imported, so no TLS library is in the process.
            out = self.run_ok(sys.executable, "-I", "-c", LOADER, self.libdir + "/libunitls.so.0", backend)
            self.assertEqual(out, backend)

    def test_every_header_stands_alone_in_c99_and_in_cplusplus(self):
        folder = self.dest + PREFIX + "/include/unitls"
        for header in sorted(os.listdir(folder)):
            for language in (["-std=c99", "-x", "c"], ["-std=c++11", "-x", "c++"]):
                with self.subTest(header=header, language=language[0]):
                    source = self.source("header.c", "#include <unitls/%s>\n" % header)
                    self.run_ok(CC, *language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                                *self.pkg_config("--cflags"), source)

    def test_the_installed_daemon_finds_its_library_and_its_backends(self):
        out = self.run_ok(self.dest + PREFIX + "/bin/unitlsd", "--version")
        for backend in self.backends:
            self.assertIn(backend, out)

    def test_the_installed_tool_finds_its_library_and_its_backends(self):
        if "unitls" not in self.programs:
            self.skipTest("unitls was not built: jansson was not found")
        out = self.run_ok(self.dest + PREFIX + "/bin/unitls", "backends")
        for backend in self.backends:
            self.assertIn(backend + ": ", out)

    def test_no_program_names_the_folder_it_was_built_in(self):
        for name in (*("bin/" + program for program in self.programs), "lib/libunitls.so.0"):
            out = self.run_ok("readelf", "-d", os.path.join(self.dest + PREFIX, name))
            self.assertNotIn(BUILD, out)

    def test_uninstall_takes_away_all_but_the_configuration(self):
        dest = os.path.join(self.folder, "gone")
        self.make("install", dest)
        self.make("uninstall", dest)
        left = [os.path.join(d, f) for d, _, files in os.walk(dest) for f in files]
        self.assertEqual(left, [dest + "/etc/unitls/unitlsd.conf"])


if __name__ == "__main__":
    unittest.main()
