/*
 * Revocation lists: what is one, and whose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/backend.h"
#include "core/crl.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/forged.h"

/* A list by an issuer (a DER name), signed by nobody: what the core reads and no more. */
struct list {
	uint8_t bytes[512];
	size_t size;
};

static void put(struct list *list, const void *data, size_t n)
{
	memcpy(list->bytes + list->size, data, n);
	list->size += n;
}

static void put_header(struct list *list, uint8_t tag, size_t n)
{
	const uint8_t header[] = {tag, 0x81, (uint8_t)n};

	assert_true(n >= 0x80 && n <= 0xff);
	put(list, header, sizeof(header));
}

static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t version_2[] = {0x02, 0x01, 0x01};
static const uint8_t this_update[] = {0x17, 0x0d, '2', '6', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z'};
/* An extension that is only there to make lengths take two octets. */
static const uint8_t filler[128] = {0xa0, 0x7e, 0x04, 0x7c};
static const uint8_t signature[] = {0x03, 0x02, 0x00, 0x01};

static struct list write_list(struct unitls_bytes issuer)
{
	struct list list = {.size = 0};
	size_t inner = sizeof(version_2) + sizeof(algorithm) + issuer.size + sizeof(this_update) + sizeof(filler);

	put_header(&list, 0x30, 3 + inner + sizeof(algorithm) + sizeof(signature));
	put_header(&list, 0x30, inner);
	put(&list, version_2, sizeof(version_2));
	put(&list, algorithm, sizeof(algorithm));
	put(&list, issuer.data, issuer.size);
	put(&list, this_update, sizeof(this_update));
	put(&list, filler, sizeof(filler));
	put(&list, algorithm, sizeof(algorithm));
	put(&list, signature, sizeof(signature));
	return list;
}

static const uint8_t name[] = {
	0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x02, 'C', 'A'};

static void refuse(const void *data, size_t size, const char *reason)
{
	struct unitls_crl_list *list = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	assert_int_equal(unitls_crl_list_from_mem(data, size, &list, &error), UNITLS_ERROR);
	assert_null(list);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "crls");
	if (!strstr(error.text, reason))
		fail_msg("\"%s\" does not say \"%s\"", error.text, reason);
}

static void test_a_list_in_der(void **state)
{
	struct list written = write_list((struct unitls_bytes){name, sizeof(name)});
	struct unitls_crl_list *list = NULL;
	struct unitls_crl crl;

	(void)state;
	assert_null(unitls_crl_parse((struct unitls_bytes){written.bytes, written.size}, &crl));
	assert_int_equal(crl.issuer.size, sizeof(name));
	assert_memory_equal(crl.issuer.data, name, sizeof(name));
	assert_int_equal(unitls_crl_list_from_mem(written.bytes, written.size, &list, NULL), 0);
	assert_int_equal(unitls_crl_list_count(list), 1);
	assert_int_equal(unitls_crl_list_at(list, 0).size, written.size);
	assert_null(unitls_crl_list_at(list, 1).data);
	unitls_crl_list_unref(unitls_crl_list_ref(list));
	unitls_crl_list_unref(list);
	unitls_crl_list_unref(NULL);
}

static void test_every_truncation_and_every_changed_byte(void **state)
{
	struct list written = write_list((struct unitls_bytes){name, sizeof(name)});

	(void)state;
	for (size_t size = 0; size < written.size; size++)
		refuse(written.bytes, size, "");
	for (size_t i = 0; i < written.size; i++) {
		struct unitls_crl crl;

		/* Whatever it says, it reads no byte outside (ASan's build sees that). */
		written.bytes[i] ^= 0x81;
		(void)unitls_crl_parse((struct unitls_bytes){written.bytes, written.size}, &crl);
		written.bytes[i] ^= 0x81;
	}
}

static void test_what_is_no_list(void **state)
{
	static const char bad[] = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
	static const char none[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
	static const char open[] = "-----BEGIN X509 CRL-----\nMAA=\n";

	(void)state;
	refuse("", 0, "malformed");
	refuse("junk", 4, "malformed");
	refuse(bad, sizeof(bad) - 1, "line 1: the revocation list is malformed");
	refuse(none, sizeof(none) - 1, "no revocation list");
	refuse(open, sizeof(open) - 1, "");
}

static void test_files_that_are_not_there(void **state)
{
	struct unitls_crl_list *list = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_crl_list_from_file("/nonexistent/list.crl", &list, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(error.field, "crls");
	assert_non_null(strstr(error.text, "/nonexistent/list.crl"));
}

static void test_whom_a_list_covers(void **state)
{
	static const char *const names[] = {"a.example"};
	struct unitls_certificate *certificate = forged_certificate(UNITLS_KEY_ED25519, 256, 1, names, 1);
	struct list of_issuer = write_list(unitls_certificate_issuer(certificate));
	struct list of_another = write_list((struct unitls_bytes){name, sizeof(name)});
	struct unitls_bytes lists[] = {{of_another.bytes, of_another.size}, {(const uint8_t *)"junk", 4},
		{of_issuer.bytes, of_issuer.size}};
	struct unitls_bytes der = unitls_certificate_der(certificate);

	(void)state;
	assert_true(unitls_backend_crls_cover(lists, 3, der));
	assert_false(unitls_backend_crls_cover(lists, 2, der));
	assert_false(unitls_backend_crls_cover(NULL, 0, der));
	assert_false(unitls_backend_crls_cover(lists, 3, (struct unitls_bytes){(const uint8_t *)"junk", 4}));
	unitls_certificate_unref(certificate);
}

static void test_without_memory(void **state)
{
	struct list written = write_list((struct unitls_bytes){name, sizeof(name)});
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct unitls_crl_list *list = NULL;
		struct unitls_error error = UNITLS_ERROR_INIT;
		int status;

		alloc_fail_start(n);
		status = unitls_crl_list_from_mem(written.bytes, written.size, &list, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		unitls_crl_list_unref(list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_in_der),
		cmocka_unit_test(test_every_truncation_and_every_changed_byte),
		cmocka_unit_test(test_what_is_no_list),
		cmocka_unit_test(test_files_that_are_not_there),
		cmocka_unit_test(test_whom_a_list_covers),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
