/*
 * A private key as bytes: PKCS#8, PKCS#1 or SEC1, PEM or DER, encrypted or not. Immutable, reference-counted; wiped when freed.
 */
#ifndef UNITLS_PRIVATE_KEY_H
#define UNITLS_PRIVATE_KEY_H

#include <unitls/certificate.h>
#include <unitls/error.h>

#define UNITLS_PASSWORD_MAX 1023 /* bytes of a key's password */
#define UNITLS_KEY_URI_MAX  4095 /* bytes of a PKCS#11 URI */

struct unitls_private_key;

/*
 * Asked for the password of an encrypted key, once, from within the call that reads it: writes it to password[0, size), NUL-terminated, and
 * returns true; false when there is none. The bytes are wiped afterwards.
 */
typedef bool (*unitls_password_callback)(void *argument, char *password, size_t size);

UNITLS_BEGIN_DECLS

/*
 * Reads the first private key of a PEM text (other blocks are passed over) or a DER key. password: NULL when the key is not
 * encrypted; otherwise up to UNITLS_PASSWORD_MAX bytes, copied and wiped later. An encrypted key is decrypted by the backend when a
 * context is built: a wrong password shows there. UNITLS_ERROR, class CONFIG, field "key": no key, malformed, or encrypted without
 * a password. data: up to UNITLS_FILE_LIMIT_BYTES.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_private_key_from_mem(const void *data, size_t size, const char *password,
	struct unitls_private_key **ret_key, struct unitls_error *error);
/* As unitls_private_key_from_mem, but the password is asked for, and only if the key is encrypted. */
UNITLS_API UNITLS_MUST_CHECK int unitls_private_key_from_mem_asking(const void *data, size_t size,
	unitls_password_callback ask, void *argument, struct unitls_private_key **ret_key,
	struct unitls_error *error);
/* unitls_private_key_from_mem of a file, read at once; class IO when it cannot be read. */
UNITLS_API UNITLS_MUST_CHECK int unitls_private_key_from_file(
	const char *path, const char *password, struct unitls_private_key **ret_key, struct unitls_error *error);
/*
 * A key in a PKCS#11 token, named by its URI ("pkcs11:token=...;object=...", RFC 7512): the backend uses it there, if it has UNITLS_CAP_PKCS11. pin: NULL
 * when the URI or the token needs none; up to UNITLS_PASSWORD_MAX bytes, copied and wiped later. Whether the key is there, and is that of the
 * certificate, shows when a context is built. UNITLS_ERROR, class CONFIG, field "key": no such URI.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_private_key_from_id(
	const char *uri, const char *pin, struct unitls_private_key **ret_key, struct unitls_error *error);
UNITLS_API struct unitls_private_key *unitls_private_key_ref(struct unitls_private_key *key);
/* Drops one reference; NULL is fine. The last one wipes the bytes. */
UNITLS_API void unitls_private_key_unref(struct unitls_private_key *key);

/* The key's type; UNITLS_KEY_UNKNOWN when it is encrypted or in a token. */
UNITLS_API enum unitls_key_type unitls_private_key_type(const struct unitls_private_key *key);

enum unitls_key_match {
	UNITLS_KEY_MATCH_YES, /* the public halves are equal */
	UNITLS_KEY_MATCH_NO,  /* they differ */
	UNITLS_KEY_MATCH_UNKNOWN, /* the key bytes have no readable public half: the backend proves it when a context is built */
};

/* Whether the key belongs to the certificate, by comparing public keys. Pure. */
UNITLS_API enum unitls_key_match unitls_private_key_matches(
	const struct unitls_private_key *key, const struct unitls_certificate *certificate);

UNITLS_END_DECLS

#endif
