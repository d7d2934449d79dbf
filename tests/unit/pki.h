/*
 * Keys and certificates for unit tests, made by the openssl command in a temporary folder. Every function fails the test when it cannot.
 */
#ifndef UNITLS_TESTS_PKI_H
#define UNITLS_TESTS_PKI_H

#include <stddef.h>
#include <stdint.h>

/* cmocka group fixtures: make the folder, and remove it with all that is in it. */
int pki_setup(void **state);
int pki_teardown(void **state);

/* Runs openssl in the folder; the arguments are separated by single blanks (none can hold a blank). */
void pki_openssl(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * Makes NAME.key and NAME.pem: a key (algorithm: "RSA:2048", "RSA-PSS:2048", "EC:P-256", "ED25519", ...) and a certificate for the subject /CN=NAME that
 * issuer signed (NULL: itself). extensions: lines of openssl.cnf, such as "subjectAltName=DNS:a.example\n"; NULL = none.
 */
void pki_certificate(const char *name, const char *algorithm, const char *issuer, const char *extensions);
/*
 * Signs NAME.csr with issuer's key, with the section [ext] of a file of extensions, into a certificate that has expired. (openssl x509 takes no negative days
 * since 3.5, and no dates before 3.4.)
 */
void pki_expired(const char *name, const char *issuer, const char *extensions_file, const char *file);
/* Makes NAME.key only. */
void pki_key(const char *name, const char *algorithm);

/* The path of a file in the folder; a buffer of the caller's, freed by him. */
char *pki_path(const char *file);
/* The bytes of a file, with a NUL behind them; freed by the caller. */
char *pki_read(const char *file, size_t *ret_size);
void pki_write(const char *file, const void *data, size_t size);
/* Writes the named files one after the other into one; NULL ends them. */
void pki_join(const char *file, ...) __attribute__((sentinel));

#endif
