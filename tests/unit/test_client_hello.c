/*
 * The parser of ClientHello messages: what it reads, what it refuses and with which alert, and that no damage to a message goes further.
 */
#include "core/client_hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include <unitls/alpn.h>

/* A message under construction. */
struct message {
	uint8_t data[4096];
	size_t size;
	size_t extensions_at; /* where the length of the extensions stands */
};

static void put(struct message *message, const void *bytes, size_t size)
{
	assert_true(message->size + size <= sizeof(message->data));
	memcpy(message->data + message->size, bytes, size);
	message->size += size;
}

static void put_u16(struct message *message, size_t value)
{
	const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};

	put(message, bytes, 2);
}

/* Sets the lengths. */
static void seal(struct message *message)
{
	size_t body = message->size - 4;
	size_t extensions = message->size - message->extensions_at - 2;

	message->data[2] = (uint8_t)(body >> 8);
	message->data[3] = (uint8_t)body;
	message->data[message->extensions_at] = (uint8_t)(extensions >> 8);
	message->data[message->extensions_at + 1] = (uint8_t)extensions;
}

/* A hello without extensions: TLS 1.2, two suites. */
static void begin(struct message *message)
{
	static const uint8_t fixed[] = {1, 0, 0, 0, 3, 3};
	static const uint8_t random[32];
	static const uint8_t rest[] = {0, 0, 4, 0xc0, 0x2b, 0x13, 0x01, 1, 0};

	memset(message, 0, sizeof(*message));
	put(message, fixed, sizeof(fixed));
	put(message, random, sizeof(random));
	put(message, rest, sizeof(rest));
	message->extensions_at = message->size;
	put_u16(message, 0);
	seal(message);
}

static void add_extension(struct message *message, size_t type, const void *body, size_t size)
{
	put_u16(message, type);
	put_u16(message, size);
	put(message, body, size);
	seal(message);
}

static void add_name(struct message *message, const void *name, size_t size)
{
	struct message body = {.size = 0};

	put_u16(&body, size + 3);
	put(&body, "\0", 1);
	put_u16(&body, size);
	put(&body, name, size);
	add_extension(message, 0, body.data, body.size);
}

static void add_alpn(struct message *message)
{
	add_extension(message, 16, "\0\x0c\2h2\x08http/1.1", 14);
}

/* All that the parser looks into. */
static void make_full(struct message *message)
{
	begin(message);
	add_name(message, "Mail.Example.", 13);
	add_alpn(message);
	add_extension(message, 43, "\4\3\4\3\3", 5);
	add_extension(message, 10, "\0\4\0\x1d\0\x17", 6);
	add_extension(message, 11, "\3\0\1\2", 4);
	add_extension(message, 13, "\0\4\4\3\x08\4", 6);
	add_extension(message, 50, "\0\2\4\3", 4);
	add_extension(message, 0x0a0a, "", 0);
	add_extension(message, 41, "psk", 3);
}

static struct unitls_client_hello *parse(const struct message *message)
{
	struct unitls_client_hello *hello = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_client_hello_parse(message->data, message->size, &hello, &error) < 0)
		fail_msg("%s", error.text);
	return hello;
}

static void check_refused(const struct message *message, int alert)
{
	struct unitls_client_hello *hello = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	assert_int_equal(unitls_client_hello_parse(message->data, message->size, &hello, &error), UNITLS_ERROR);
	assert_null(hello);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	assert_int_equal(error.alert, alert);
}

static void a_full_hello_is_read(void **state)
{
	struct message message;
	struct unitls_client_hello *hello;
	struct unitls_bytes name;
	uint16_t value;

	(void)state;
	make_full(&message);
	hello = parse(&message);
	assert_string_equal(unitls_client_hello_server_name(hello), "mail.example");
	assert_true(unitls_client_hello_alpn_at(hello, 0, &name));
	assert_int_equal(name.size, 2);
	assert_memory_equal(name.data, "h2", 2);
	assert_true(unitls_client_hello_alpn_at(hello, 1, &name));
	assert_int_equal(name.size, 8);
	assert_false(unitls_client_hello_alpn_at(hello, 2, &name));
	assert_true(unitls_client_hello_offers_version(hello, UNITLS_TLS_1_3));
	assert_true(unitls_client_hello_offers_version(hello, UNITLS_TLS_1_2));
	assert_false(unitls_client_hello_offers_version(hello, 0x0302));
	assert_true(unitls_client_hello_cipher_suite_at(hello, 1, &value));
	assert_int_equal(value, 0x1301);
	assert_false(unitls_client_hello_cipher_suite_at(hello, 2, &value));
	assert_true(unitls_client_hello_group_at(hello, 0, &value));
	assert_int_equal(value, 0x001d);
	assert_true(unitls_client_hello_signature_scheme_at(hello, 1, &value));
	assert_int_equal(value, 0x0804);
	assert_int_equal(unitls_client_hello_raw(hello).size, message.size);
	unitls_client_hello_free(hello);
}

static void without_extensions_the_old_version_field_counts(void **state)
{
	struct message message;
	struct unitls_client_hello *hello;
	uint16_t value;

	(void)state;
	begin(&message);
	hello = parse(&message);
	assert_null(unitls_client_hello_server_name(hello));
	assert_true(unitls_client_hello_offers_version(hello, UNITLS_TLS_1_2));
	assert_false(unitls_client_hello_offers_version(hello, UNITLS_TLS_1_3));
	assert_false(unitls_client_hello_group_at(hello, 0, &value));
	unitls_client_hello_free(hello);
}

/* Neither extensions nor their length: SSL 3.0's form, still legal in TLS 1.2 (RFC 5246, 7.4.1.2). */
static void the_extensions_may_be_absent(void **state)
{
	struct message message;

	(void)state;
	begin(&message);
	message.size -= 2;
	message.data[3] = (uint8_t)(message.size - 4);
	unitls_client_hello_free(parse(&message));
}

static void an_ip_literal_counts_as_no_name(void **state)
{
	static const char *const literals[] = {"127.0.0.1", "::1", "2001:db8::7"};

	(void)state;
	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		struct message message;
		struct unitls_client_hello *hello;

		begin(&message);
		add_name(&message, literals[i], strlen(literals[i]));
		hello = parse(&message);
		assert_null(unitls_client_hello_server_name(hello));
		unitls_client_hello_free(hello);
	}
}

static void what_is_no_host_name_is_refused(void **state)
{
	static const struct {
		const char *name;
		size_t size;
	} names[] = {
		{"", 0},
		{"a\0b.example", 11},
		{"line\nbreak.example", 18},
		{"*.example", 9},
		{"a..example", 10},
		{".example", 8},
		{"caf\xc3\xa9.example", 13},
		{"a b.example", 11},
		{"[::1]", 5},
	};
	char overlong[300];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct message message;

		begin(&message);
		add_name(&message, names[i].name, names[i].size);
		check_refused(&message, UNITLS_ALERT_ILLEGAL_PARAMETER);
	}
	for (size_t i = 0; i < sizeof(overlong); i++)
		overlong[i] = i % 50 == 49 ? '.' : 'a';
	for (size_t size = UNITLS_DNS_NAME_MAX + 1; size < sizeof(overlong); size++) {
		struct message message;

		if (overlong[size - 1] == '.')
			continue;
		begin(&message);
		add_name(&message, overlong, size);
		check_refused(&message, UNITLS_ALERT_ILLEGAL_PARAMETER);
	}
}

static void each_broken_rule_has_its_alert(void **state)
{
	struct message message;

	(void)state;
	begin(&message); /* two names (RFC 6066, 3) */
	add_extension(&message, 0, "\0\x0a\0\0\2aa\0\0\2bb", 12);
	check_refused(&message, UNITLS_ALERT_ILLEGAL_PARAMETER);
	begin(&message); /* an extension twice (RFC 8446, 4.2) */
	add_alpn(&message);
	add_alpn(&message);
	check_refused(&message, UNITLS_ALERT_ILLEGAL_PARAMETER);
	begin(&message); /* pre_shared_key not the last (RFC 8446, 4.2.11) */
	add_extension(&message, 41, "psk", 3);
	add_alpn(&message);
	check_refused(&message, UNITLS_ALERT_ILLEGAL_PARAMETER);
	begin(&message); /* an empty ALPN name (RFC 7301, 3.1) */
	add_extension(&message, 16, "\0\1\0", 3);
	check_refused(&message, UNITLS_ALERT_DECODE_ERROR);
	begin(&message); /* half a group */
	add_extension(&message, 10, "\0\3\0\x1d\0", 5);
	check_refused(&message, UNITLS_ALERT_DECODE_ERROR);
	begin(&message); /* point formats without the one left (RFC 8422, 5.1.2) */
	add_extension(&message, 11, "\2\1\2", 3);
	check_refused(&message, UNITLS_ALERT_ILLEGAL_PARAMETER);
	begin(&message); /* no point format */
	add_extension(&message, 11, "\0", 1);
	check_refused(&message, UNITLS_ALERT_DECODE_ERROR);
	begin(&message); /* no version */
	add_extension(&message, 43, "\0", 1);
	check_refused(&message, UNITLS_ALERT_DECODE_ERROR);
	begin(&message); /* SSL 2 in a TLS record */
	message.data[4] = 2;
	check_refused(&message, UNITLS_ALERT_PROTOCOL_VERSION);
	begin(&message); /* compression without null */
	message.data[message.extensions_at - 1] = 1;
	check_refused(&message, UNITLS_ALERT_ILLEGAL_PARAMETER);
	begin(&message); /* an overlong session id */
	message.data[4 + 2 + 32] = 33;
	check_refused(&message, UNITLS_ALERT_DECODE_ERROR);
}

static void too_many_extensions_are_refused(void **state)
{
	struct message message;

	(void)state;
	begin(&message);
	for (size_t type = 1000; type < 1128; type++)
		add_extension(&message, type, "", 0);
	unitls_client_hello_free(parse(&message));
	add_extension(&message, 2000, "", 0);
	check_refused(&message, UNITLS_ALERT_ILLEGAL_PARAMETER);
}

static void every_truncation_is_refused(void **state)
{
	struct message message;

	(void)state;
	make_full(&message);
	for (size_t size = 0; size < message.size; size++) {
		struct unitls_client_hello *hello = NULL;
		struct unitls_error error = UNITLS_ERROR_INIT;
		uint8_t *exact = malloc(size > 0 ? size : 1); /* so that a sanitizer sees a read past the end */

		assert_non_null(exact);
		memcpy(exact, message.data, size);
		assert_int_equal(unitls_client_hello_parse(exact, size, &hello, &error), UNITLS_ERROR);
		assert_int_equal(error.alert, UNITLS_ALERT_DECODE_ERROR);
		free(exact);
	}
}

/* Any value of any byte: read or refused, and what was read can be asked for. */
static void every_changed_byte_is_survived(void **state)
{
	struct message message;

	(void)state;
	make_full(&message);
	for (size_t at = 0; at < message.size; at++) {
		const uint8_t kept = message.data[at];

		for (unsigned value = 0; value < 256; value++) {
			struct unitls_client_hello *hello = NULL;
			struct unitls_bytes name;
			uint16_t number;

			message.data[at] = (uint8_t)value;
			if (unitls_client_hello_parse(message.data, message.size, &hello, NULL) < 0)
				continue;
			for (size_t i = 0; unitls_client_hello_alpn_at(hello, i, &name); i++)
				assert_in_range(name.size, 1, UNITLS_ALPN_NAME_MAX);
			for (size_t i = 0; unitls_client_hello_group_at(hello, i, &number); i++)
				assert_true(i < message.size);
			unitls_client_hello_free(hello);
		}
		message.data[at] = kept;
	}
}

static void without_memory_it_says_so(void **state)
{
	struct message message;
	bool failed = true;

	(void)state;
	make_full(&message);
	for (size_t n = 0; failed; n++) {
		struct unitls_client_hello *hello = NULL;
		struct unitls_error error = UNITLS_ERROR_INIT;
		int status;

		alloc_fail_start(n);
		status = unitls_client_hello_parse(message.data, message.size, &hello, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : UNITLS_OK);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		unitls_client_hello_free(hello);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_hello_is_read),
		cmocka_unit_test(without_extensions_the_old_version_field_counts),
		cmocka_unit_test(the_extensions_may_be_absent),
		cmocka_unit_test(an_ip_literal_counts_as_no_name),
		cmocka_unit_test(what_is_no_host_name_is_refused),
		cmocka_unit_test(each_broken_rule_has_its_alert),
		cmocka_unit_test(too_many_extensions_are_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_changed_byte_is_survived),
		cmocka_unit_test(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
