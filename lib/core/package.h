/*
 * Which Debian package brings a TLS library.
 */
#ifndef UNITLS_CORE_PACKAGE_H
#define UNITLS_CORE_PACKAGE_H

/* Of the shared library that the dynamic linker's message begins with ("libgnutls.so.30: cannot open ..."); NULL: not known. */
const char *unitls_package_of_library(const char *message);
/* Of what a build needs for a backend's module; NULL: not known. */
const char *unitls_package_of_backend(const char *name);

#endif
