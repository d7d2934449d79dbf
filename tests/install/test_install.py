"""What `make install` leaves, and that a program can be built against it and nothing else."""

import os
import sys
import unittest

from installed import BUILD, CC, PREFIX, Installation

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

EVENT_PROGRAM = r"""
#include <stdio.h>

#include <event2/event.h>
#include <unitls/event.h>
#include <unitls/unitls.h>

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_peer_name nobody = {UNITLS_PEER_NAME_NONE, "", {0}};
	struct unitls_trust_store *trust;
	struct unitls_client_config *config;
	struct unitls_client_context *context;
	struct unitls_backend *backend;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (argc != 2 || unitls_backend_load(argv[1], &backend, &error) != 0 ||
	    unitls_trust_store_system(&trust, &error) != 0 ||
	    unitls_config_builder_set_trust_store(builder, trust) != 0 ||
	    unitls_config_builder_build_client(builder, &config, &error) != 0 ||
	    unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error) != 0) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	if (unitls_bufferevent_client_new(base, -1, context, &nobody, BEV_OPT_CLOSE_ON_FREE, &error) == NULL)
		printf("no name, no bufferevent: %s\n", error.text);
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


class Installed(Installation):
    def test_the_expected_files_are_there(self):
        for name in (*("bin/" + program for program in self.programs), "include/unitls/unitls.h", "include/unitls/backend/module.h",
                     "lib/libunitls.a", "lib/libunitls.so", "lib/libunitls.so.0", "lib/pkgconfig/unitls.pc", "include/unitls/event.h",
                     "lib/libunitls-event.a", "lib/libunitls-event.so", "lib/libunitls-event.so.0", "lib/pkgconfig/unitls-event.pc",
                     "lib/unitls/backends/openssl.so",
                     "lib/unitls/backends/mbedtls.so", "lib/systemd/system/unitlsd.service",
                     "lib/systemd/system/unitlsd.socket", "lib/sysusers.d/unitls.conf", "lib/tmpfiles.d/unitls.conf",
                     "share/man/man1/unitls.1", "share/man/man8/unitlsd.8", "share/man/man5/unitlsd.conf.5", "share/man/man3/unitls.3",
                     "share/doc/unitls/unitlsd.conf"):
            with self.subTest(file=name):
                self.assertTrue(os.path.exists(os.path.join(self.dest + PREFIX, name)))
        self.assertTrue(os.path.exists(self.dest + "/etc/unitls/unitlsd.conf"))

    def test_no_placeholder_is_left_and_the_units_name_the_installed_programs(self):
        for name in ("lib/pkgconfig/unitls.pc", "lib/pkgconfig/unitls-event.pc", "lib/systemd/system/unitlsd.service", "lib/systemd/system/unitlsd.socket",
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

    def test_a_program_built_by_pkg_config_makes_a_bufferevent(self):
        source = self.source("event.c", EVENT_PROGRAM)
        self.run_ok(CC, "-Wall", "-Wextra", "-Werror", *self.pkg_config("--cflags", package="unitls-event"), source, "-o",
                    "event", *self.pkg_config("--libs", package="unitls-event"))
        needed = self.run_ok("objdump", "-p", "event")
        self.assertRegex(needed, r"NEEDED +libunitls-event\.so\.0")
        self.assertRegex(needed, r"NEEDED +libevent_core")
        out = self.run_ok("./event", self.backends[0], LD_LIBRARY_PATH=self.libdir)
        self.assertEqual(out, "no name, no bufferevent: a client connection needs a peer name")

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
        for header in sorted(name for name in os.listdir(folder) if name.endswith(".h")):
            for language in (["-std=c99", "-x", "c"], ["-std=c++11", "-x", "c++"]):
                with self.subTest(header=header, language=language[0]):
                    source = self.source("header.c", "#include <unitls/%s>\n" % header)
                    self.run_ok(CC, *language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                                *self.pkg_config("--cflags"), source)

    def test_the_contract_stands_alone_in_c11(self):
        source = self.source("contract.c", "#include <unitls/backend/module.h>\n")
        self.run_ok(CC, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", *self.pkg_config("--cflags"), source)

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
        for name in (*("bin/" + program for program in self.programs), "lib/libunitls.so.0", "lib/libunitls-event.so.0"):
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
