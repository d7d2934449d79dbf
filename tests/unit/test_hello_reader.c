/*
 * Getting a ClientHello together from records, however they are cut.
 */
#include "core/hello_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"

#define HELLO_SIZE 300
#define BIG_HELLO  UNITLS_CLIENT_HELLO_LIMIT_BYTES

struct input {
	struct unitls_transport transport;
	struct unitls_hello_reader reader;
};

static void add(struct input *input, const void *bytes, size_t size)
{
	struct unitls_buffer *incoming = &input->transport.incoming;

	assert_int_equal(unitls_buffer_reserve(incoming, size, UNITLS_INCOMING_LIMIT_BYTES), 0);
	memcpy(incoming->data + incoming->tail, bytes, size);
	incoming->tail += size;
}

static void add_record_of(struct input *input, uint8_t minor, uint8_t type, const uint8_t *body, size_t size)
{
	const uint8_t header[] = {type, 3, minor, (uint8_t)(size >> 8), (uint8_t)size};

	add(input, header, sizeof(header));
	add(input, body, size);
}

static void add_record(struct input *input, uint8_t type, const uint8_t *body, size_t size)
{
	add_record_of(input, 1, type, body, size);
}

/* A handshake message of that size: a valid header, then bytes that tell their place. */
static uint8_t *make_message(size_t size)
{
	uint8_t *message = malloc(size);

	assert_non_null(message);
	for (size_t i = 0; i < size; i++)
		message[i] = (uint8_t)(i * 7);
	message[0] = 1;
	message[1] = (uint8_t)((size - 4) >> 16);
	message[2] = (uint8_t)((size - 4) >> 8);
	message[3] = (uint8_t)(size - 4);
	return message;
}

static int step(struct input *input, struct unitls_bytes *message, struct unitls_error *error)
{
	*error = (struct unitls_error)UNITLS_ERROR_INIT;
	return unitls_hello_reader_step(&input->reader, &input->transport, message, error);
}

static void check_refused(struct input *input, enum unitls_error_class error_class, int alert)
{
	struct unitls_bytes message;
	struct unitls_error error;

	assert_int_equal(step(input, &message, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, error_class);
	assert_int_equal(error.alert, alert);
	unitls_buffer_clear(&input->transport.incoming);
}

/* The hello stands at the front as one record, and what came behind it follows. */
static void check_joined(struct input *input, const uint8_t *message, size_t size, const char *behind)
{
	const struct unitls_buffer *incoming = &input->transport.incoming;
	const uint8_t *front = incoming->data + incoming->head;
	struct unitls_bytes found;
	struct unitls_error error;

	assert_int_equal(step(input, &found, &error), UNITLS_OK);
	assert_int_equal(found.size, size);
	assert_memory_equal(found.data, message, size);
	assert_int_equal(front[0], 22);
	assert_int_equal(front[1], 3);
	assert_int_equal(front[2], 3);
	assert_int_equal((size_t)front[3] << 8 | front[4], size);
	assert_ptr_equal(found.data, front + UNITLS_RECORD_HEADER_SIZE);
	assert_int_equal(input->reader.parsed, UNITLS_RECORD_HEADER_SIZE + size);
	assert_int_equal(unitls_buffer_size(incoming), UNITLS_RECORD_HEADER_SIZE + size + strlen(behind));
	assert_memory_equal(found.data + size, behind, strlen(behind));
	unitls_buffer_clear(&input->transport.incoming);
}

static void one_record_stays_where_it_is(void **state)
{
	struct input input = {0};
	uint8_t *message = make_message(HELLO_SIZE);

	(void)state;
	add_record(&input, 22, message, HELLO_SIZE);
	add(&input, "behind", 6);
	check_joined(&input, message, HELLO_SIZE, "behind");
	free(message);
}

static void the_version_of_the_record_does_not_matter(void **state)
{
	uint8_t *message = make_message(HELLO_SIZE);

	(void)state;
	for (unsigned minor = 0; minor < 256; minor++) {
		struct input input = {0};

		add_record_of(&input, (uint8_t)minor, 22, message, HELLO_SIZE);
		check_joined(&input, message, HELLO_SIZE, "");
	}
	free(message);
}

static void every_pair_of_records_is_joined(void **state)
{
	uint8_t *message = make_message(HELLO_SIZE);

	(void)state;
	for (size_t cut = 1; cut < HELLO_SIZE; cut++) {
		struct input input = {0};

		add_record(&input, 22, message, cut);
		add_record(&input, 22, message + cut, HELLO_SIZE - cut);
		add(&input, "behind", 6);
		check_joined(&input, message, HELLO_SIZE, "behind");
	}
	free(message);
}

static void nothing_at_all_is_waited_for(void **state)
{
	struct input input = {0};
	struct unitls_bytes found = {NULL, 0};
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_null(input.transport.incoming.data);
	assert_int_equal(
		unitls_hello_reader_step(&input.reader, &input.transport, &found, &error), UNITLS_WANT_READ);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_NONE);
}

static void every_byte_alone_waits_for_the_next(void **state)
{
	struct input input = {0};
	uint8_t *message = make_message(HELLO_SIZE);
	uint8_t stream[HELLO_SIZE * 6];
	struct unitls_bytes found;
	struct unitls_error error;

	(void)state;
	for (size_t i = 0; i < HELLO_SIZE; i++) {
		const uint8_t record[] = {22, 3, 1, 0, 1, message[i]};

		memcpy(stream + i * 6, record, 6);
	}
	for (size_t i = 0; i + 1 < sizeof(stream); i++) {
		add(&input, stream + i, 1);
		assert_int_equal(step(&input, &found, &error), UNITLS_WANT_READ);
	}
	add(&input, stream + sizeof(stream) - 1, 1);
	check_joined(&input, message, HELLO_SIZE, "");
	free(message);
}

/* 16 KiB in records of one byte are 96 KiB, more than may be held at once. */
static void the_largest_hello_in_the_smallest_records_fits(void **state)
{
	struct input input = {0};
	uint8_t *message = make_message(BIG_HELLO);
	struct unitls_bytes found;
	struct unitls_error error;

	(void)state;
	for (size_t i = 0; i + 1 < BIG_HELLO; i++) {
		add_record(&input, 22, message + i, 1);
		if (i % 1000 == 0)
			assert_int_equal(step(&input, &found, &error), UNITLS_WANT_READ);
	}
	add_record(&input, 22, message + BIG_HELLO - 1, 1);
	check_joined(&input, message, BIG_HELLO, "");
	free(message);
}

static void above_the_limit_is_refused_at_its_header(void **state)
{
	struct input input = {0};
	const uint8_t header[] = {1, 0, (BIG_HELLO - 3) >> 8, (BIG_HELLO - 3) & 0xff};

	(void)state;
	add_record(&input, 22, header, sizeof(header));
	check_refused(&input, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_ILLEGAL_PARAMETER);
}

static void what_is_no_tls_is_told_by_its_first_byte(void **state)
{
	static const struct {
		uint8_t octet;
		int alert;
	} cases[] = {
		{'G', UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{0x80, UNITLS_ALERT_PROTOCOL_VERSION},
		{0x00, UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{'\n', UNITLS_ALERT_UNEXPECTED_MESSAGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct input input = {0};

		add(&input, &cases[i].octet, 1);
		check_refused(&input, UNITLS_ERROR_CLASS_PROTOCOL, cases[i].alert);
	}
}

static void bad_records_are_refused_as_soon_as_their_header_tells(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t size;
		enum unitls_error_class error_class;
		int alert;
	} cases[] = {
		{{22, 2}, 2, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_PROTOCOL_VERSION},
		{{22, 3, 1, 0x40, 0x01}, 5, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_RECORD_OVERFLOW},
		{{22, 3, 1, 0, 0}, 5, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{{22, 3, 1, 0, 1, 2}, 6, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{{23, 3, 3, 0, 1, 9}, 6, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{{20, 3, 3, 0, 1, 1}, 6, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{{21, 3, 3, 0, 2, 2, 40}, 7, UNITLS_ERROR_CLASS_PEER_ALERT, UNITLS_ALERT_HANDSHAKE_FAILURE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct input input = {0};

		add(&input, cases[i].bytes, cases[i].size);
		check_refused(&input, cases[i].error_class, cases[i].alert);
	}
}

static void another_record_within_the_hello_is_refused(void **state)
{
	struct input input = {0};
	uint8_t *message = make_message(HELLO_SIZE);

	(void)state;
	add_record(&input, 22, message, 100);
	add_record(&input, 20, (const uint8_t *)"\1", 1);
	check_refused(&input, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE);
	free(message);
}

static void data_behind_the_hello_in_its_record_is_refused(void **state)
{
	struct input input = {0};
	uint8_t *message = make_message(HELLO_SIZE);

	(void)state;
	message[3]--;
	add_record(&input, 22, message, HELLO_SIZE);
	check_refused(&input, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE);
	free(message);
}

/* RFC 8446, D.4: a client may send a change_cipher_spec before its second hello; that is the backend's to read. */
static void a_compatibility_record_before_the_second_hello_is_passed_on(void **state)
{
	struct input input = {.reader = {.which = UNITLS_HELLO_SECOND}};
	uint8_t *message = make_message(HELLO_SIZE);
	struct unitls_bytes found;
	struct unitls_error error;

	(void)state;
	add_record(&input, 20, (const uint8_t *)"\1", 1);
	add_record(&input, 22, message, 10);
	add_record(&input, 22, message + 10, HELLO_SIZE - 10);
	assert_int_equal(step(&input, &found, &error), UNITLS_EOF);
	assert_int_equal(input.transport.incoming_visible, 6);
	unitls_transport_consume(&input.transport, 6);
	check_joined(&input, message, HELLO_SIZE, "");
	free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_record_stays_where_it_is),
		cmocka_unit_test(the_version_of_the_record_does_not_matter),
		cmocka_unit_test(every_pair_of_records_is_joined),
		cmocka_unit_test(nothing_at_all_is_waited_for),
		cmocka_unit_test(every_byte_alone_waits_for_the_next),
		cmocka_unit_test(the_largest_hello_in_the_smallest_records_fits),
		cmocka_unit_test(above_the_limit_is_refused_at_its_header),
		cmocka_unit_test(what_is_no_tls_is_told_by_its_first_byte),
		cmocka_unit_test(bad_records_are_refused_as_soon_as_their_header_tells),
		cmocka_unit_test(another_record_within_the_hello_is_refused),
		cmocka_unit_test(data_behind_the_hello_in_its_record_is_refused),
		cmocka_unit_test(a_compatibility_record_before_the_second_hello_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
