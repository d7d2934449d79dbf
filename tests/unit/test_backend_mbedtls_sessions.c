/*
 * The mbedtls backend's sessions, tickets and revocation lists: what the library does not see to by itself. What all backends do alike is in the contract
 * suite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/alloc_fail.h"
#include "tests/unit/backend_pair.h"
#include "tests/unit/pki.h"

#define EXTENSIONS_SERVER "subjectAltName=DNS:" PAIR_SERVER_NAME "\nextendedKeyUsage=serverAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
#define EXTENSIONS_NO_CRL "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"

#define RECORD_HEADER      5
#define RECORD_HANDSHAKE   22
#define CERTIFICATE        11
#define NEW_SESSION_TICKET 4
#define HOUR_S             3600
#define DHE_RSA_AES128     0x009e
#define RSA_AES128         0x009c

/* Lists of no certificates, by OpenSSL's own little authority. */
static const char authority[] = "[ca]\ndefault_ca = d\n"
				"[d]\ndatabase = index.txt\ndefault_md = sha256\n";

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("silent", "EC:P-256", NULL, EXTENSIONS_NO_CRL);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("unlisted", "EC:P-256", "silent", EXTENSIONS_SERVER);
	pki_write("authority.cnf", authority, strlen(authority));
	pki_write("index.txt", "", 0);
	return pair_load("mbedtls");
}

/* Contexts and connections ------------------------------------------------------------------------------------------------- */

static int64_t clock_offset;
static int64_t clock_step; /* by how much each look at the clock sets it */

static int64_t shifted_clock(void *argument)
{
	int64_t now = (int64_t)time(NULL) + clock_offset;

	(void)argument;
	clock_offset += clock_step;
	return now;
}

/* A server whose tickets are sealed with these keys, by a clock that tests set. */
static struct unitls_server_context *ticket_server(const char *certificate, struct unitls_ticket_keys *keys)
{
	const struct recipe recipe = {.certificate = certificate, .clock = shifted_clock};
	struct unitls_config_builder *builder = pair_build(&recipe);
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_config *config = NULL;
	struct unitls_server_context *context = NULL;

	assert_int_equal(unitls_config_builder_set_ticket_keys(builder, keys), 0);
	assert_int_equal(unitls_config_builder_build_server(builder, &config, &error), 0);
	unitls_config_builder_free(builder);
	if (unitls_server_context_new(pair_backend(), config, UNITLS_EFFORT_STRICT, NULL, &context, &error) != 0)
		fail_msg("%s", error.text);
	unitls_server_config_unref(config);
	return context;
}

/* A client up to a version; suite: the only one of TLS 1.2, 0 = the defaults. */
static struct unitls_client_context *plain_client(uint16_t max_version, uint16_t suite)
{
	const struct recipe recipe = {.store = "ca.pem"};
	struct unitls_config_builder *builder = pair_build(&recipe);
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_config *config = NULL;
	struct unitls_client_context *context = NULL;

	assert_int_equal(unitls_config_builder_set_max_version(builder, max_version), 0);
	if (suite != 0)
		assert_int_equal(unitls_config_builder_set_cipher_suites(builder, &suite, 1), 0);
	assert_int_equal(unitls_config_builder_build_client(builder, &config, &error), 0);
	unitls_config_builder_free(builder);
	if (unitls_client_context_new(pair_backend(), config, UNITLS_EFFORT_STRICT, NULL, &context, &error) != 0)
		fail_msg("%s", error.text);
	unitls_client_config_unref(config);
	return context;
}

/* In TLS 1.3 a ticket comes with a read. */
static void read_tickets(struct pair *pair)
{
	uint8_t byte;
	size_t n;

	assert_int_equal(
		unitls_connection_read(pair->ends[CLIENT], &byte, 1, &n, &pair->error[CLIENT]), UNITLS_WANT_READ);
}

/*
 * One connection that offers *session, if there is one, and puts the newest session in its place. Whether it was resumed.
 */
static bool visit(struct unitls_client_context *client, struct unitls_server_context *server,
	struct unitls_session **session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_session *next = NULL;
	struct pair pair;
	bool is_resumed;

	pair_open(&pair, client, server, NULL);
	if (*session != NULL && unitls_connection_offer_session(pair.ends[CLIENT], *session, &error) != UNITLS_OK)
		fail_msg("%s", error.text);
	pair_handshake(&pair);
	pair_assert_connected(&pair);
	read_tickets(&pair);
	if (unitls_connection_session(pair.ends[CLIENT], &next, &error) != UNITLS_OK)
		fail_msg("no session: %s", error.text);
	is_resumed = unitls_connection_resumed(pair.ends[CLIENT]);
	assert_int_equal(is_resumed, unitls_connection_resumed(pair.ends[SERVER]));
	pair_free(&pair);
	unitls_session_unref(*session);
	*session = next;
	return is_resumed;
}

/* Tickets ------------------------------------------------------------------------------------------------------------------ */

struct shop {
	struct unitls_ticket_keys *keys;
	struct unitls_client_context *client;
	struct unitls_server_context *server;
	struct unitls_session *session; /* of the first visit */
};

static struct unitls_ticket_secrets secrets_of(const char *letters)
{
	struct unitls_ticket_secrets secrets = {.n = strlen(letters)};

	for (size_t i = 0; i < secrets.n; i++)
		memset(secrets.secrets[i], letters[i], sizeof(secrets.secrets[i]));
	return secrets;
}

static void rotate(struct shop *shop, const char *letters)
{
	struct unitls_ticket_secrets secrets = secrets_of(letters);
	struct unitls_error error = UNITLS_ERROR_INIT;

	assert_int_equal(unitls_ticket_keys_rotate(shop->keys, &secrets, &error), 0);
}

static void shop_open(struct shop *shop, uint16_t version)
{
	struct unitls_ticket_secrets secrets = secrets_of("a");
	struct unitls_error error = UNITLS_ERROR_INIT;

	clock_offset = 0;
	*shop = (struct shop){NULL, NULL, NULL, NULL};
	assert_int_equal(unitls_ticket_keys_from_secrets(&secrets, &shop->keys, &error), 0);
	shop->client = plain_client(version, 0);
	shop->server = ticket_server("ec", shop->keys);
	assert_false(visit(shop->client, shop->server, &shop->session));
}

static void shop_close(struct shop *shop)
{
	unitls_session_unref(shop->session);
	unitls_client_context_unref(shop->client);
	unitls_server_context_unref(shop->server);
	unitls_ticket_keys_unref(shop->keys);
	clock_offset = 0;
}

/* The library sends no ticket in the place of one that it has taken. */
static void assert_renewed(uint16_t version)
{
	struct shop shop;

	shop_open(&shop, version);
	rotate(&shop, "ba");
	assert_true(visit(shop.client, shop.server, &shop.session));
	rotate(&shop, "b");
	assert_true(visit(shop.client, shop.server, &shop.session));
	rotate(&shop, "c");
	assert_false(visit(shop.client, shop.server, &shop.session));
	shop_close(&shop);
}

static void test_a_ticket_under_an_old_key_is_renewed(void **state)
{
	(void)state;
	assert_renewed(UNITLS_TLS_1_2);
	assert_renewed(UNITLS_TLS_MAXIMUM_SUPPORTED);
}

static void assert_ends_after_a_day(uint16_t version)
{
	struct shop shop;

	shop_open(&shop, version);
	clock_offset = 20 * HOUR_S;
	rotate(&shop, "ba");
	assert_true(visit(shop.client, shop.server, &shop.session));
	clock_offset = 25 * HOUR_S; /* the ticket is five hours old, its session 25 */
	assert_false(visit(shop.client, shop.server, &shop.session));
	clock_offset = 24 * HOUR_S; /* from the future */
	assert_false(visit(shop.client, shop.server, &shop.session));
	shop_close(&shop);
}

static void test_a_renewed_ticket_does_not_make_a_session_younger(void **state)
{
	(void)state;
	assert_ends_after_a_day(UNITLS_TLS_1_2);
	assert_ends_after_a_day(UNITLS_TLS_MAXIMUM_SUPPORTED);
}

/* The library would resume with a suite of the other key, and the client give up. */
static void test_a_ticket_is_left_where_the_key_no_longer_fits_its_suite(void **state)
{
	struct unitls_server_context *other;
	struct shop shop;

	(void)state;
	shop_open(&shop, UNITLS_TLS_1_2);
	other = ticket_server("rsa", shop.keys);
	assert_false(visit(shop.client, other, &shop.session));
	assert_true(visit(shop.client, other, &shop.session));
	assert_false(visit(shop.client, shop.server, &shop.session));
	unitls_server_context_unref(other);
	shop_close(&shop);
}

/* The handshake message of this type that a record begins with, NULL: there is none. */
static const uint8_t *find_message(struct unitls_bytes bytes, uint8_t type)
{
	while (bytes.size > RECORD_HEADER) {
		size_t size = RECORD_HEADER + ((size_t)bytes.data[3] << 8 | bytes.data[4]);

		if (bytes.data[0] == RECORD_HANDSHAKE && bytes.data[RECORD_HEADER] == type)
			return bytes.data + RECORD_HEADER;
		if (size > bytes.size)
			break;
		bytes.data += size;
		bytes.size -= size;
	}
	return NULL;
}

static bool has_message(struct unitls_bytes bytes, uint8_t type)
{
	return find_message(bytes, type) != NULL;
}

/* The lifetime of a renewed ticket whose session was an age old when it was taken; then the clock is set. */
static uint32_t renewed_lifetime(int64_t age, int64_t step)
{
	const uint8_t *ticket;
	struct shop shop;
	struct pair pair;
	uint32_t lifetime = 0;

	shop_open(&shop, UNITLS_TLS_1_2);
	rotate(&shop, "ba");
	clock_offset = age;
	clock_step = step;
	pair_open(&pair, shop.client, shop.server, NULL);
	assert_int_equal(unitls_connection_offer_session(pair.ends[CLIENT], shop.session, &pair.error[CLIENT]), 0);
	assert_int_equal(unitls_connection_handshake(pair.ends[CLIENT], &pair.error[CLIENT]), UNITLS_WANT_READ);
	(void)pair_deliver(&pair, CLIENT);
	assert_int_equal(unitls_connection_handshake(pair.ends[SERVER], &pair.error[SERVER]), UNITLS_WANT_READ);
	assert_false(has_message(unitls_connection_peek_outgoing(pair.ends[SERVER]), CERTIFICATE));
	ticket = find_message(unitls_connection_peek_outgoing(pair.ends[SERVER]), NEW_SESSION_TICKET);
	if (ticket == NULL)
		fail_msg("no ticket");
	else
		lifetime = (uint32_t)ticket[4] << 24 | (uint32_t)ticket[5] << 16 | (uint32_t)ticket[6] << 8 |
			ticket[7];
	pair_free(&pair);
	clock_step = 0;
	shop_close(&shop);
	return lifetime;
}

static void test_a_lifetime_stays_within_a_day_when_the_clock_is_set(void **state)
{
	(void)state;
	assert_in_range(renewed_lifetime(20 * HOUR_S, 0), 4 * HOUR_S - 60, 4 * HOUR_S);
	assert_int_equal(renewed_lifetime(23 * HOUR_S, 2 * HOUR_S), 0);
	assert_int_equal(renewed_lifetime(HOUR_S, -2 * HOUR_S), 24 * HOUR_S);
}

/* Hands over what one side has to send, but with another number for the extended master secret's extension. */
static void deliver_without_extension(struct pair *pair, enum side from)
{
	static const uint8_t extension[] = {0, 23, 0, 0};
	struct unitls_bytes sent = unitls_connection_peek_outgoing(pair->ends[from]);
	uint8_t *copy = malloc(sent.size);
	uint8_t *found;
	size_t n;

	assert_non_null(copy);
	memcpy(copy, sent.data, sent.size);
	found = memmem(copy, sent.size, extension, sizeof(extension));
	assert_non_null(found);
	found[0] = 0x7a;
	found[1] = 0x7b;
	unitls_connection_receive(pair->ends[1 - from], copy, sent.size, &n);
	unitls_connection_consume_outgoing(pair->ends[from], n);
	free(copy);
}

/* RFC 7627, 5.3. The library looks at neither end. */
static void test_sessions_do_not_lose_the_extended_master_secret(void **state)
{
	struct shop shop;
	struct pair pair;

	(void)state;
	shop_open(&shop, UNITLS_TLS_1_2);
	pair_open(&pair, shop.client, shop.server, NULL);
	assert_int_equal(unitls_connection_offer_session(pair.ends[CLIENT], shop.session, &pair.error[CLIENT]), 0);
	assert_int_equal(unitls_connection_handshake(pair.ends[CLIENT], &pair.error[CLIENT]), UNITLS_WANT_READ);
	deliver_without_extension(&pair, CLIENT);
	assert_int_equal(unitls_connection_handshake(pair.ends[SERVER], &pair.error[SERVER]), UNITLS_WANT_READ);
	assert_true(has_message(unitls_connection_peek_outgoing(pair.ends[SERVER]), CERTIFICATE));
	pair_free(&pair);

	pair_open(&pair, shop.client, shop.server, NULL);
	assert_int_equal(unitls_connection_offer_session(pair.ends[CLIENT], shop.session, &pair.error[CLIENT]), 0);
	assert_int_equal(unitls_connection_handshake(pair.ends[CLIENT], &pair.error[CLIENT]), UNITLS_WANT_READ);
	(void)pair_deliver(&pair, CLIENT);
	assert_int_equal(unitls_connection_handshake(pair.ends[SERVER], &pair.error[SERVER]), UNITLS_WANT_READ);
	assert_false(has_message(unitls_connection_peek_outgoing(pair.ends[SERVER]), CERTIFICATE));
	deliver_without_extension(&pair, SERVER);
	assert_int_equal(unitls_connection_handshake(pair.ends[CLIENT], &pair.error[CLIENT]), UNITLS_ERROR);
	assert_int_equal(pair.error[CLIENT].error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	assert_int_equal(pair.error[CLIENT].alert, UNITLS_ALERT_HANDSHAKE_FAILURE);
	assert_non_null(strstr(pair.error[CLIENT].text, "extended master secret"));
	pair_free(&pair);
	shop_close(&shop);
}

static void test_every_allocation_of_a_resumption_fails_cleanly(void **state)
{
	struct unitls_peer_name peer;
	struct shop shop;
	bool failed = true;

	(void)state;
	shop_open(&shop, UNITLS_TLS_MAXIMUM_SUPPORTED);
	rotate(&shop, "ba");
	assert_int_equal(unitls_peer_name_parse(PAIR_SERVER_NAME, &peer, NULL), 0);
	for (size_t i = 0; failed; i++) {
		struct pair pair = {.error = {UNITLS_ERROR_INIT, UNITLS_ERROR_INIT}, .status = {1, 1}};
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_session *next = NULL;
		int status = UNITLS_WANT_READ; /* as in TLS 1.3, where the ticket has not been read yet */

		alloc_fail_start(i);
		if (unitls_client_connection_new(shop.client, &peer, &pair.ends[CLIENT], &error) == 0 &&
			unitls_server_connection_new(shop.server, &pair.ends[SERVER], &error) == 0) {
			if (unitls_connection_offer_session(pair.ends[CLIENT], shop.session, &error) < 0)
				assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_MEMORY);
			pair_handshake(&pair);
			if (pair.status[CLIENT] == 0)
				status = unitls_connection_session(pair.ends[CLIENT], &next, &error);
		}
		failed = alloc_fail_stop();
		assert_true(failed || (pair.status[CLIENT] == 0 && pair.status[SERVER] == 0 && status >= 0));
		unitls_session_unref(next);
		pair_free(&pair);
	}
	shop_close(&shop);
}

/* What was agreed on -------------------------------------------------------------------------------------------------------- */

/* Connects with one suite of TLS 1.2 to a server that has it; what the client says of group and signature. */
static void assert_agreed(uint16_t suite, uint16_t group, uint16_t scheme)
{
	const struct recipe recipe = {.certificate = "rsa"};
	struct unitls_config_builder *builder = pair_build(&recipe);
	struct unitls_client_context *client = plain_client(UNITLS_TLS_1_2, suite);
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_context *server = NULL;
	struct unitls_server_config *config = NULL;
	struct pair pair;

	assert_int_equal(unitls_config_builder_set_cipher_suites(builder, &suite, 1), 0);
	assert_int_equal(unitls_config_builder_build_server(builder, &config, &error), 0);
	assert_int_equal(
		unitls_server_context_new(pair_backend(), config, UNITLS_EFFORT_STRICT, NULL, &server, &error), 0);
	pair_open(&pair, client, server, NULL);
	pair_handshake(&pair);
	pair_assert_connected(&pair);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(unitls_connection_group(pair.ends[i]), group);
		assert_int_equal(unitls_connection_signature_scheme(pair.ends[i]), scheme);
	}
	pair_free(&pair);
	unitls_config_builder_free(builder);
	unitls_server_config_unref(config);
	unitls_client_context_unref(client);
	unitls_server_context_unref(server);
}

/* The module reads it from the ServerKeyExchange, whose form depends on the suite. */
static void test_what_was_agreed_on_is_told_for_every_key_exchange(void **state)
{
	(void)state;
	assert_agreed(0xc02f, 29, 0x0401); /* ECDHE with x25519, the client's first; RSA with SHA-256, too */
	assert_agreed(DHE_RSA_AES128, 0, 0x0401);
	assert_agreed(RSA_AES128, 0, 0);
}

/* They cost a server much, and a list of groups would not count. */
static void test_servers_do_not_take_finite_fields_unasked(void **state)
{
	const struct recipe recipe = {.certificate = "rsa"};
	struct unitls_client_context *client = plain_client(UNITLS_TLS_1_2, DHE_RSA_AES128);
	struct unitls_server_context *server = NULL;
	struct unitls_error error;
	struct pair pair;

	(void)state;
	assert_int_equal(pair_try_server(&recipe, &server, &error), 0);
	pair_open(&pair, client, server, NULL);
	pair_handshake(&pair);
	assert_int_equal(pair.status[SERVER], UNITLS_ERROR);
	assert_int_equal(pair.error[SERVER].alert, UNITLS_ALERT_HANDSHAKE_FAILURE);
	pair_free(&pair);
	unitls_client_context_unref(client);
	unitls_server_context_unref(server);
}

/* Revocation lists ---------------------------------------------------------------------------------------------------------- */

/* FILE: a list of nobody that issuer signed. options: of openssl ca. */
static void make_list(const char *file, const char *issuer, const char *options)
{
	pki_openssl("ca -config authority.cnf -gencrl -keyfile %s.key -cert %s.pem -out %s %s", issuer, issuer,
		file, options);
}

static int try_client_with_lists(const char *store, const char *lists, unitls_clock now,
	struct unitls_client_context **ret_context, struct unitls_error *error)
{
	const struct recipe recipe = {.store = store, .clock = now};
	struct unitls_config_builder *builder = pair_build(&recipe);
	struct unitls_client_config *config = NULL;
	struct unitls_crl_list *crls = NULL;
	char *path = pki_path(lists);
	int status;

	*error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_crl_list_from_file(path, &crls, error), 0);
	free(path);
	assert_int_equal(unitls_config_builder_set_crls(builder, crls), 0);
	unitls_crl_list_unref(crls);
	assert_int_equal(unitls_config_builder_build_client(builder, &config, error), 0);
	unitls_config_builder_free(builder);
	status = unitls_client_context_new(pair_backend(), config, UNITLS_EFFORT_STRICT, NULL, ret_context, error);
	unitls_client_config_unref(config);
	return status;
}

/* What a client with these lists makes of a server that is revoked nowhere. */
static void assert_judged(const char *server, const char *store, const char *lists, unitls_clock now,
	enum unitls_verify_reason reason)
{
	const struct recipe recipe = {.certificate = server};
	struct unitls_client_context *client_side = NULL;
	struct unitls_server_context *server_side = NULL;
	struct unitls_error error;
	struct pair pair;

	assert_int_equal(try_client_with_lists(store, lists, now, &client_side, &error), 0);
	assert_int_equal(pair_try_server(&recipe, &server_side, &error), 0);
	pair_open(&pair, client_side, server_side, NULL);
	pair_handshake(&pair);
	assert_int_equal(pair.status[CLIENT], reason == UNITLS_VERIFY_NONE ? UNITLS_OK : UNITLS_ERROR);
	assert_string_equal(
		unitls_verify_reason_name(pair.error[CLIENT].verify_reason), unitls_verify_reason_name(reason));
	pair_free(&pair);
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

/* The library would refuse for the one that is out of date, and stop at the one that is forged. */
static void test_a_bad_list_does_not_spoil_a_good_one(void **state)
{
	(void)state;
	pki_openssl("req -x509 -new -key silent.key -subj /CN=ca -days 30 -out forger.pem");
	pki_join("forger.key", "silent.key", NULL);
	make_list("good.crl", "ca", "-crldays 5");
	make_list("stale.crl", "ca", "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z");
	make_list("forged.crl", "forger", "-crldays 5");
	pki_join("bad.crl", "stale.crl", "forged.crl", NULL);
	pki_join("all.crl", "stale.crl", "forged.crl", "good.crl", NULL);
	assert_judged("ec", "ca.pem", "bad.crl", NULL, UNITLS_VERIFY_REVOCATION_UNKNOWN);
	assert_judged("ec", "ca.pem", "all.crl", NULL, UNITLS_VERIFY_NONE);
}

/* Of the time the library knows the system's only. Certificates of these tests live for longer than the list. */
static void test_lists_are_judged_by_the_clock_of_the_configuration(void **state)
{
	(void)state;
	make_list("day.crl", "ca", "-crlhours 1");
	clock_offset = 0;
	assert_judged("ec", "ca.pem", "day.crl", shifted_clock, UNITLS_VERIFY_NONE);
	clock_offset = 2 * HOUR_S;
	assert_judged("ec", "ca.pem", "day.crl", shifted_clock, UNITLS_VERIFY_REVOCATION_UNKNOWN);
	clock_offset = 0;
}

static void test_a_list_counts_only_of_who_may_sign_lists(void **state)
{
	(void)state;
	make_list("silent.crl", "silent", "-crldays 5");
	assert_judged("unlisted", "silent.pem", "silent.crl", NULL, UNITLS_VERIFY_REVOCATION_UNKNOWN);
}

/* A trusted leaf whose issuer is nowhere: nothing says whether its list is genuine. */
static void test_a_leaf_that_is_an_anchor_has_to_be_covered_too(void **state)
{
	(void)state;
	make_list("anchor.crl", "ca", "-crldays 5");
	pki_join("both.pem", "ec.pem", "ca.pem", NULL);
	assert_judged("ec", "ec.pem", "anchor.crl", NULL, UNITLS_VERIFY_REVOCATION_UNKNOWN);
	assert_judged("ec", "both.pem", "anchor.crl", NULL, UNITLS_VERIFY_NONE);
}

static void test_a_list_that_the_library_does_not_understand_is_refused(void **state)
{
	struct unitls_client_context *client = NULL;
	struct unitls_error error;

	(void)state;
	pki_certificate("edwards", "ED25519", NULL, EXTENSIONS_CA);
	make_list("unknown.crl", "edwards", "-md null -crldays 5");
	assert_int_equal(try_client_with_lists("ca.pem", "unknown.crl", NULL, &client, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "crls");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_ticket_under_an_old_key_is_renewed),
		cmocka_unit_test(test_a_renewed_ticket_does_not_make_a_session_younger),
		cmocka_unit_test(test_a_ticket_is_left_where_the_key_no_longer_fits_its_suite),
		cmocka_unit_test(test_a_lifetime_stays_within_a_day_when_the_clock_is_set),
		cmocka_unit_test(test_sessions_do_not_lose_the_extended_master_secret),
		cmocka_unit_test(test_every_allocation_of_a_resumption_fails_cleanly),
		cmocka_unit_test(test_what_was_agreed_on_is_told_for_every_key_exchange),
		cmocka_unit_test(test_servers_do_not_take_finite_fields_unasked),
		cmocka_unit_test(test_a_bad_list_does_not_spoil_a_good_one),
		cmocka_unit_test(test_lists_are_judged_by_the_clock_of_the_configuration),
		cmocka_unit_test(test_a_list_counts_only_of_who_may_sign_lists),
		cmocka_unit_test(test_a_leaf_that_is_an_anchor_has_to_be_covered_too),
		cmocka_unit_test(test_a_list_that_the_library_does_not_understand_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, pki_teardown);
}
