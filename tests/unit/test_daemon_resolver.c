/* The resolver against a small name server in the same loop. */

#include "daemon/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include <cmocka.h>

#define TYPE_A    1
#define TYPE_AAAA 28

struct bench {
	struct event_base *base;
	struct event server_event;
	int server;
	struct resolver *resolver;
	struct resolver_answer answer;
	unsigned answers;
	unsigned questions; /* that the server saw */
	bool silent;
};

/* One record of the name just asked for. */
static size_t put_record(uint8_t *out, uint16_t type, uint32_t ttl, const void *data, uint16_t size)
{
	const uint8_t head[12] = {0xc0, 12, (uint8_t)(type >> 8), (uint8_t)type, 0, 1, (uint8_t)(ttl >> 24),
		(uint8_t)(ttl >> 16), (uint8_t)(ttl >> 8), (uint8_t)ttl, (uint8_t)(size >> 8), (uint8_t)size};

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), data, size);
	return sizeof(head) + size;
}

/* The length of the header and the one question; behind it may be an EDNS record, which c-ares sends since 1.29. */
static size_t question_end(const uint8_t *query, size_t size)
{
	size_t at = 12;

	while (at < size && query[at] != 0)
		at += 1u + query[at];
	assert_true(at + 5 <= size);
	return at + 5;
}

/* "good..." has two A records (TTL 60 and 7) and one AAAA, everything else does not exist. */
static size_t make_reply(const uint8_t *query, size_t size, uint8_t *out)
{
	static const uint8_t v4[2][4] = {{127, 0, 0, 1}, {127, 0, 0, 2}};
	static const uint8_t v6[16] = {[15] = 1};
	uint16_t type = (uint16_t)(query[size - 4] << 8 | query[size - 3]);
	size_t at = size;

	memcpy(out, query, size);
	memset(out + 6, 0, 6);
	out[2] = 0x81;
	out[3] = 0x80;
	if (memcmp(query + 13, "good", 4) != 0) {
		out[3] = 0x83; /* NXDOMAIN */
		return size;
	}
	if (type == TYPE_A) {
		out[7] = 2;
		at += put_record(out + at, type, 60, v4[0], sizeof(v4[0]));
		at += put_record(out + at, type, 7, v4[1], sizeof(v4[1]));
	} else if (type == TYPE_AAAA) {
		out[7] = 1;
		at += put_record(out + at, type, 60, v6, sizeof(v6));
	}
	return at;
}

static void on_question(evutil_socket_t fd, short what, void *argument)
{
	struct bench *bench = argument;
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	uint8_t query[512];
	uint8_t reply[1024];
	size_t size;
	ssize_t n = recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from, &length);

	(void)what;
	assert_true(n > 20);
	bench->questions++;
	if (bench->silent)
		return;
	size = make_reply(query, question_end(query, (size_t)n), reply);
	assert_int_equal(sendto(fd, reply, size, 0, (struct sockaddr *)&from, length), (ssize_t)size);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	char servers[32];

	bench->base = event_base_new();
	bench->server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(bench->server, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(bench->server, (struct sockaddr *)&address, &size), 0);
	(void)event_assign(
		&bench->server_event, bench->base, bench->server, EV_READ | EV_PERSIST, on_question, bench);
	(void)event_add(&bench->server_event, NULL);
	(void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
	assert_int_equal(resolver_new(bench->base, servers, &bench->resolver), 0);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	resolver_free(bench->resolver);
	(void)event_del(&bench->server_event);
	(void)close(bench->server);
	event_base_free(bench->base);
	free(bench);
	return 0;
}

static void on_answer(void *argument, const struct resolver_answer *answer)
{
	struct bench *bench = argument;

	bench->answer = *answer;
	bench->answers++;
}

static void wait_for_answer(struct bench *bench)
{
	while (bench->answers == 0)
		(void)event_base_loop(bench->base, EVLOOP_ONCE);
	assert_int_equal(bench->answers, 1);
}

static void a_name_has_addresses_of_both_families_and_the_least_ttl(void **state)
{
	struct bench *bench = *state;
	unsigned v4 = 0;
	unsigned v6 = 0;

	assert_int_equal(resolver_ask(bench->resolver, "good.example", on_answer, bench), 0);
	wait_for_answer(bench);
	assert_int_equal(bench->answer.count, 3);
	assert_int_equal(bench->answer.ttl_s, 7);
	for (size_t i = 0; i < bench->answer.count; i++) {
		v4 += bench->answer.items[i].family == 4;
		v6 += bench->answer.items[i].family == 6;
	}
	assert_int_equal(v4, 2);
	assert_int_equal(v6, 1);
}

static void a_name_that_does_not_exist_has_a_reason(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(resolver_ask(bench->resolver, "bad.example", on_answer, bench), 0);
	wait_for_answer(bench);
	assert_int_equal(bench->answer.count, 0);
	assert_non_null(bench->answer.reason);
}

static void an_open_question_is_answered_when_the_resolver_goes(void **state)
{
	struct bench *bench = *state;

	bench->silent = true;
	assert_int_equal(resolver_ask(bench->resolver, "good.example", on_answer, bench), 0);
	while (bench->questions == 0)
		(void)event_base_loop(bench->base, EVLOOP_ONCE);
	assert_int_equal(bench->answers, 0);
	resolver_free(bench->resolver);
	bench->resolver = NULL;
	assert_int_equal(bench->answers, 1);
	assert_int_equal(bench->answer.count, 0);
}

#define RESOLVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESOLVER_TEST(a_name_has_addresses_of_both_families_and_the_least_ttl),
		RESOLVER_TEST(a_name_that_does_not_exist_has_a_reason),
		RESOLVER_TEST(an_open_question_is_answered_when_the_resolver_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
