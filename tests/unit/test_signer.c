/*
 * External keys and the requests that their signers answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/private_key.h"
#include "core/signer.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/forged.h"

enum answer {
	ANSWER_NOW,
	ANSWER_NEVER,
	ANSWER_FAILURE,
	ANSWER_NOTHING, /* a signature of no bytes */
	ANSWER_TOO_MUCH,
};

static enum answer answer;
static struct unitls_sign_request *kept;
static int released;

static void on_sign(void *argument, struct unitls_sign_request *request)
{
	static const uint8_t much[UNITLS_SIGNATURE_MAX + 1];
	struct unitls_bytes input = unitls_sign_request_input(request);

	assert_ptr_equal(argument, &released);
	assert_int_equal(unitls_sign_request_scheme(request), UNITLS_SIGNATURE_ed25519);
	assert_int_equal(input.size, 5);
	assert_memory_equal(input.data, "input", 5);
	switch (answer) {
	case ANSWER_NOW:
		unitls_sign_request_finish(request, "signature", 9);
		return;
	case ANSWER_NEVER:
		kept = request;
		return;
	case ANSWER_FAILURE:
		unitls_sign_request_fail(request);
		return;
	case ANSWER_NOTHING:
		unitls_sign_request_finish(request, "", 0);
		return;
	case ANSWER_TOO_MUCH:
		unitls_sign_request_finish(request, much, sizeof(much));
		return;
	}
}

static void on_release(void *argument)
{
	assert_ptr_equal(argument, &released);
	released++;
}

static struct unitls_private_key *make_key(bool deferred)
{
	const struct unitls_signer signer = {.sign = on_sign, .release = on_release, .deferred = deferred};
	struct unitls_certificate *certificate = forged_certificate(UNITLS_KEY_ED25519, 256, 1, NULL, 0);
	struct unitls_private_key *key = NULL;

	assert_int_equal(
		unitls_private_key_external(&signer, &released, unitls_certificate_spki(certificate), &key, NULL),
		0);
	assert_int_equal(unitls_private_key_matches(key, certificate), UNITLS_KEY_MATCH_YES);
	unitls_certificate_unref(certificate);
	return key;
}

static int ask(
	const struct unitls_private_key *key, struct unitls_sign_request **ret_request, struct unitls_error *error)
{
	static const struct unitls_bytes input = {(const uint8_t *)"input", 5};

	return unitls_signature_start(
		unitls_private_key_external_part(key), UNITLS_SIGNATURE_ed25519, input, ret_request, error);
}

static void test_an_external_key_is_what_its_public_half_says(void **state)
{
	struct unitls_private_key *key = make_key(false);
	const struct unitls_external_key *external = unitls_private_key_external_part(key);
	struct unitls_certificate *other = forged_certificate(UNITLS_KEY_ED25519, 256, 2, NULL, 0);
	enum unitls_key_format format;
	struct unitls_bytes bytes;
	const char *password;

	(void)state;
	released = 0;
	assert_int_equal(unitls_private_key_type(key), UNITLS_KEY_ED25519);
	assert_int_equal(unitls_external_key_type(external), UNITLS_KEY_ED25519);
	assert_true(unitls_external_key_spki(external).size > 0);
	unitls_private_key_material(key, &format, &bytes, &password);
	assert_int_equal(format, UNITLS_KEY_FORMAT_EXTERNAL);
	assert_null(password);
	unitls_private_key_unref(unitls_private_key_ref(key));
	assert_int_equal(released, 0);
	unitls_private_key_unref(key);
	assert_int_equal(released, 1);
	unitls_certificate_unref(other);
}

static void test_what_is_no_external_key(void **state)
{
	const struct unitls_signer signer = {.sign = on_sign, .release = on_release};
	const struct unitls_signer without_sign = {.release = on_release};
	struct unitls_private_key *key = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	released = 0;
	assert_int_equal(unitls_private_key_external(&signer, &released,
				 (struct unitls_bytes){(const uint8_t *)"junk", 4}, &key, &error),
		UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "key");
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(
		unitls_private_key_external(&without_sign, NULL, (struct unitls_bytes){NULL, 0}, &key, &error),
		UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	assert_int_equal(released, 0); /* the argument stays the caller's */
	assert_null(key);
}

static void test_a_signature_at_once(void **state)
{
	struct unitls_private_key *key = make_key(false);
	struct unitls_sign_request *request = NULL;
	struct unitls_bytes signature;

	(void)state;
	answer = ANSWER_NOW;
	assert_int_equal(ask(key, &request, NULL), 0);
	assert_int_equal(unitls_signature_take(request, &signature, NULL), 0);
	assert_int_equal(signature.size, 9);
	assert_memory_equal(signature.data, "signature", 9);
	unitls_signature_release(request);
	unitls_signature_release(NULL);
	unitls_private_key_unref(key);
}

static void test_a_signature_later(void **state)
{
	struct unitls_private_key *key = make_key(true);
	struct unitls_sign_request *request = NULL;
	struct unitls_bytes signature;

	(void)state;
	answer = ANSWER_NEVER;
	assert_int_equal(ask(key, &request, NULL), 0);
	assert_int_equal(unitls_signature_take(request, &signature, NULL), UNITLS_WANT_APP);
	assert_int_equal(unitls_signature_take(request, &signature, NULL), UNITLS_WANT_APP);
	unitls_sign_request_finish(kept, "late", 4);
	assert_int_equal(unitls_signature_take(request, &signature, NULL), 0);
	assert_memory_equal(signature.data, "late", 4);
	unitls_signature_release(request);
	unitls_private_key_unref(key);
}

static void test_an_answer_that_nobody_waits_for_any_more(void **state)
{
	struct unitls_private_key *key = make_key(true);
	struct unitls_sign_request *request = NULL;

	(void)state;
	answer = ANSWER_NEVER;
	assert_int_equal(ask(key, &request, NULL), 0);
	unitls_signature_release(request);
	unitls_sign_request_finish(kept, "late", 4);
	assert_int_equal(ask(key, &request, NULL), 0);
	unitls_signature_release(request);
	unitls_sign_request_fail(kept);
	unitls_private_key_unref(key);
}

static void test_signers_that_fail(void **state)
{
	static const enum answer answers[] = {ANSWER_FAILURE, ANSWER_NOTHING, ANSWER_TOO_MUCH};
	struct unitls_private_key *key = make_key(false);
	struct unitls_sign_request *request = NULL;
	struct unitls_bytes signature;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;

		answer = answers[i];
		assert_int_equal(ask(key, &request, NULL), 0);
		assert_int_equal(unitls_signature_take(request, &signature, &error), UNITLS_ERROR);
		assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_INTERNAL);
		assert_int_equal(error.alert, UNITLS_ALERT_INTERNAL_ERROR);
		unitls_signature_release(request);
	}
	unitls_private_key_unref(key);
}

static void test_a_signer_that_promised_to_answer_at_once(void **state)
{
	struct unitls_private_key *key = make_key(false);
	struct unitls_sign_request *request = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	answer = ANSWER_NEVER;
	assert_int_equal(ask(key, &request, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_INTERNAL);
	unitls_sign_request_finish(kept, "late", 4); /* still its own to let go of */
	unitls_private_key_unref(key);
}

static void test_without_memory(void **state)
{
	struct unitls_private_key *key = make_key(false);
	struct unitls_sign_request *request = NULL;
	struct unitls_bytes signature;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	answer = ANSWER_NOW;
	alloc_fail_start(0);
	assert_int_equal(ask(key, &request, &error), UNITLS_ERROR);
	assert_true(alloc_fail_stop());
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_MEMORY);
	/* Without memory for the signature it counts as a failure. */
	alloc_fail_start(1);
	assert_int_equal(ask(key, &request, NULL), 0);
	assert_true(alloc_fail_stop());
	assert_int_equal(unitls_signature_take(request, &signature, NULL), UNITLS_ERROR);
	unitls_signature_release(request);
	unitls_private_key_unref(key);
}

static void test_keys_in_tokens(void **state)
{
	struct unitls_private_key *key = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *certificate = forged_certificate(UNITLS_KEY_ED25519, 256, 1, NULL, 0);
	char text[UNITLS_KEY_URI_MAX + 2];
	enum unitls_key_format format;
	struct unitls_bytes bytes;
	const char *pin;

	(void)state;
	assert_int_equal(unitls_private_key_from_id("pkcs11:object=web", "1234", &key, NULL), 0);
	unitls_private_key_material(key, &format, &bytes, &pin);
	assert_int_equal(format, UNITLS_KEY_FORMAT_URI);
	assert_string_equal((const char *)bytes.data, "pkcs11:object=web");
	assert_int_equal(bytes.size, sizeof("pkcs11:object=web"));
	assert_string_equal(pin, "1234");
	assert_int_equal(unitls_private_key_type(key), UNITLS_KEY_UNKNOWN);
	assert_int_equal(unitls_private_key_matches(key, certificate), UNITLS_KEY_MATCH_UNKNOWN);
	unitls_private_key_unref(key);
	assert_int_equal(unitls_private_key_from_id("pkcs11:object=web", NULL, &key, NULL), 0);
	unitls_private_key_material(key, &format, &bytes, &pin);
	assert_null(pin);
	unitls_private_key_unref(key);
	key = NULL;
	assert_int_equal(unitls_private_key_from_id("file:/etc/key", NULL, &key, &error), UNITLS_ERROR);
	assert_string_equal(error.field, "key");
	memset(text, 'x', sizeof(text));
	memcpy(text, "pkcs11:", 7);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(unitls_private_key_from_id(text, NULL, &key, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_private_key_from_id("pkcs11:", text, &key, NULL), UNITLS_ERROR);
	assert_null(key);
	unitls_certificate_unref(certificate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_external_key_is_what_its_public_half_says),
		cmocka_unit_test(test_what_is_no_external_key),
		cmocka_unit_test(test_a_signature_at_once),
		cmocka_unit_test(test_a_signature_later),
		cmocka_unit_test(test_an_answer_that_nobody_waits_for_any_more),
		cmocka_unit_test(test_signers_that_fail),
		cmocka_unit_test(test_a_signer_that_promised_to_answer_at_once),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_keys_in_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
