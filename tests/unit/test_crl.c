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
#include "tests/unit/der_writer.h"
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
static const uint8_t filler[128] = {0xa0, 0x7e, 0x30, 0x7c, 0x30, 0x7a, 0x06, 0x03, 0x55, 0x1d, 0x14, 0x04, 0x73};
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

/* An extension of a list or an entry; critical: the content of its BOOLEAN, or empty for none. */
struct extension {
	struct unitls_bytes oid;
	struct unitls_bytes critical;
	struct unitls_bytes value;
};

#define CRL_NUMBER         BYTES_INIT("\x55\x1d\x14")
#define DELTA              BYTES_INIT("\x55\x1d\x1b")
#define DISTRIBUTION_POINT BYTES_INIT("\x55\x1d\x1c")
#define REASON             BYTES_INIT("\x55\x1d\x15")
#define CERTIFICATE_ISSUER BYTES_INIT("\x55\x1d\x1d")
#define ONE                BYTES_INIT("\x02\x01\x01")
#define NOT                BYTES_INIT("")
#define FALSE              BYTES_INIT("\x00")
#define TRUE               BYTES_INIT("\xff")

static void write_extensions(struct der_writer *writer, const struct extension *extension)
{
	static const struct extension number = {CRL_NUMBER, NOT, ONE};
	const struct extension *all[] = {&number, extension};

	der_open(writer, 0x30);
	for (size_t i = 0; i < 2 && all[i]; i++) {
		der_open(writer, 0x30);
		der_value(writer, 0x06, all[i]->oid);
		if (all[i]->critical.size > 0)
			der_value(writer, 0x01, all[i]->critical);
		der_value(writer, 0x04, all[i]->value);
		der_close(writer);
	}
	der_close(writer);
}

/* A list with two entries, the first without extensions; of_entry, of_list: beside an ordinary one, or NULL. */
static void write_entries(
	struct der_writer *writer, const struct extension *of_entry, const struct extension *of_list)
{
	static const struct unitls_bytes time = {this_update + 2, sizeof(this_update) - 2};

	der_writer_init(writer);
	der_open(writer, 0x30);
	der_open(writer, 0x30);
	der_raw(writer, (struct unitls_bytes){version_2, sizeof(version_2)});
	der_raw(writer, (struct unitls_bytes){algorithm, sizeof(algorithm)});
	der_raw(writer, (struct unitls_bytes){name, sizeof(name)});
	der_value(writer, 0x17, time);
	der_value(writer, 0x18, BYTES("20990101000000Z")); /* nextUpdate */
	der_open(writer, 0x30);
	for (int i = 0; i < 2; i++) {
		der_open(writer, 0x30);
		der_value(writer, 0x02, BYTES("\x07"));
		der_value(writer, 0x17, time);
		if (i == 1)
			write_extensions(writer, of_entry);
		der_close(writer);
	}
	der_close(writer);
	der_open(writer, 0xa0);
	write_extensions(writer, of_list);
	der_close(writer);
	der_close(writer);
	der_raw(writer, (struct unitls_bytes){algorithm, sizeof(algorithm)});
	der_raw(writer, (struct unitls_bytes){signature, sizeof(signature)});
	der_close(writer);
}

static void refuse_extension(const struct extension *of_entry, const struct extension *of_list, const char *reason)
{
	struct der_writer writer;

	write_entries(&writer, of_entry, of_list);
	refuse(writer.data, writer.size, reason);
	der_writer_fini(&writer);
}

/* RFC 5280, 5.2: not one of them is a full list of its issuer. */
static void test_a_list_with_a_critical_extension_is_refused(void **state)
{
	static const struct extension delta = {DELTA, TRUE, ONE};
	static const struct extension point = {DISTRIBUTION_POINT, TRUE, BYTES_INIT("\x30\x00")};
	static const struct extension number = {CRL_NUMBER, TRUE, ONE};
	static const struct extension unheard_of = {BYTES_INIT("\x88\x37\x03"), TRUE, ONE};
	static const struct extension endless = {
		BYTES_INIT("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), TRUE, ONE};

	(void)state;
	refuse_extension(
		NULL, &delta, "the revocation list has a critical extension that is not supported (2.5.29.27)");
	refuse_extension(NULL, &point, "critical extension that is not supported (2.5.29.28)");
	refuse_extension(NULL, &number, "critical extension that is not supported (2.5.29.20)");
	refuse_extension(NULL, &unheard_of, "critical extension that is not supported (2.999.3)");
	refuse_extension(NULL, &endless, "critical extension that is not supported");
}

/* RFC 5280, 5.3: of an indirect list, for one. */
static void test_a_list_with_a_critical_extension_of_an_entry_is_refused(void **state)
{
	static const struct extension issuer = {CERTIFICATE_ISSUER, TRUE, BYTES_INIT("\x30\x00")};

	(void)state;
	refuse_extension(&issuer, NULL,
		"the revocation list has an entry with a critical extension that is not supported (2.5.29.29)");
}

static void test_extensions_that_are_not_critical_do_not_matter(void **state)
{
	static const struct extension reason = {REASON, NOT, BYTES_INIT("\x0a\x01\x01")};
	static const struct extension delta = {DELTA, FALSE, ONE};
	struct unitls_crl_list *list = NULL;
	struct der_writer writer;

	(void)state;
	write_entries(&writer, &reason, &delta);
	assert_int_equal(unitls_crl_list_from_mem(writer.data, writer.size, &list, NULL), 0);
	unitls_crl_list_unref(list);
	for (size_t size = 0; size < writer.size; size++)
		refuse(writer.data, size, "malformed");
	for (size_t i = 0; i < writer.size; i++) {
		struct unitls_crl crl;

		writer.data[i] ^= 0x81;
		(void)unitls_crl_parse(der_bytes(&writer), &crl);
		writer.data[i] ^= 0x81;
	}
	der_writer_fini(&writer);
}

static void test_what_is_no_boolean_is_malformed(void **state)
{
	static const struct extension odd = {DELTA, BYTES_INIT("\x01"), ONE};

	(void)state;
	refuse_extension(&odd, NULL, "the revocation list is malformed");
	refuse_extension(NULL, &odd, "the revocation list is malformed");
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
		cmocka_unit_test(test_a_list_with_a_critical_extension_is_refused),
		cmocka_unit_test(test_a_list_with_a_critical_extension_of_an_entry_is_refused),
		cmocka_unit_test(test_extensions_that_are_not_critical_do_not_matter),
		cmocka_unit_test(test_what_is_no_boolean_is_malformed),
		cmocka_unit_test(test_what_is_no_list),
		cmocka_unit_test(test_files_that_are_not_there),
		cmocka_unit_test(test_whom_a_list_covers),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
