/*
 * SHA-256 and HKDF against published vectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/digest.h"

static struct unitls_bytes bytes_of(const char *text)
{
	return (struct unitls_bytes){(const uint8_t *)text, strlen(text)};
}

static void sha256_of_abc(void **state)
{
	/* FIPS 180-2, B.1 */
	static const uint8_t expected[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff,
		0x61, 0xf2, 0x00, 0x15, 0xad};
	uint8_t found[32];
	struct unitls_digest digest;

	(void)state;
	unitls_sha256("abc", 3, found);
	assert_memory_equal(found, expected, 32);
	unitls_digest_init(&digest);
	unitls_digest_update(&digest, "ab", 2);
	unitls_digest_update(&digest, NULL, 0);
	unitls_digest_update(&digest, "c", 1);
	unitls_digest_final(&digest, found);
	assert_memory_equal(found, expected, 32);
}

static void numbers_and_bytes_have_one_encoding(void **state)
{
	static const uint8_t plain[] = {0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 'h', 'i'};
	uint8_t expected[32];
	uint8_t found[32];
	struct unitls_digest digest;

	(void)state;
	unitls_sha256(plain, sizeof(plain), expected);
	unitls_digest_init(&digest);
	unitls_digest_update_u32(&digest, 0x0102);
	unitls_digest_update_u64(&digest, 3);
	unitls_digest_update_bytes(&digest, bytes_of("hi"));
	unitls_digest_final(&digest, found);
	assert_memory_equal(found, expected, 32);
}

static void the_state_is_wiped_in_the_end(void **state)
{
	static const struct unitls_digest zeros;
	struct unitls_digest digest;
	uint8_t found[32];

	(void)state;
	unitls_digest_init(&digest);
	unitls_digest_update(&digest, "secret", 6);
	unitls_digest_final(&digest, found);
	assert_memory_equal(&digest, &zeros, sizeof(digest));
}

static void hkdf_of_rfc_5869(void **state)
{
	/* RFC 5869, A.1 and A.3 */
	static const uint8_t okm_1[42] = {0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64,
		0xd0, 0x36, 0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56,
		0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65};
	static const uint8_t okm_3[42] = {0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80, 0x2a,
		0x06, 0x3c, 0x5a, 0x31, 0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1, 0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f,
		0x3c, 0x73, 0x8d, 0x2d, 0x9d, 0x20, 0x13, 0x95, 0xfa, 0xa4, 0xb6, 0x1a, 0x96, 0xc8};
	static const uint8_t salt[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	static const uint8_t info[] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9};
	uint8_t secret[22];
	uint8_t found[42];
	struct unitls_bytes nothing = {NULL, 0};

	(void)state;
	memset(secret, 0x0b, sizeof(secret));
	assert_true(unitls_hkdf((struct unitls_bytes){secret, sizeof(secret)},
		(struct unitls_bytes){salt, sizeof(salt)}, (struct unitls_bytes){info, sizeof(info)}, found, 42));
	assert_memory_equal(found, okm_1, 42);
	assert_true(unitls_hkdf((struct unitls_bytes){secret, sizeof(secret)}, nothing, nothing, found, 42));
	assert_memory_equal(found, okm_3, 42);
}

static void hkdf_is_bounded(void **state)
{
	static uint8_t key[255 * 32 + 1];
	struct unitls_bytes nothing = {NULL, 0};

	(void)state;
	assert_true(unitls_hkdf(nothing, nothing, nothing, key, 255 * 32));
	assert_true(unitls_hkdf(nothing, nothing, nothing, key, 0));
	assert_false(unitls_hkdf(nothing, nothing, nothing, key, sizeof(key)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_of_abc),
		cmocka_unit_test(numbers_and_bytes_have_one_encoding),
		cmocka_unit_test(the_state_is_wiped_in_the_end),
		cmocka_unit_test(hkdf_of_rfc_5869),
		cmocka_unit_test(hkdf_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
