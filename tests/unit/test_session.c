/*
 * The bytes of sessions: what is one, and everything else. What is done with sessions is the contract suite's business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/digest.h"
#include "core/session.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/forged.h"

static uint8_t bytes[8192];
static size_t size;

static void put(const void *data, size_t n)
{
	memcpy(bytes + size, data, n);
	size += n;
}

static void put_number(uint64_t number, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		bytes[size++] = (uint8_t)(number >> (8 * (octets - 1 - i)));
}

/* The digest of what was put so far ends it. */
static void seal(void)
{
	uint8_t digest[UNITLS_SHA256_SIZE];

	unitls_sha256(bytes, size, digest);
	put(digest, sizeof(digest));
}

/* A session with n equal certificates. */
static void write_session(uint8_t format, int64_t expires, uint8_t n, const char *native)
{
	struct unitls_certificate *certificate = forged_certificate(UNITLS_KEY_ED25519, 256, 1, NULL, 0);
	struct unitls_bytes der = unitls_certificate_der(certificate);
	uint8_t scope[UNITLS_DIGEST_SIZE] = {1, 2, 3};

	size = 0;
	put("unitls session", 14);
	put_number(format, 1);
	put(scope, sizeof(scope));
	put_number((uint64_t)expires, 8);
	put_number(n, 1);
	for (uint8_t i = 0; i < n; i++) {
		put_number(der.size, 3);
		put(der.data, der.size);
	}
	put_number(strlen(native), 3);
	put(native, strlen(native));
	seal();
	unitls_certificate_unref(certificate);
}

static int read_session(struct unitls_session **ret_session, struct unitls_error *error)
{
	return unitls_session_from_bytes(bytes, size, ret_session, error);
}

static void refuse(const char *reason)
{
	struct unitls_session *session = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	assert_int_equal(read_session(&session, &error), UNITLS_ERROR);
	assert_null(session);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "session");
	assert_non_null(strstr(error.text, reason));
}

static void test_what_is_a_session(void **state)
{
	struct unitls_session *session = NULL;

	(void)state;
	write_session(1, 1234567890123, 2, "native");
	assert_int_equal(read_session(&session, NULL), 0);
	assert_int_equal(unitls_session_expires(session), 1234567890123);
	assert_non_null(unitls_session_peer_certificate(session, 0));
	assert_non_null(unitls_session_peer_certificate(session, 1));
	assert_null(unitls_session_peer_certificate(session, 2));
	assert_int_equal(unitls_session_bytes(session).size, size);
	assert_memory_equal(unitls_session_bytes(session).data, bytes, size);
	unitls_session_unref(unitls_session_ref(session));
	unitls_session_unref(session);
	unitls_session_unref(NULL);
	write_session(1, -5, 0, "x");
	assert_int_equal(read_session(&session, NULL), 0);
	assert_int_equal(unitls_session_expires(session), -5);
	unitls_session_unref(session);
}

static void test_what_is_none(void **state)
{
	(void)state;
	size = 0;
	refuse("no session");
	write_session(2, 0, 0, "native");
	refuse("another version");
	write_session(1, 0, 33, "native");
	refuse("malformed");
	write_session(1, 0, 1, "");
	refuse("malformed");
	write_session(1, 0, 1, "native");
	size -= UNITLS_SHA256_SIZE;
	bytes[size++] = 0;
	seal();
	refuse("malformed");
	write_session(1, 0, 1, "native");
	bytes[size++] = 0;
	refuse("damaged");
	write_session(1, 0, 1, "native");
	bytes[0] ^= 1;
	refuse("no session");
	write_session(1, 0, 1, "native");
	bytes[14 + 1 + 32 + 8 + 1 + 3] ^= 0x10; /* the certificate is no SEQUENCE */
	refuse("damaged");
	size -= UNITLS_SHA256_SIZE;
	seal();
	refuse("malformed");
}

static void test_every_truncation(void **state)
{
	size_t whole;

	(void)state;
	write_session(1, 0, 2, "native");
	whole = size;
	for (size = 0; size < whole; size++)
		refuse("");
}

static void test_without_memory(void **state)
{
	bool failed = true;

	(void)state;
	write_session(1, 0, 3, "native");
	for (size_t n = 0; failed; n++) {
		struct unitls_session *session = NULL;
		struct unitls_error error = UNITLS_ERROR_INIT;
		int status;

		alloc_fail_start(n);
		status = read_session(&session, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		unitls_session_unref(session);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_a_session),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
