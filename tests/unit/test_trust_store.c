/*
 * Trust stores from texts, files and the system's bundle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/certificate_list.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/pki.h"
#include <unitls/trust_store.h>

static int make_material(void **state)
{
	if (pki_setup(state) < 0)
		return -1;
	pki_certificate("a", "EC:P-256", NULL, "basicConstraints=CA:TRUE\n");
	pki_certificate("b", "EC:P-256", NULL, "basicConstraints=CA:TRUE\n");
	pki_certificate("c", "EC:P-256", "a", NULL);
	pki_openssl("x509 -in c.pem -text -trustout -addreject serverAuth -out trusted.pem");
	pki_openssl("x509 -in c.pem -outform DER -out c.der");
	pki_join("all.pem", "b.pem", "a.key", "a.pem", "trusted.pem", "b.pem", NULL);
	return 0;
}

static struct unitls_trust_store *load(const char *file)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store = NULL;
	char *path = pki_path(file);

	if (unitls_trust_store_from_file(path, &store, &error) < 0)
		fail_msg("%s", error.text);
	free(path);
	return store;
}

static char common_name(const struct unitls_trust_store *store, size_t i)
{
	return (char)unitls_certificate_common_name(unitls_trust_store_at(store, i)).data[0];
}

static void all_certificates_of_a_text_are_anchors(void **state)
{
	struct unitls_trust_store *store = load("all.pem");

	(void)state;
	assert_int_equal(unitls_trust_store_count(store), 4);
	assert_int_equal(common_name(store, 0), 'b');
	assert_int_equal(common_name(store, 1), 'a');
	assert_int_equal(common_name(store, 2), 'c');
	assert_int_equal(common_name(store, 3), 'b');
	assert_null(unitls_trust_store_at(store, 4));
	assert_null(unitls_trust_store_at(store, SIZE_MAX));
	unitls_trust_store_unref(store);
}

static void one_der_certificate_is_a_store(void **state)
{
	struct unitls_trust_store *store = load("c.der");

	(void)state;
	assert_int_equal(unitls_trust_store_count(store), 1);
	assert_int_equal(common_name(store, 0), 'c');
	unitls_trust_store_unref(store);
}

static void an_empty_store_has_to_be_asked_for(void **state)
{
	struct unitls_trust_store *store;

	(void)state;
	assert_int_equal(unitls_trust_store_empty(&store, NULL), 0);
	assert_int_equal(unitls_trust_store_count(store), 0);
	assert_null(unitls_trust_store_at(store, 0));
	assert_ptr_equal(unitls_trust_store_ref(store), store);
	unitls_trust_store_unref(store);
	unitls_trust_store_unref(store);
	unitls_trust_store_unref(NULL);
}

static void refused(const void *data, size_t size, const char *text)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store = NULL;

	assert_int_equal(unitls_trust_store_from_mem(data, size, &store, &error), UNITLS_ERROR);
	assert_null(store);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "ca");
	assert_string_equal(error.text, text);
}

static void what_holds_no_certificate_is_refused(void **state)
{
	static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	size_t size;
	char *text;

	(void)state;
	refused("", 0, "the certificate is neither PEM nor DER of a certificate");
	refused(broken, strlen(broken), "line 1: the certificate is neither PEM nor DER of a certificate");
	text = pki_read("a.key", &size);
	refused(text, size, "the PEM text holds no certificate");
	free(text);
	text = pki_read("a.pem", &size);
	refused(text, size - 26, "line 1: BEGIN without END");
	free(text);
}

static void one_broken_certificate_refuses_the_file(void **state)
{
	static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store;
	char *path = pki_path("broken.pem");

	(void)state;
	pki_write("broken", broken, strlen(broken));
	pki_join("broken.pem", "broken", "a.pem", NULL);
	assert_int_equal(unitls_trust_store_from_file(path, &store, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_memory_equal(error.text, path, strlen(path));
	assert_string_equal(
		error.text + strlen(path), ": line 1: the certificate is neither PEM nor DER of a certificate");
	free(path);
}

static void a_list_can_pass_over_what_is_broken(void **state)
{
	static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
				     "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
	struct unitls_certificate_list list = {NULL, 0, 0};
	size_t size;
	char *text;

	(void)state;
	pki_write("broken-too", broken, strlen(broken));
	pki_join("skip.pem", "broken-too", "a.pem", NULL);
	text = pki_read("skip.pem", &size);
	assert_int_equal(unitls_certificate_list_read(&list, text, size, UNITLS_MALFORMED_SKIP, "ca", NULL), 0);
	assert_int_equal(list.n, 1);
	/* A damaged frame is another matter: who knows what was lost. */
	assert_int_equal(unitls_certificate_list_read(&list, text, size - 26, UNITLS_MALFORMED_SKIP, "ca", NULL),
		UNITLS_ERROR);
	unitls_certificate_list_fini(&list);
	free(text);
}

static void more_than_16_mib_are_refused(void **state)
{
	size_t size = UNITLS_FILE_LIMIT_BYTES + 1;
	uint8_t *data = calloc(1, size);

	(void)state;
	assert_non_null(data);
	refused(data, size, "the certificates are larger than 16 MiB");
	free(data);
}

static void an_unreadable_file_is_of_class_io(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store;

	(void)state;
	assert_int_equal(unitls_trust_store_from_file("/nonexistent/ca.pem", &store, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(error.field, "ca");
	assert_string_equal(error.text, "cannot read /nonexistent/ca.pem: No such file or directory");
}

static void the_bundle_of_the_system_is_read(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *system = NULL;
	struct unitls_trust_store *file = NULL;

	(void)state;
	if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) != 0) {
		assert_int_equal(unitls_trust_store_system(&system, &error) < 0,
			error.error_class == UNITLS_ERROR_CLASS_IO);
		unitls_trust_store_unref(system);
		return;
	}
	assert_int_equal(unitls_trust_store_system(&system, &error), 0);
	/* Strict as the reader is, it takes every certificate that is really in use. */
	assert_int_equal(unitls_trust_store_from_file("/etc/ssl/certs/ca-certificates.crt", &file, &error), 0);
	assert_int_equal(unitls_trust_store_count(file), unitls_trust_store_count(system));
	for (size_t i = 0; i < unitls_trust_store_count(system); i++)
		assert_int_not_equal(
			unitls_certificate_key_type(unitls_trust_store_at(system, i)), UNITLS_KEY_UNKNOWN);
	unitls_trust_store_unref(system);
	unitls_trust_store_unref(file);
}

static void loading_survives_failing_allocations(void **state)
{
	char *path = pki_path("all.pem");
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_trust_store *store = NULL;
		int status;

		alloc_fail_start(n);
		status = unitls_trust_store_from_file(path, &store, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		unitls_trust_store_unref(store);
	}
	free(path);
}

static void the_system_store_tells_memory_from_absence(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store = NULL;
	bool failed;

	(void)state;
	alloc_fail_start(0);
	assert_true(unitls_trust_store_system(&store, &error) < 0 || store != NULL);
	failed = alloc_fail_stop();
	if (failed)
		assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_MEMORY);
	unitls_trust_store_unref(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_certificates_of_a_text_are_anchors),
		cmocka_unit_test(one_der_certificate_is_a_store),
		cmocka_unit_test(an_empty_store_has_to_be_asked_for),
		cmocka_unit_test(what_holds_no_certificate_is_refused),
		cmocka_unit_test(one_broken_certificate_refuses_the_file),
		cmocka_unit_test(a_list_can_pass_over_what_is_broken),
		cmocka_unit_test(more_than_16_mib_are_refused),
		cmocka_unit_test(an_unreadable_file_is_of_class_io),
		cmocka_unit_test(the_bundle_of_the_system_is_read),
		cmocka_unit_test(loading_survives_failing_allocations),
		cmocka_unit_test(the_system_store_tells_memory_from_absence),
	};

	return cmocka_run_group_tests(tests, make_material, pki_teardown);
}
