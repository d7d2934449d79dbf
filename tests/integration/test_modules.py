#!/usr/bin/env python3
"""Modules that are not to be had: whoever asks unitls or unitlsd for one is told what is wrong with its file, and where."""

import os
import re
import subprocess
import unittest

import harness
import tool

CC = os.environ.get("CC") or "gcc"

# A table that the core would take, but for what a test defines before it.
MODULE = r"""
#include "core/backend.h"

#ifndef ABI
#define ABI UNITLS_BACKEND_ABI
#endif
#ifndef HANDSHAKE
#define HANDSHAKE handshake
#endif

static int init(struct unitls_error *error)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL, "the generator has no seed");
}
static const char *library_version(void) { return "none"; }
static const struct unitls_capabilities *capabilities(void) { return NULL; }
static int context_new(const struct unitls_context_params *p, void **c, struct unitls_error *e) { return UNITLS_ERROR; }
static void context_free(void *c) { }
static int connection_new(void *c, const struct unitls_connection_params *p, void **r, struct unitls_error *e) { return UNITLS_ERROR; }
static void connection_free(void *c) { }
int handshake(void *c, struct unitls_error *e);
int handshake(void *c, struct unitls_error *e) { return UNITLS_ERROR; }
static int read_some(void *c, uint8_t *b, size_t n, size_t *r, struct unitls_error *e) { return UNITLS_ERROR; }
static int write_all(void *c, const uint8_t *b, size_t n, size_t *r, struct unitls_error *e) { return UNITLS_ERROR; }
static int shut(void *c, struct unitls_error *e) { return UNITLS_ERROR; }
static size_t pending(const void *c) { return 0; }
static void info(const void *c, struct unitls_connection_info *i) { }
static int peer_chain(const void *c, int (*add)(void *a, struct unitls_bytes d), void *a) { return 0; }

UNITLS_API extern const struct unitls_backend_ops unitls_backend_module;
const struct unitls_backend_ops unitls_backend_module = {
	.abi = ABI,
	.size = sizeof(unitls_backend_module),
	.name = NAME,
	.init = init,
	.library_version = library_version,
	.capabilities = capabilities,
	.context_new = context_new,
	.context_free = context_free,
	.connection_new = connection_new,
	.connection_free = connection_free,
	.handshake = HANDSHAKE,
	.read = read_some,
	.write = write_all,
	.shutdown = shut,
	.pending = pending,
	.info = info,
	.peer_chain = peer_chain,
};
"""

# The shared libraries that each backend's module needs on Debian 12, and what a user of it installs.
LIBRARIES = (
    ("openssl", "libssl.so.3", "libssl3 or libssl3t64"),
    ("boringssl", "libcrypto.so.0", "android-libboringssl"),
    ("mbedtls", "libmbedtls.so.14", "libmbedtls14"),
    ("gnutls", "libgnutls.so.30", "libgnutls30 or libgnutls30t64"),
    ("wolfssl", "libwolfssl.so.35", "libwolfssl35"),
    ("bearssl", "libbearssl.so.0", "libbearssl0"),
)


class Modules(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.modules = self.path("modules")
        os.mkdir(self.modules, 0o755)
        self.environment = dict(os.environ, UNITLS_BACKEND_DIR=self.modules)

    def module(self, name, *flags, inside=None):
        """Builds MODULE as NAME.so; the name that its table holds is INSIDE."""
        source = self.write("module.c", MODULE)
        path = os.path.join(self.modules, name + ".so")
        harness.run(CC, "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden", "-I" + harness.SOURCE + "/lib",
                    "-I" + harness.SOURCE + "/lib/include", '-DNAME="%s"' % (inside or name), *flags[:1], "-o", path, source,
                    *flags[1:])
        os.chmod(path, 0o755)
        return path

    def refused(self, name, *parts):
        """That both programs say all the parts, and end as programs that failed."""
        if os.path.exists(tool.UNITLS):
            done = subprocess.run([tool.UNITLS, "backends", name], env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=harness.PATIENCE, check=False)
            self.check_text(done.stderr.decode(), done.returncode, parts)
        certificate = self.path("server.pem")
        if not os.path.exists(certificate):
            self.authority.issue("server", ["localhost"])
        config = self.write("unitlsd.conf", "[tls web]\ncertificate = %s\nbackend = %s\n[listener web]\nlisten = 127.0.0.1:0\n"
                                            "tls = web\nupstream = app\n[upstream app]\nserver = 127.0.0.1:9\n" % (certificate, name))
        done = subprocess.run([harness.UNITLSD, "-t", "-c", config], env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=harness.PATIENCE, check=False)
        self.check_text(done.stderr.decode(), done.returncode, (config + ":3: backend: ", "(there are: ", *parts))

    def check_text(self, text, status, parts):
        self.assertEqual(status, 1, text)
        for part in parts:
            self.assertIn(part, text)

    def test_another_abi(self):
        self.module("strange", "-DABI=99")
        self.refused("strange", 'backend "strange": its module has ABI 99 of ')

    def test_mandatory_functions_left_out(self):
        self.module("strange", "-DHANDSHAKE=NULL")
        self.refused("strange", 'backend "strange": its module leaves mandatory functions out')

    def test_another_name_inside(self):
        self.module("strange", inside="other")
        self.refused("strange", 'backend "strange": its module is of another backend')

    def test_a_library_that_cannot_be_initialised(self):
        self.module("strange")
        self.refused("strange", "the generator has no seed")

    def test_a_file_that_is_no_module(self):
        os.chmod(self.write("modules/strange.so", "text\n"), 0o644)
        self.refused("strange", "modules/strange.so: ")

    def test_a_library_that_is_no_module(self):
        harness.run(CC, "-shared", "-o", os.path.join(self.modules, "strange.so"), "-x", "c", os.devnull)
        os.chmod(os.path.join(self.modules, "strange.so"), 0o755)
        self.refused("strange", 'backend "strange": its file is no module of unitls')

    def test_a_module_that_everybody_may_write_to(self):
        path = self.module("strange")
        os.chmod(path, 0o777)
        self.refused("strange", 'backend "strange" is not loaded: everybody may write to ' + os.path.realpath(path))

    def test_a_module_in_a_folder_that_everybody_may_write_to(self):
        self.module("strange")
        os.chmod(self.modules, 0o777)
        self.refused("strange", 'backend "strange" is not loaded: everybody may write to ' + os.path.realpath(self.modules))

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_a_module_of_another_user(self):
        path = self.module("strange")
        other = os.stat(os.path.join(harness.BUILDDIR, "lib", "libunitls.so.0")).st_uid + 1
        os.chown(path, other, 0)
        self.refused("strange", 'backend "strange" is not loaded: neither root nor this user owns ' + os.path.realpath(path))

    def test_a_module_that_is_not_there(self):
        self.refused("strange", 'no backend "strange" in ' + self.modules + ", ")

    def test_a_library_that_is_not_there_is_told_with_its_package(self):
        """The module asks for a library by the name that the true one has, and looks for it in no folder."""
        for backend, library, package in LIBRARIES:
            with self.subTest(backend=backend):
                stub = self.path(library)
                harness.run(CC, "-shared", "-Wl,-soname," + library, "-o", stub, "-x", "c", os.devnull)
                self.module(backend, "-DABI=99", "-Wl,--no-as-needed,-z,nodefaultlib", stub)
                self.refused(backend, 'backend "%s": %s: ' % (backend, library), " (Debian package %s)" % package)


class Packages(unittest.TestCase):
    def test_every_library_of_a_built_module_is_of_the_package_that_is_told(self):
        """The table of lib/core/package.c, against the modules and dpkg."""
        with open(os.path.join(harness.SOURCE, "lib", "core", "package.c"), encoding="utf-8") as source:
            table = dict(re.findall(r'\{"(lib[^"]*\.so\.\d+)", "([^"]*)"\}', source.read()))
        for backend in harness.backends():
            module = os.path.join(harness.MODULES, backend + ".so")
            linked = dict(re.findall(r"(\S+) => (/\S+)", harness.run("ldd", module).decode()))
            needed = re.findall(r"\(NEEDED\).*\[(.*)\]", harness.run("readelf", "-d", module).decode())
            for library in needed:
                if re.match(r"(libc|libm|libpthread|libasan|libtsan|libubsan|libgcc_s|ld-linux[^.]*)\.so", library):
                    continue
                with self.subTest(backend=backend, library=library):
                    self.assertIn(library, table)
                    self.assertIn(self.owner(linked[library]), table[library].split(" or "))

    def owner(self, path):
        """The package that a file is of. dpkg knows it by the path before or after /usr was merged."""
        for known in (path, os.path.realpath(path), path.replace("/usr/lib/", "/lib/", 1), "/usr" + path):
            done = subprocess.run(["dpkg", "-S", known], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            if done.returncode == 0:
                return done.stdout.decode().split(":")[0]
        self.skipTest("%s is of no Debian package" % path)


if __name__ == "__main__":
    harness.main()
