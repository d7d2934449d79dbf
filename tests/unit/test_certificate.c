/*
 * Certificates as openssl makes them, PEM and DER, from memory and files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/free_watch.h"
#include "tests/unit/pki.h"
#include <unitls/certificate.h>

static struct unitls_certificate *load(const char *file)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *certificate = NULL;
	char *path = pki_path(file);

	if (unitls_certificate_from_file(path, &certificate, &error) < 0)
		fail_msg("%s", error.text);
	free(path);
	return certificate;
}

static bool equals(struct unitls_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static int make_material(void **state)
{
	if (pki_setup(state) < 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, "basicConstraints=critical,CA:TRUE\n");
	pki_certificate("leaf", "RSA:2048", "ca",
		"basicConstraints=CA:FALSE\n"
		"subjectAltName=DNS:a.example,DNS:*.b.example,IP:192.0.2.1,IP:2001:db8::1,email:u@a.example,"
		"URI:https://a.example/,otherName:1.2.3.4;UTF8:x,dirName:dn\n");
	pki_openssl("x509 -in leaf.pem -outform DER -out leaf.der");
	pki_openssl("x509 -in leaf.pem -trustout -addtrust serverAuth -setalias al -out trusted.pem");
	return 0;
}

static void the_fields_of_a_certificate_are_read(void **state)
{
	struct unitls_certificate *certificate = load("leaf.pem");
	struct unitls_certificate *ca = load("ca.pem");
	size_t size;
	char *der = pki_read("leaf.der", &size);
	struct unitls_bytes bytes = unitls_certificate_der(certificate);

	(void)state;
	assert_int_equal(bytes.size, size);
	assert_memory_equal(bytes.data, der, size);
	assert_true(equals(unitls_certificate_common_name(certificate), "leaf"));
	assert_int_equal(unitls_certificate_key_type(certificate), UNITLS_KEY_RSA);
	assert_int_equal(unitls_certificate_key_bits(certificate), 2048);
	assert_false(unitls_certificate_is_ca(certificate));
	assert_true(unitls_certificate_is_ca(ca));
	assert_int_equal(unitls_certificate_not_after(certificate) - unitls_certificate_not_before(certificate),
		365 * 86400);
	bytes = unitls_certificate_subject(ca);
	assert_int_equal(unitls_certificate_issuer(certificate).size, bytes.size);
	assert_memory_equal(unitls_certificate_issuer(certificate).data, bytes.data, bytes.size);
	free(der);
	unitls_certificate_unref(certificate);
	unitls_certificate_unref(ca);
}

static void alternative_names_are_listed_in_order(void **state)
{
	static const struct {
		enum unitls_name_type type;
		const char *name;
	} expected[] = {
		{UNITLS_NAME_DNS, "a.example"},
		{UNITLS_NAME_DNS, "*.b.example"},
		{UNITLS_NAME_IP, NULL},
		{UNITLS_NAME_IP, NULL},
		{UNITLS_NAME_EMAIL, "u@a.example"},
		{UNITLS_NAME_URI, "https://a.example/"},
	};
	struct unitls_certificate *certificate = load("leaf.pem");
	enum unitls_name_type type;
	struct unitls_bytes name;
	size_t n = sizeof(expected) / sizeof(expected[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(unitls_certificate_name_at(certificate, i, &type, &name));
		assert_int_equal(type, expected[i].type);
		if (expected[i].name != NULL)
			assert_true(equals(name, expected[i].name));
	}
	assert_true(unitls_certificate_name_at(certificate, 2, &type, &name));
	assert_int_equal(name.size, 4);
	assert_true(unitls_certificate_name_at(certificate, 3, &type, &name));
	assert_int_equal(name.size, 16);
	assert_false(unitls_certificate_name_at(certificate, n, &type, &name));
	assert_false(unitls_certificate_name_at(certificate, SIZE_MAX, &type, &name));
	unitls_certificate_unref(certificate);
}

static void a_certificate_matches_its_names(void **state)
{
	static const struct {
		const char *name;
		bool matches;
	} cases[] = {{"a.example", true}, {"A.EXAMPLE.", true}, {"x.b.example", true}, {"b.example", false},
		{"leaf", false}, {"192.0.2.1", true}, {"192.0.2.2", false}, {"2001:db8::1", true},
		{"2001:db8::2", false}};
	struct unitls_certificate *certificate = load("leaf.pem");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct unitls_peer_name name;

		assert_int_equal(unitls_peer_name_parse(cases[i].name, &name, NULL), 0);
		if (unitls_certificate_matches(certificate, &name) != cases[i].matches)
			fail_msg("%s", cases[i].name);
	}
	unitls_certificate_unref(certificate);
}

static void the_fingerprint_is_that_of_openssl(void **state)
{
	struct unitls_certificate *certificate = load("leaf.pem");
	const uint8_t *fingerprint = unitls_certificate_fingerprint(certificate);
	char text[128] = "";
	size_t size;
	char *log;

	(void)state;
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(text + 3 * i, sizeof(text) - 3 * i, "%02X:", fingerprint[i]);
	text[95] = '\0';
	pki_openssl("x509 -in leaf.pem -noout -fingerprint -sha256");
	log = pki_read("openssl.log", &size);
	assert_non_null(strstr(log, text));
	free(log);
	unitls_certificate_unref(certificate);
}

static void the_public_key_is_that_of_openssl(void **state)
{
	struct unitls_certificate *certificate = load("leaf.pem");
	struct unitls_bytes spki = unitls_certificate_spki(certificate);
	size_t size;
	char *der;

	(void)state;
	pki_openssl("pkey -in leaf.key -pubout -outform DER -out leaf.pub");
	der = pki_read("leaf.pub", &size);
	assert_int_equal(spki.size, size);
	assert_memory_equal(spki.data, der, size);
	free(der);
	unitls_certificate_unref(certificate);
}

static void every_form_gives_the_same_certificate(void **state)
{
	static const char *const forms[] = {
		"leaf.der", "trusted.pem", "junk.pem", "crlf.pem", "behind-key.pem", "x509.pem"};
	struct unitls_certificate *expected = load("leaf.pem");
	size_t size;
	char *text = pki_read("leaf.pem", &size);
	char *changed;

	(void)state;
	pki_openssl("x509 -in leaf.pem -text -out junk.pem");
	pki_join("behind-key.pem", "leaf.key", "leaf.pem", "ca.pem", NULL);
	changed = calloc(2, size);
	assert_non_null(changed);
	for (size_t i = 0, n = 0; i < size; i++) {
		if (text[i] == '\n')
			changed[n++] = '\r';
		changed[n++] = text[i];
	}
	pki_write("crlf.pem", changed, strlen(changed));
	free(changed);
	assert_true(asprintf(&changed, "-----BEGIN X509 CERTIFICATE-----\n%.*s\n-----END X509 CERTIFICATE-----\n",
			    (int)(strstr(text, "-----END") - text - 28), text + 28) > 0);
	pki_write("x509.pem", changed, strlen(changed));
	free(changed);
	free(text);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct unitls_certificate *certificate = load(forms[i]);

		assert_memory_equal(
			unitls_certificate_fingerprint(certificate), unitls_certificate_fingerprint(expected), 32);
		unitls_certificate_unref(certificate);
	}
	unitls_certificate_unref(expected);
}

static void every_type_of_key_is_known(void **state)
{
	static const struct {
		const char *algorithm;
		enum unitls_key_type type;
		unsigned bits;
	} keys[] = {
		{"RSA:4096", UNITLS_KEY_RSA, 4096},
		{"RSA-PSS:2048", UNITLS_KEY_RSA_PSS, 2048},
		{"EC:P-256", UNITLS_KEY_ECDSA_P256, 256},
		{"EC:P-384", UNITLS_KEY_ECDSA_P384, 384},
		{"EC:P-521", UNITLS_KEY_ECDSA_P521, 521},
		{"EC:secp256k1", UNITLS_KEY_UNKNOWN, 0},
		{"ED25519", UNITLS_KEY_ED25519, 256},
		{"ED448", UNITLS_KEY_ED448, 456},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct unitls_certificate *certificate;

		pki_certificate("typed", keys[i].algorithm, NULL, NULL);
		certificate = load("typed.pem");
		assert_int_equal(unitls_certificate_key_type(certificate), keys[i].type);
		assert_int_equal(unitls_certificate_key_bits(certificate), keys[i].bits);
		unitls_certificate_unref(certificate);
	}
}

static void a_certificate_of_version_1_is_read(void **state)
{
	struct unitls_certificate *certificate;
	enum unitls_name_type type;
	struct unitls_bytes name;

	(void)state;
	pki_openssl("req -new -key leaf.key -subj /O=only -config leaf.cnf -out v1.csr");
	pki_openssl("x509 -req -in v1.csr -key leaf.key -days 20000 -out v1.pem");
	certificate = load("v1.pem");
	assert_false(unitls_certificate_is_ca(certificate));
	assert_false(unitls_certificate_name_at(certificate, 0, &type, &name));
	assert_null(unitls_certificate_common_name(certificate).data);
	/* beyond 2049, so a GeneralizedTime */
	assert_int_equal(unitls_certificate_not_after(certificate) - unitls_certificate_not_before(certificate),
		INT64_C(20000) * 86400);
	unitls_certificate_unref(certificate);
}

static void refused(const void *data, size_t size, const char *text)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *certificate = NULL;

	assert_int_equal(unitls_certificate_from_mem(data, size, &certificate, &error), UNITLS_ERROR);
	assert_null(certificate);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "certificate");
	assert_string_equal(error.text, text);
}

static void what_is_no_certificate_is_refused(void **state)
{
	static const char empty_block[] = "\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	size_t size;
	char *data;

	(void)state;
	refused("", 0, "the certificate is neither PEM nor DER of a certificate");
	refused("junk", 4, "the certificate is neither PEM nor DER of a certificate");
	refused(empty_block, strlen(empty_block),
		"line 2: the certificate is neither PEM nor DER of a certificate");
	data = pki_read("leaf.key", &size);
	refused(data, size, "the PEM text holds no certificate");
	free(data);
	data = pki_read("leaf.der", &size);
	refused(data, size - 1, "the certificate is neither PEM nor DER of a certificate");
	refused(data, size + 1, "the certificate is neither PEM nor DER of a certificate");
	free(data);
	data = pki_read("leaf.pem", &size);
	refused(data, size - 26, "line 1: BEGIN without END");
	free(data);
}

static void more_than_16_mib_are_refused(void **state)
{
	size_t size = UNITLS_FILE_LIMIT_BYTES + 1;
	uint8_t *data = calloc(1, size);
	char *path = pki_path("large");
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *certificate;
	char expected[8192];

	(void)state;
	assert_non_null(data);
	refused(data, size, "the certificate is larger than 16 MiB");
	free(data);
	pki_write("large", "", 0);
	assert_int_equal(truncate(path, (off_t)size), 0);
	assert_int_equal(unitls_certificate_from_file(path, &certificate, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	(void)snprintf(expected, sizeof(expected), "cannot read %s: larger than 16 MiB", path);
	assert_string_equal(error.text, expected);
	free(path);
}

static void file_error(
	const char *file, enum unitls_error_class error_class, const char *before, const char *after)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *certificate = NULL;
	char *path = pki_path(file);
	char expected[8192];

	assert_int_equal(unitls_certificate_from_file(path, &certificate, &error), UNITLS_ERROR);
	assert_null(certificate);
	assert_int_equal(error.error_class, error_class);
	assert_string_equal(error.field, "certificate");
	(void)snprintf(expected, sizeof(expected), "%s%s: %s", before, path, after);
	assert_string_equal(error.text, expected);
	free(path);
}

static void unreadable_files_are_named(void **state)
{
	char *path = pki_path("fifo");

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	free(path);
	pki_write("junk", "junk", 4);
	file_error("absent", UNITLS_ERROR_CLASS_IO, "cannot read ", "No such file or directory");
	file_error(".", UNITLS_ERROR_CLASS_IO, "cannot read ", "Is a directory");
	file_error("fifo", UNITLS_ERROR_CLASS_IO, "cannot read ", "not a regular file");
	file_error(
		"junk", UNITLS_ERROR_CLASS_CONFIG, "", "the certificate is neither PEM nor DER of a certificate");
}

static void a_long_path_does_not_hide_the_reason(void **state)
{
	struct unitls_error inner = UNITLS_ERROR_INIT;
	struct unitls_error error = UNITLS_ERROR_INIT;
	char path[400];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	memcpy(path + sizeof(path) - 5, ".pem", 5);
	inner.error_class = UNITLS_ERROR_CLASS_CONFIG;
	(void)snprintf(inner.text, sizeof(inner.text), "the reason");
	assert_int_equal(unitls_file_error(&error, path, &inner), UNITLS_ERROR);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_memory_equal(error.text, "...ppp", 6);
	assert_non_null(strstr(error.text, "pp.pem: the reason"));
}

static void a_growing_file_is_read_to_its_end(void **state)
{
	/* /proc says that its files are empty. */
	uint8_t *data;
	size_t size;

	(void)state;
	assert_int_equal(unitls_file_read("/proc/self/maps", "ca", &data, &size, NULL), 0);
	assert_true(size > 1000);
	unitls_file_free(data, size);
}

static void a_file_that_fails_while_it_is_read_is_refused(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t *data = NULL;
	size_t size;

	(void)state;
	/* There is nothing at address 0. */
	assert_int_equal(unitls_file_read("/proc/self/mem", "ca", &data, &size, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(error.text, "cannot read /proc/self/mem: Input/output error");
	assert_null(data);
	unitls_file_free(NULL, 0);
}

static void growing_survives_failing_allocations(void **state)
{
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		uint8_t *data = NULL;
		size_t size = 0;
		int status;

		alloc_fail_start(n);
		status = unitls_file_read("/proc/self/maps", "ca", &data, &size, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		unitls_file_free(data, size);
	}
}

static void files_are_wiped_from_memory(void **state)
{
	char *path = pki_path("secret");
	uint8_t *data;
	size_t size;

	(void)state;
	pki_write("secret", "a rather long secret", 20);
	free_watch_start("rather long", 11);
	assert_int_equal(unitls_file_read(path, "key", &data, &size, NULL), 0);
	unitls_file_free(data, size);
	assert_int_equal(free_watch_stop(), 0);
	free(path);
}

static void references_are_counted(void **state)
{
	struct unitls_certificate *certificate = load("leaf.pem");

	(void)state;
	assert_ptr_equal(unitls_certificate_ref(certificate), certificate);
	unitls_certificate_unref(certificate);
	assert_true(equals(unitls_certificate_common_name(certificate), "leaf"));
	unitls_certificate_unref(certificate);
	unitls_certificate_unref(NULL);
}

static void no_record_for_the_error_is_fine(void **state)
{
	struct unitls_certificate *certificate;

	(void)state;
	assert_int_equal(unitls_certificate_from_mem("x", 1, &certificate, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_certificate_from_file("/", &certificate, NULL), UNITLS_ERROR);
}

static void loading_survives_failing_allocations(void **state)
{
	char *path = pki_path("leaf.pem");
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_certificate *certificate = NULL;
		int status;

		alloc_fail_start(n);
		status = unitls_certificate_from_file(path, &certificate, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		assert_int_equal(certificate == NULL, failed);
		unitls_certificate_unref(certificate);
	}
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_of_a_certificate_are_read),
		cmocka_unit_test(alternative_names_are_listed_in_order),
		cmocka_unit_test(a_certificate_matches_its_names),
		cmocka_unit_test(the_fingerprint_is_that_of_openssl),
		cmocka_unit_test(the_public_key_is_that_of_openssl),
		cmocka_unit_test(every_form_gives_the_same_certificate),
		cmocka_unit_test(every_type_of_key_is_known),
		cmocka_unit_test(a_certificate_of_version_1_is_read),
		cmocka_unit_test(what_is_no_certificate_is_refused),
		cmocka_unit_test(more_than_16_mib_are_refused),
		cmocka_unit_test(unreadable_files_are_named),
		cmocka_unit_test(a_long_path_does_not_hide_the_reason),
		cmocka_unit_test(a_growing_file_is_read_to_its_end),
		cmocka_unit_test(a_file_that_fails_while_it_is_read_is_refused),
		cmocka_unit_test(growing_survives_failing_allocations),
		cmocka_unit_test(files_are_wiped_from_memory),
		cmocka_unit_test(references_are_counted),
		cmocka_unit_test(no_record_for_the_error_is_fine),
		cmocka_unit_test(loading_survives_failing_allocations),
	};

	return cmocka_run_group_tests(tests, make_material, pki_teardown);
}
