/* The order in which an upstream's servers are tried, and the addresses of names. */

#include "daemon/upstream.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000u

struct bench {
	struct names *names;
	struct upstream *upstream;
	struct upstream_cursor cursor;
};

static void add_server(struct config_upstream *config, const char *text)
{
	const char *reason = NULL;
	struct config_address *items;

	items = reallocarray(config->servers.items, config->servers.count + 1, sizeof(*items));
	assert_non_null(items);
	memset(&items[config->servers.count], 0, sizeof(*items));
	assert_int_equal(address_parse(text, ADDRESS_SERVER, &items[config->servers.count].address, &reason), 0);
	config->servers.items = items;
	config->servers.count++;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	char name[] = "web";
	struct config_upstream config = {.section = {.name = name}, .tls = CONFIG_NONE};
	size_t server;

	add_server(&config, "127.0.0.1:1");
	add_server(&config, "app.example:2");
	add_server(&config, "[::1]:3");
	assert_int_equal(names_new(&bench->names), 0);
	assert_int_equal(upstream_new(&config, NULL, NULL, &bench->upstream, &server), 0);
	free(config.servers.items);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	upstream_unref(bench->upstream);
	names_free(bench->names);
	free(bench);
	return 0;
}

/* The next address as text; "" at the end. */
static const char *next(struct bench *bench)
{
	static char text[ADDRESS_TEXT_MAX];
	struct upstream_target target;
	struct address address;

	if (upstream_next(bench->upstream, bench->names, NOW, &bench->cursor, &target) != 0)
		return "";
	assert_int_equal(
		address_from_sockaddr((const struct sockaddr *)&target.storage, target.length, &address), 0);
	return address_format(&address, text, sizeof(text));
}

static void set_name(struct bench *bench, uint8_t first, uint8_t second)
{
	const struct ipc_ip items[2] = {
		{.family = 4, .bytes = {127, 0, 0, first}},
		{.family = 4, .bytes = {127, 0, 0, second}},
	};

	assert_int_equal(names_set(bench->names, "app.example", items, 2), 0);
}

static void servers_come_in_their_order_with_all_addresses_of_a_name(void **state)
{
	struct bench *bench = *state;

	set_name(bench, 8, 9);
	assert_string_equal(next(bench), "127.0.0.1:1");
	assert_string_equal(next(bench), "127.0.0.8:2");
	assert_string_equal(next(bench), "127.0.0.9:2");
	assert_string_equal(next(bench), "[::1]:3");
	assert_string_equal(next(bench), "");
	assert_string_equal(next(bench), "");
}

static void a_name_without_an_answer_is_passed_over_and_waited_for(void **state)
{
	struct bench *bench = *state;

	assert_true(upstream_is_waiting(bench->upstream, bench->names));
	assert_string_equal(next(bench), "127.0.0.1:1");
	assert_string_equal(next(bench), "[::1]:3");
	assert_string_equal(next(bench), "");
	assert_int_equal(names_set(bench->names, "app.example", NULL, 0), 0);
	assert_false(upstream_is_waiting(bench->upstream, bench->names));
}

static void a_name_that_fails_later_keeps_its_addresses(void **state)
{
	struct bench *bench = *state;

	set_name(bench, 8, 9);
	assert_int_equal(names_set(bench->names, "app.example", NULL, 0), 0);
	assert_int_equal(names_find(bench->names, "app.example")->count, 2);
}

static void a_server_that_failed_is_tried_last_and_each_once(void **state)
{
	struct bench *bench = *state;

	upstream_set_failed(bench->upstream, 0, NOW - 1);
	assert_int_equal(names_set(bench->names, "app.example", NULL, 0), 0);
	assert_string_equal(next(bench), "[::1]:3");
	upstream_set_failed(bench->upstream, 2, NOW);
	assert_string_equal(next(bench), "127.0.0.1:1");
	assert_string_equal(next(bench), "");
}

static void a_server_is_tried_first_again_after_a_while(void **state)
{
	struct bench *bench = *state;

	upstream_set_failed(bench->upstream, 0, NOW - UPSTREAM_HOLD_OFF_MS);
	assert_string_equal(next(bench), "127.0.0.1:1");
}

static void names_that_nobody_uses_are_forgotten(void **state)
{
	struct bench *bench = *state;

	set_name(bench, 8, 9);
	assert_int_equal(names_set(bench->names, "old.example", NULL, 0), 0);
	assert_int_equal(names_set(bench->names, "older.example", NULL, 0), 0);
	names_mark(bench->names, "app.example");
	names_retain(bench->names);
	assert_non_null(names_find(bench->names, "app.example"));
	assert_null(names_find(bench->names, "old.example"));
	names_retain(bench->names);
	assert_null(names_find(bench->names, "app.example"));
}

#define UPSTREAM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UPSTREAM_TEST(servers_come_in_their_order_with_all_addresses_of_a_name),
		UPSTREAM_TEST(a_name_without_an_answer_is_passed_over_and_waited_for),
		UPSTREAM_TEST(a_name_that_fails_later_keeps_its_addresses),
		UPSTREAM_TEST(a_server_that_failed_is_tried_last_and_each_once),
		UPSTREAM_TEST(a_server_is_tried_first_again_after_a_while),
		UPSTREAM_TEST(names_that_nobody_uses_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
