/*
 * Signing chains: order, what is left out, cycles, the choice of the leaf.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/alloc_fail.h"
#include "tests/unit/pki.h"
#include <unitls/signing_chain.h>

#define CA   "basicConstraints=critical,CA:TRUE\n"
#define IDS  "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
#define LONG 18

/* A certificate FILE.pem for an existing key and a subject of any name. */
static void issue(const char *file, const char *key, const char *subject, const char *issuer)
{
	pki_openssl("req -new -key %s.key -subj /CN=%s -config %s.cnf -out %s.csr", key, subject, key, file);
	pki_openssl(
		"x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -CAcreateserial -extfile %s.cnf -extensions ext "
		"-out %s.pem",
		file, issuer, issuer, key, file);
}

static int make_material(void **state)
{
	char previous[16] = "root";

	if (pki_setup(state) < 0)
		return -1;
	pki_certificate("root", "EC:P-256", NULL, CA IDS);
	pki_certificate("one", "EC:P-256", "root", CA IDS);
	pki_certificate("two", "EC:P-256", "one", CA IDS);
	pki_certificate("leaf", "EC:P-256", "two", IDS);
	pki_certificate("unrelated", "EC:P-256", NULL, CA IDS);
	/* cross-signed: root's name and key by another root */
	pki_certificate("oldroot", "EC:P-256", NULL, CA IDS);
	issue("cross", "root", "root", "oldroot");
	/* two that signed each other */
	pki_certificate("x", "EC:P-256", NULL, CA);
	pki_certificate("y", "EC:P-256", "x", CA);
	pki_certificate("xleaf", "EC:P-256", "y", NULL);
	issue("x-by-y", "x", "x", "y");
	/* the same name with two keys: the right one is told by its key identifier */
	pki_key("roll", "EC:P-256");
	pki_openssl("req -new -key roll.key -subj /CN=one -config one.cnf -out roll.csr");
	pki_openssl(
		"x509 -req -in roll.csr -CA root.pem -CAkey root.key -CAcreateserial -extfile one.cnf -extensions ext "
		"-out one-other-key.pem");
	/* a key rollover: root's name, a new key, signed by the old one */
	pki_openssl("req -new -key roll.key -subj /CN=root -config root.cnf -out roll.csr");
	pki_openssl(
		"x509 -req -in roll.csr -CA root.pem -CAkey root.key -CAcreateserial -extfile root.cnf -extensions ext "
		"-out rolled.pem");
	pki_join("rolled.key", "roll.key", NULL);
	pki_certificate("rolledleaf", "EC:P-256", "rolled", IDS);
	/* a long chain */
	for (int i = 1; i <= LONG; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "long%d", i);
		pki_certificate(name, "EC:P-256", previous, CA);
		memcpy(previous, name, sizeof(previous));
	}
	pki_certificate("ed", "ED25519", "two", IDS);
	pki_certificate("ed2", "ED25519", "two", IDS);
	pki_openssl("pkcs8 -topk8 -v2 aes-256-cbc -in leaf.key -passout pass:geheim -out leaf.enc");
	return 0;
}

static char *path_of(const char *name, const char *suffix)
{
	char file[64];

	(void)snprintf(file, sizeof(file), "%s%s", name, suffix);
	return pki_path(file);
}

static struct unitls_certificate *certificate_of(const char *name)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *certificate = NULL;
	char *path = path_of(name, ".pem");

	if (unitls_certificate_from_file(path, &certificate, &error) < 0)
		fail_msg("%s", error.text);
	free(path);
	return certificate;
}

static struct unitls_private_key *key_of(const char *name)
{
	struct unitls_private_key *key = NULL;
	char *path = path_of(name, ".key");

	assert_int_equal(unitls_private_key_from_file(path, NULL, &key, NULL), 0);
	free(path);
	return key;
}

/* Splits names at blanks and loads each certificate; the first is the leaf. Builds the chain with the leaf's key. */
static int build(const char *names, struct unitls_signing_chain **ret_chain, struct unitls_error *error)
{
	struct unitls_certificate *certificates[LONG + 8];
	struct unitls_private_key *key;
	char *copy = strdup(names);
	char *rest = copy;
	char leaf[32];
	size_t n = 0;
	int status;

	(void)snprintf(leaf, sizeof(leaf), "%.*s", (int)strcspn(names, " "), names);
	for (char *name = strsep(&rest, " "); name != NULL; name = strsep(&rest, " "))
		certificates[n++] = certificate_of(name);
	key = key_of(leaf);
	status = unitls_signing_chain_new(certificates[0], key, certificates + 1, n - 1, ret_chain, error);
	unitls_private_key_unref(key);
	for (size_t i = 0; i < n; i++)
		unitls_certificate_unref(certificates[i]);
	free(copy);
	return status;
}

static void has(const struct unitls_signing_chain *chain, const char *expected)
{
	char *copy = strdup(expected);
	char *rest = copy;
	size_t n = 0;

	for (char *name = strsep(&rest, " "); name != NULL; name = strsep(&rest, " ")) {
		struct unitls_certificate *certificate = certificate_of(name);

		assert_true(n < unitls_signing_chain_count(chain));
		if (memcmp(unitls_certificate_fingerprint(unitls_signing_chain_at(chain, n)),
			    unitls_certificate_fingerprint(certificate), 32) != 0)
			fail_msg("position %zu of \"%s\" is another certificate", n, expected);
		unitls_certificate_unref(certificate);
		n++;
	}
	assert_int_equal(unitls_signing_chain_count(chain), n);
	assert_null(unitls_signing_chain_at(chain, n));
	free(copy);
}

static void orders(const char *names, const char *expected)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain;

	if (build(names, &chain, &error) < 0)
		fail_msg("%s: %s", names, error.text);
	has(chain, expected);
	unitls_signing_chain_unref(chain);
}

static void chains_are_put_in_order(void **state)
{
	(void)state;
	orders("leaf", "leaf");
	orders("leaf two one", "leaf two one");
	orders("leaf one two", "leaf two one");
}

static void the_root_is_left_out(void **state)
{
	(void)state;
	orders("leaf root one two", "leaf two one");
	orders("one root", "one");
}

static void a_self_signed_leaf_stands_alone(void **state)
{
	(void)state;
	orders("unrelated", "unrelated");
	orders("root one two", "root");
	orders("root root", "root");
}

static void duplicates_and_strangers_are_left_out(void **state)
{
	(void)state;
	orders("leaf leaf two one two unrelated one leaf", "leaf two one");
	orders("leaf one", "leaf"); /* two is missing: one does not belong to it */
	orders("leaf two root", "leaf two");
}

static void a_cross_signed_certificate_goes_before_the_root_of_its_name(void **state)
{
	(void)state;
	orders("leaf two one root cross", "leaf two one cross");
	orders("leaf two one cross root oldroot", "leaf two one cross");
	orders("leaf cross one two", "leaf two one cross");
}

static void the_issuer_is_told_by_its_key_identifier(void **state)
{
	(void)state;
	orders("leaf two one-other-key one", "leaf two one");
	orders("leaf two one one-other-key", "leaf two one");
	orders("leaf two one-other-key", "leaf two one-other-key"); /* better than none */
}

static void a_rolled_over_root_is_an_intermediate(void **state)
{
	(void)state;
	orders("rolledleaf root rolled", "rolledleaf rolled");
	orders("rolledleaf rolled", "rolledleaf rolled");
}

static void refused(const char *names, const char *field, const char *text)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain = NULL;

	assert_int_equal(build(names, &chain, &error), UNITLS_ERROR);
	assert_null(chain);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, field);
	assert_string_equal(error.text, text);
}

static void a_cycle_is_refused_unless_there_is_a_way_out(void **state)
{
	(void)state;
	refused("xleaf y x-by-y", "certificate", "the certificates are a cycle: each issued by another");
	orders("xleaf x-by-y y x", "xleaf y");
}

static void the_length_of_a_chain_is_bounded(void **state)
{
	char names[256] = "long16";
	char expected[256] = "long16";

	(void)state;
	for (int i = 15; i >= 1; i--) {
		size_t size = strlen(expected);

		(void)snprintf(expected + size, sizeof(expected) - size, " long%d", i);
	}
	for (int i = 1; i <= 15; i++) {
		size_t size = strlen(names);

		(void)snprintf(names + size, sizeof(names) - size, " long%d", i);
	}
	orders(names, expected);
	memcpy(names, "long17", 6);
	(void)snprintf(names + strlen(names), sizeof(names) - strlen(names), " long16");
	refused(names, "certificate", "the chain is longer than 16 certificates");
}

static void the_key_must_belong_to_the_leaf(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *leaf = certificate_of("leaf");
	struct unitls_private_key *key = key_of("one");
	struct unitls_signing_chain *chain = NULL;

	(void)state;
	assert_int_equal(unitls_signing_chain_new(leaf, key, NULL, 0, &chain, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "key");
	assert_null(chain);
	unitls_certificate_unref(leaf);
	unitls_private_key_unref(key);
}

static void a_chain_keeps_its_parts_alive(void **state)
{
	struct unitls_signing_chain *chain;

	(void)state;
	assert_int_equal(build("leaf two one", &chain, NULL), 0);
	assert_ptr_equal(unitls_signing_chain_ref(chain), chain);
	unitls_signing_chain_unref(chain);
	assert_int_equal(
		unitls_private_key_matches(unitls_signing_chain_key(chain), unitls_signing_chain_at(chain, 0)),
		UNITLS_KEY_MATCH_YES);
	unitls_signing_chain_unref(chain);
	unitls_signing_chain_unref(NULL);
}

/* From a file, with the key in it or in a file of its own. */
static void file_gives(const char *file, const char *key_file, const char *password, const char *expected)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain = NULL;
	char *path = pki_path(file);
	char *key_path = key_file != NULL ? pki_path(key_file) : NULL;

	if (unitls_signing_chain_from_file(path, key_path, password, &chain, &error) < 0)
		fail_msg("%s", error.text);
	has(chain, expected);
	unitls_signing_chain_unref(chain);
	free(path);
	free(key_path);
}

static void one_file_holds_all_in_any_order(void **state)
{
	(void)state;
	pki_join("in-order.pem", "leaf.pem", "two.pem", "one.pem", "leaf.key", NULL);
	pki_join("shuffled.pem", "root.pem", "one.pem", "leaf.key", "two.pem", "leaf.pem", "one.pem", NULL);
	pki_join("certificates.pem", "one.pem", "leaf.pem", "two.pem", NULL);
	file_gives("in-order.pem", NULL, NULL, "leaf two one");
	file_gives("shuffled.pem", NULL, NULL, "leaf two one");
	file_gives("certificates.pem", "leaf.key", NULL, "leaf two one");
	file_gives("in-order.pem", "one.key", NULL, "one"); /* the key says which is the leaf */
}

static void a_der_certificate_with_a_key_beside_it_is_a_chain(void **state)
{
	(void)state;
	pki_openssl("x509 -in leaf.pem -outform DER -out leaf.der");
	file_gives("leaf.der", "leaf.key", NULL, "leaf");
}

static void an_open_match_takes_the_first_that_may_be_it(void **state)
{
	(void)state;
	pki_join("first.pem", "leaf.pem", "two.pem", "leaf.enc", NULL);
	file_gives("first.pem", NULL, "geheim", "leaf two");
	/* a seed: one and two have keys of another type, so it is the first on Ed25519 */
	pki_join("seeds.pem", "two.pem", "ed.pem", "ed2.pem", "ed.key", NULL);
	file_gives("seeds.pem", NULL, NULL, "ed two");
}

static void file_refused(const char *file, const char *key_file, enum unitls_error_class error_class,
	const char *field, const char *named, const char *reason)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain = NULL;
	char *path = pki_path(file);
	char *key_path = key_file != NULL ? pki_path(key_file) : NULL;
	char *named_path = pki_path(named);

	assert_int_equal(unitls_signing_chain_from_file(path, key_path, NULL, &chain, &error), UNITLS_ERROR);
	assert_null(chain);
	assert_int_equal(error.error_class, error_class);
	assert_string_equal(error.field, field);
	assert_non_null(strstr(error.text, named_path));
	assert_non_null(strstr(error.text, reason));
	free(path);
	free(key_path);
	free(named_path);
}

static void errors_name_the_file_and_the_field(void **state)
{
	(void)state;
	file_refused("absent", NULL, UNITLS_ERROR_CLASS_IO, "certificate", "absent", "No such file");
	file_refused("leaf.pem", "absent", UNITLS_ERROR_CLASS_IO, "key", "absent", "No such file");
	file_refused("leaf.pem", NULL, UNITLS_ERROR_CLASS_CONFIG, "key", "leaf.pem", "holds no private key");
	file_refused(
		"leaf.key", NULL, UNITLS_ERROR_CLASS_CONFIG, "certificate", "leaf.key", "holds no certificate");
	file_refused("leaf.pem", "one.key", UNITLS_ERROR_CLASS_CONFIG, "key", "leaf.pem", "does not belong");
	file_refused("leaf.pem", "leaf.enc", UNITLS_ERROR_CLASS_CONFIG, "key", "leaf.enc", "no password");
}

static void building_survives_failing_allocations(void **state)
{
	char *path = pki_path("alloc.pem");
	bool failed = true;

	(void)state;
	pki_join("alloc.pem", "root.pem", "one.pem", "leaf.key", "two.pem", "leaf.pem", "one.pem", NULL);
	for (size_t n = 0; failed; n++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_signing_chain *chain = NULL;
		int status;

		alloc_fail_start(n);
		status = unitls_signing_chain_from_file(path, NULL, NULL, &chain, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		unitls_signing_chain_unref(chain);
	}
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_are_put_in_order),
		cmocka_unit_test(the_root_is_left_out),
		cmocka_unit_test(a_self_signed_leaf_stands_alone),
		cmocka_unit_test(duplicates_and_strangers_are_left_out),
		cmocka_unit_test(a_cross_signed_certificate_goes_before_the_root_of_its_name),
		cmocka_unit_test(the_issuer_is_told_by_its_key_identifier),
		cmocka_unit_test(a_rolled_over_root_is_an_intermediate),
		cmocka_unit_test(a_cycle_is_refused_unless_there_is_a_way_out),
		cmocka_unit_test(the_length_of_a_chain_is_bounded),
		cmocka_unit_test(the_key_must_belong_to_the_leaf),
		cmocka_unit_test(a_chain_keeps_its_parts_alive),
		cmocka_unit_test(one_file_holds_all_in_any_order),
		cmocka_unit_test(a_der_certificate_with_a_key_beside_it_is_a_chain),
		cmocka_unit_test(an_open_match_takes_the_first_that_may_be_it),
		cmocka_unit_test(errors_name_the_file_and_the_field),
		cmocka_unit_test(building_survives_failing_allocations),
	};

	return cmocka_run_group_tests(tests, make_material, pki_teardown);
}
