/*
 * SHA-256 and HKDF (RFC 5869) over it, thin over nettle.
 */
#ifndef UNITLS_CORE_DIGEST_H
#define UNITLS_CORE_DIGEST_H

#include <nettle/sha2.h>

#include <unitls/common.h>

#define UNITLS_SHA256_SIZE 32

_Static_assert(UNITLS_SHA256_SIZE == SHA256_DIGEST_SIZE, "size of a SHA-256 digest");

/* An unfinished digest: plain data, copy freely. */
struct unitls_digest {
	struct sha256_ctx context;
};

void unitls_digest_init(struct unitls_digest *digest);
/* Adds bytes as they are; data may be NULL when size is 0. */
void unitls_digest_update(struct unitls_digest *digest, const void *data, size_t size);
/* Add a number, big-endian. */
void unitls_digest_update_u32(struct unitls_digest *digest, uint32_t number);
void unitls_digest_update_u64(struct unitls_digest *digest, uint64_t number);
/* Adds the size (as a u64) and then the bytes, so that a sequence of them has one reading only. */
void unitls_digest_update_bytes(struct unitls_digest *digest, struct unitls_bytes bytes);
/* Writes the digest and wipes the state; init starts another. */
void unitls_digest_final(struct unitls_digest *digest, uint8_t ret_digest[UNITLS_SHA256_SIZE]);

/* All at once. */
void unitls_sha256(const void *data, size_t size, uint8_t ret_digest[UNITLS_SHA256_SIZE]);

/* HKDF with SHA-256: size octets, at most 255 * UNITLS_SHA256_SIZE (false otherwise). salt and info may be empty. */
bool unitls_hkdf(struct unitls_bytes secret, struct unitls_bytes salt, struct unitls_bytes info, uint8_t *ret_key,
	size_t size);

#endif
