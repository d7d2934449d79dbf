/*
 * SHA-256 and HKDF over nettle. Pure; leaves no secret on the stack.
 */
#include "core/digest.h"

#include <string.h>

#include <nettle/hkdf.h>
#include <nettle/hmac.h>

void unitls_digest_init(struct unitls_digest *digest)
{
	sha256_init(&digest->context);
}

void unitls_digest_update(struct unitls_digest *digest, const void *data, size_t size)
{
	if (size > 0)
		sha256_update(&digest->context, size, data);
}

void unitls_digest_update_u32(struct unitls_digest *digest, uint32_t number)
{
	uint8_t octets[4];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(number >> (24 - 8 * i));
	unitls_digest_update(digest, octets, sizeof(octets));
}

void unitls_digest_update_u64(struct unitls_digest *digest, uint64_t number)
{
	unitls_digest_update_u32(digest, (uint32_t)(number >> 32));
	unitls_digest_update_u32(digest, (uint32_t)number);
}

void unitls_digest_update_bytes(struct unitls_digest *digest, struct unitls_bytes bytes)
{
	unitls_digest_update_u64(digest, bytes.size);
	unitls_digest_update(digest, bytes.data, bytes.size);
}

void unitls_digest_final(struct unitls_digest *digest, uint8_t ret_digest[UNITLS_SHA256_SIZE])
{
	sha256_digest(&digest->context, UNITLS_SHA256_SIZE, ret_digest);
	explicit_bzero(digest, sizeof(*digest));
}

void unitls_sha256(const void *data, size_t size, uint8_t ret_digest[UNITLS_SHA256_SIZE])
{
	struct unitls_digest digest;

	unitls_digest_init(&digest);
	unitls_digest_update(&digest, data, size);
	unitls_digest_final(&digest, ret_digest);
}

static void add_to_hmac(void *context, size_t size, const uint8_t *data)
{
	hmac_sha256_update(context, size, data);
}

static void finish_hmac(void *context, size_t size, uint8_t *digest)
{
	hmac_sha256_digest(context, size, digest);
}

bool unitls_hkdf(struct unitls_bytes secret, struct unitls_bytes salt, struct unitls_bytes info, uint8_t *ret_key,
	size_t size)
{
	/* RFC 5869, 2.2: no salt is a string of zeros; for HMAC that is the same as the empty key. */
	static const uint8_t nothing[1] = {0};
	struct hmac_sha256_ctx context;
	uint8_t pseudorandom_key[SHA256_DIGEST_SIZE];

	if (size > 255 * (size_t)SHA256_DIGEST_SIZE)
		return false;
	hmac_sha256_set_key(&context, salt.size, salt.size > 0 ? salt.data : nothing);
	hkdf_extract(&context, add_to_hmac, finish_hmac, sizeof(pseudorandom_key), secret.size,
		secret.size > 0 ? secret.data : nothing, pseudorandom_key);
	hmac_sha256_set_key(&context, sizeof(pseudorandom_key), pseudorandom_key);
	if (size > 0)
		hkdf_expand(&context, add_to_hmac, finish_hmac, sizeof(pseudorandom_key), info.size,
			info.size > 0 ? info.data : nothing, size, ret_key);
	explicit_bzero(&context, sizeof(context));
	explicit_bzero(pseudorandom_key, sizeof(pseudorandom_key));
	return true;
}
