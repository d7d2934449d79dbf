/*
 * The bearssl backend's verification: BearSSL's validator looks at little, wants its chain in order and knows keys as anchors only. What is around it is the
 * module's own, and is tested here; what all backends do alike is in the contract suite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/backend_pair.h"
#include "tests/unit/pki.h"

#define EXTENSIONS_SERVER "subjectAltName=DNS:" PAIR_SERVER_NAME "\nextendedKeyUsage=serverAuth\n"
#define EXTENSIONS_CLIENT "extendedKeyUsage=clientAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"

#define CHAIN_MAX 40

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("middle", "RSA:2048", "ca", EXTENSIONS_CA);
	pki_certificate("stranger", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("deep", "EC:P-256", "middle", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	pki_certificate("intruder", "EC:P-256", "stranger", EXTENSIONS_CLIENT);
	return pair_load("bearssl");
}

/* Trust -------------------------------------------------------------------------------------------------------------------- */

/* The engine is told to tolerate the lack of one, and would tolerate a bad one, too. */
static void test_an_optional_client_certificate_must_be_good(void **state)
{
	const struct recipe server = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_OPTIONAL};
	const struct recipe good = {.certificate = "client", .store = "ca.pem"};
	const struct recipe bad = {.certificate = "intruder", .store = "ca.pem"};
	const struct recipe purpose = {.certificate = "rsa", .store = "ca.pem"};

	(void)state;
	pair_assert_connects(&good, &server);
	pair_assert_refused(&bad, &server, SERVER, UNITLS_VERIFY_UNKNOWN_CA, 0);
	pair_assert_refused(&purpose, &server, SERVER, UNITLS_VERIFY_BAD_PURPOSE, 0);
}

static void test_every_certificate_of_the_store_is_an_anchor(void **state)
{
	const struct recipe server = {.certificate = "deep"};
	const struct recipe leaf = {.store = "deep.pem"};
	const struct recipe middle = {.store = "middle.pem"};
	const struct recipe root = {.store = "ca.pem"};

	(void)state;
	pair_assert_connects(&leaf, &server);
	pair_assert_connects(&middle, &server);
	pair_assert_refused(&root, &server, CLIENT, UNITLS_VERIFY_UNKNOWN_CA, 0);
}

/* A leaf in the store is trusted as it is: not another with its name and key, nor what it signed. */
static void test_a_leaf_as_anchor_vouches_for_itself_alone(void **state)
{
	const struct recipe client = {.store = "pinned.pem"};
	struct recipe server = {.certificate = "twin"};

	(void)state;
	pki_certificate("pinned", "EC:P-256", NULL, EXTENSIONS_SERVER);
	pki_join("twin.key", "pinned.key", NULL);
	pki_openssl(
		"x509 -req -in pinned.csr -key pinned.key -days 3 -extfile pinned.cnf -extensions ext -out twin.pem");
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_SELF_SIGNED, 0);
	pki_certificate("child", "EC:P-256", "pinned", EXTENSIONS_SERVER);
	server.certificate = "child";
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_UNKNOWN_CA, 0);
}

static void test_another_ca_of_the_same_name_is_no_issuer(void **state)
{
	const struct recipe client = {.store = "mine.pem"};
	const struct recipe server = {.certificate = "theirs"};

	(void)state;
	pki_certificate("twins", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("theirs", "EC:P-256", "twins", EXTENSIONS_SERVER);
	pki_certificate("twins", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_join("mine.pem", "twins.pem", NULL);
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_BAD_SIGNATURE, 0);
}

static void assert_middle_refused(const char *extensions, enum unitls_verify_reason reason, int depth)
{
	const struct recipe client = {.store = "ca.pem"};
	const struct recipe server = {.certificate = "low"};

	pki_certificate("between", "EC:P-256", "ca", extensions);
	pki_certificate("lowest", "EC:P-256", "between", EXTENSIONS_SERVER);
	pki_join("low.pem", "lowest.pem", "between.pem", NULL);
	pki_join("low.key", "lowest.key", NULL);
	pair_assert_refused(&client, &server, CLIENT, reason, depth);
}

/* The validator passes over non-critical name constraints and the whole of extended key usage. */
static void test_what_the_validator_does_not_look_at(void **state)
{
	(void)state;
	assert_middle_refused(
		EXTENSIONS_CA "nameConstraints=permitted;DNS:example\n", UNITLS_VERIFY_NAME_CONSTRAINTS, 1);
	assert_middle_refused(EXTENSIONS_CA "nameConstraints=critical,permitted;DNS:example\n",
		UNITLS_VERIFY_NAME_CONSTRAINTS, 1);
	assert_middle_refused(EXTENSIONS_CA "extendedKeyUsage=clientAuth\n", UNITLS_VERIFY_BAD_PURPOSE, 1);
	assert_middle_refused("keyUsage=critical,keyCertSign\n", UNITLS_VERIFY_BAD_PURPOSE, 1);
	assert_middle_refused(
		"basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n", UNITLS_VERIFY_BAD_PURPOSE, 1);
}

/* Of an anchor it sees name and key only. */
static void test_an_anchors_own_limits_hold(void **state)
{
	const struct recipe server = {.certificate = "below"};
	struct recipe client = {.store = "short.pem"};

	(void)state;
	pki_certificate("short", "EC:P-256", NULL,
		"basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n");
	pki_certificate("step", "EC:P-256", "short", EXTENSIONS_CA);
	pki_certificate("bottom", "EC:P-256", "step", EXTENSIONS_SERVER);
	pki_join("below.pem", "bottom.pem", "step.pem", NULL);
	pki_join("below.key", "bottom.key", NULL);
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_BAD_PURPOSE, 2);
	client.store = "small.pem";
	pki_certificate("small", "RSA:1024", NULL, EXTENSIONS_CA);
	pki_certificate("below", "EC:P-256", "small", EXTENSIONS_SERVER);
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_WEAK, 1);
	pki_certificate("fenced", "EC:P-256", NULL, EXTENSIONS_CA "nameConstraints=permitted;DNS:example\n");
	pki_certificate("below", "EC:P-256", "fenced", EXTENSIONS_SERVER);
	client.store = "fenced.pem";
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_NAME_CONSTRAINTS, 1);
}

static void test_weak_signatures_are_refused(void **state)
{
	const struct recipe client = {.store = "ca.pem"};
	const struct recipe server = {.certificate = "sha1"};

	(void)state;
	pki_key("sha1", "EC:P-256");
	pki_openssl("req -new -key sha1.key -subj /CN=sha1 -config ec.cnf -out sha1.csr");
	pki_openssl("x509 -req -sha1 -in sha1.csr -CA ca.pem -CAkey ca.key -set_serial 9 -days 9 -extfile ec.cnf "
		    "-extensions ext -out sha1.pem");
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_WEAK, 0);
}

static int64_t in_the_year_1000(void *argument)
{
	(void)argument;
	return -30609792000;
}

static int64_t before_christ(void *argument)
{
	(void)argument;
	return INT64_MIN / 4;
}

static int64_t in_the_year_9000(void *argument)
{
	(void)argument;
	return 221845392000;
}

/* The library has one code for both, and takes the day 0 for "ask the system". */
static void test_the_configurations_clock_judges(void **state)
{
	const struct recipe server = {.certificate = "ec"};
	struct recipe client = {.store = "ca.pem", .clock = in_the_year_1000};
	struct recipe pinned = {.store = "ec.pem", .clock = in_the_year_9000};

	(void)state;
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_NOT_YET_VALID, 1);
	client.clock = before_christ;
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_NOT_YET_VALID, 1);
	client.clock = in_the_year_9000;
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_EXPIRED, 1);
	pair_assert_refused(&pinned, &server, CLIENT, UNITLS_VERIFY_EXPIRED, 0);
}

static void test_an_expired_leaf_is_told_from_its_issuer(void **state)
{
	const struct recipe client = {.store = "ca.pem"};
	const struct recipe server = {.certificate = "old"};

	(void)state;
	pki_key("old", "EC:P-256");
	pki_openssl("req -new -key old.key -subj /CN=old -config ec.cnf -out old.csr");
	pki_expired("old", "ca", "ec.cnf", "old.pem");
	pair_assert_refused(&client, &server, CLIENT, UNITLS_VERIFY_EXPIRED, 0);
}

/* One that BearSSL cannot read is left out; a store of such only is refused. */
static void test_unreadable_anchors(void **state)
{
	const struct recipe server = {.certificate = "ec"};
	struct recipe client = {.store = "mixed.pem"};
	struct unitls_client_context *context = NULL;
	struct unitls_error error;

	(void)state;
	pki_certificate("edwards", "ED25519", NULL, EXTENSIONS_CA);
	pki_certificate("strange", "EC:P-256", NULL, EXTENSIONS_CA "1.2.3.4=critical,ASN1:NULL\n");
	pki_join("mixed.pem", "edwards.pem", "strange.pem", "ca.pem", NULL);
	pair_assert_connects(&client, &server);
	for (int i = 0; i < 2; i++) {
		client.store = i == 0 ? "edwards.pem" : "strange.pem";
		assert_int_equal(pair_try_client(&client, &context, &error), UNITLS_ERROR);
		assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
		assert_string_equal(error.field, "trust_store");
	}
}

/* Chains that the core would not send ----------------------------------------------------------------------------------- */

/* The names of certificates, leaf first, ended by NULL, sent in this order to a client that trusts "ca". */
static enum unitls_verify_reason send_chain(const char *const *names)
{
	struct unitls_bytes chain[CHAIN_MAX];
	struct native_pair pair;
	enum unitls_verify_reason reason;
	char *key;
	size_t n = 0;

	for (; names[n] != NULL; n++)
		chain[n] = pair_read_der(names[n]);
	assert_true(asprintf(&key, "%s.key", names[0]) > 0);
	native_open(&pair, "ca", key, chain, n);
	free(key);
	reason = pair.error[CLIENT].verify_reason;
	assert_int_equal(pair.status[CLIENT], reason == UNITLS_VERIFY_NONE ? 0 : UNITLS_ERROR);
	native_close(&pair);
	while (n > 0)
		free((void *)(uintptr_t)chain[--n].data);
	return reason;
}

/* The validator wants the chain in order and nothing else in it. */
static void test_a_chain_in_any_order(void **state)
{
	static const char *const chains[][8] = {
		{"leaf", "two", "one"},
		{"leaf", "one", "two"},
		{"leaf", "ca", "one", "one", "two", "leaf"},
		{"leaf", "stranger", "edwards", "one", "two", "ca"},
	};
	static const char *const broken[] = {"leaf", "one", "ca", NULL};

	(void)state;
	pki_certificate("one", "EC:P-256", "ca", EXTENSIONS_CA);
	pki_certificate("two", "RSA:2048", "one", EXTENSIONS_CA);
	pki_certificate("leaf", "EC:P-256", "two", EXTENSIONS_SERVER);
	pki_certificate("edwards", "ED25519", NULL, EXTENSIONS_CA);
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		assert_int_equal(send_chain(chains[i]), UNITLS_VERIFY_NONE);
	assert_int_equal(send_chain(broken), UNITLS_VERIFY_UNKNOWN_CA);
}

/* A way that leads nowhere is left for another, and a detour's fault does not hide the first one's. */
static void test_another_way_up_is_found(void **state)
{
	static const char *const ways[][6] = {{"leaf", "bad", "good"}, {"leaf", "good", "bad"}};
	static const char *const one_way[] = {"leaf", "bad", NULL};

	(void)state;
	pki_certificate("way", "EC:P-256", "ca", EXTENSIONS_CA);
	pki_certificate("leaf", "EC:P-256", "way", EXTENSIONS_SERVER);
	pki_join("good.pem", "way.pem", NULL);
	pki_expired("way", "ca", "way.cnf", "bad.pem");
	for (int i = 0; i < 2; i++)
		assert_int_equal(send_chain(ways[i]), UNITLS_VERIFY_NONE);
	assert_int_equal(send_chain(one_way), UNITLS_VERIFY_EXPIRED);
}

/* The ways through certificates of one name are as many as their orders, and how many there are is the peer's choice. */
static void test_many_certificates_of_one_name_take_no_time(void **state)
{
	static char names[14][8];
	const char *chain[] = {"lost", [15] = NULL};
	clock_t began;

	(void)state;
	pki_certificate("nobody", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("lost", "EC:P-256", "nobody", EXTENSIONS_SERVER);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "name%zu", i);
		pki_openssl(
			"req -x509 -key nobody.key -subj /CN=nobody -days 30 -config nobody.cnf -extensions ext -out %s.pem",
			names[i]);
		chain[i + 1] = names[i];
	}
	began = clock();
	assert_int_equal(send_chain(chain), UNITLS_VERIFY_UNKNOWN_CA);
	assert_true(clock() - began < CLOCKS_PER_SEC);
}

/* Whoever sends more than there is room for is refused; nothing grows. */
static void test_a_chain_without_end_is_refused(void **state)
{
	const char *names[CHAIN_MAX] = {"leaf"};

	(void)state;
	pki_certificate("leaf", "EC:P-256", "ca", EXTENSIONS_SERVER);
	for (size_t i = 1; i < CHAIN_MAX - 1; i++)
		names[i] = "stranger";
	assert_int_equal(send_chain(names), UNITLS_VERIFY_OTHER);
	names[8] = NULL;
	assert_int_equal(send_chain(names), UNITLS_VERIFY_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_optional_client_certificate_must_be_good),
		cmocka_unit_test(test_every_certificate_of_the_store_is_an_anchor),
		cmocka_unit_test(test_a_leaf_as_anchor_vouches_for_itself_alone),
		cmocka_unit_test(test_another_ca_of_the_same_name_is_no_issuer),
		cmocka_unit_test(test_what_the_validator_does_not_look_at),
		cmocka_unit_test(test_an_anchors_own_limits_hold),
		cmocka_unit_test(test_weak_signatures_are_refused),
		cmocka_unit_test(test_the_configurations_clock_judges),
		cmocka_unit_test(test_an_expired_leaf_is_told_from_its_issuer),
		cmocka_unit_test(test_unreadable_anchors),
		cmocka_unit_test(test_a_chain_in_any_order),
		cmocka_unit_test(test_another_way_up_is_found),
		cmocka_unit_test(test_many_certificates_of_one_name_take_no_time),
		cmocka_unit_test(test_a_chain_without_end_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, pki_teardown);
}
