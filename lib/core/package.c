/*
 * Which Debian package brings a TLS library: names of Debian 12 and 13.
 */
#include "core/package.h"

#include <stddef.h>
#include <string.h>

#define TABLE_SIZE(table) (sizeof(table) / sizeof((table)[0]))

const char *unitls_package_of_library(const char *message)
{
	static const struct {
		const char *library;
		const char *package;
	} packages[] = {
		{"libssl.so.3", "libssl3 or libssl3t64"},
		{"libcrypto.so.3", "libssl3 or libssl3t64"},
		{"libssl.so.0", "android-libboringssl"},
		{"libcrypto.so.0", "android-libboringssl"},
		{"libmbedtls.so.14", "libmbedtls14"},
		{"libmbedx509.so.1", "libmbedx509-1"},
		{"libmbedcrypto.so.7", "libmbedcrypto7"},
		{"libmbedtls.so.21", "libmbedtls21"},
		{"libmbedx509.so.7", "libmbedx509-7"},
		{"libmbedcrypto.so.16", "libmbedcrypto16"},
		{"libgnutls.so.30", "libgnutls30 or libgnutls30t64"},
		{"libwolfssl.so.35", "libwolfssl35"},
		{"libwolfssl.so.42", "libwolfssl42t64"},
		{"libbearssl.so.0", "libbearssl0"},
	};
	size_t n = strcspn(message, ":");

	for (size_t i = 0; i < TABLE_SIZE(packages); i++)
		if (strlen(packages[i].library) == n && memcmp(packages[i].library, message, n) == 0)
			return packages[i].package;
	return NULL;
}

const char *unitls_package_of_backend(const char *name)
{
	static const struct {
		const char *backend;
		const char *package;
	} packages[] = {
		{"openssl", "libssl-dev"},
		{"boringssl", "android-libboringssl-dev"},
		{"mbedtls", "libmbedtls-dev"},
		{"gnutls", "libgnutls28-dev"},
		{"wolfssl", "libwolfssl-dev"},
		{"bearssl", "libbearssl-dev"},
	};

	for (size_t i = 0; i < TABLE_SIZE(packages); i++)
		if (strcmp(packages[i].backend, name) == 0)
			return packages[i].package;
	return NULL;
}
