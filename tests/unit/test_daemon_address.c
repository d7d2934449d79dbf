/* Addresses: what is accepted, what is refused, and that text and value go round. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "daemon/address.h"

/* Parses TEXT and formats it again; "" when it is refused. */
static const char *round_trip(const char *text, enum address_role role)
{
	static char buffer[ADDRESS_TEXT_MAX];
	struct address address;
	struct address again;
	const char *reason = NULL;

	if (address_parse(text, role, &address, &reason) < 0) {
		assert_non_null(reason);
		return "";
	}
	(void)address_format(&address, buffer, sizeof(buffer));
	assert_int_equal(address_parse(buffer, role, &again, &reason), 0);
	assert_true(address_equal(&address, &again));
	return buffer;
}

static void test_good_ones(void **state)
{
	(void)state;
	assert_string_equal(round_trip("127.0.0.1:443", ADDRESS_LISTEN), "127.0.0.1:443");
	assert_string_equal(round_trip("*:0", ADDRESS_LISTEN), "0.0.0.0:0");
	assert_string_equal(round_trip("[::]:443", ADDRESS_LISTEN), "[::]:443");
	assert_string_equal(round_trip("[2001:DB8:0::1]:65535", ADDRESS_SERVER), "[2001:db8::1]:65535");
	assert_string_equal(round_trip("[::1%lo]:5", ADDRESS_SERVER), "[::1%lo]:5");
	assert_string_equal(round_trip("unix:/run/a b", ADDRESS_LISTEN), "unix:/run/a b");
	assert_string_equal(round_trip("unix:@abstract", ADDRESS_SERVER), "unix:@abstract");
	assert_string_equal(round_trip("fd:http-in", ADDRESS_LISTEN), "fd:http-in");
	assert_string_equal(round_trip("Mail.Example.ORG.:25", ADDRESS_SERVER), "mail.example.org:25");
	assert_string_equal(round_trip("a_b:25", ADDRESS_SERVER), "a_b:25");
	assert_string_equal(round_trip("3com.com:80", ADDRESS_SERVER), "3com.com:80");
}

static void test_bad_ones(void **state)
{
	static const char *const both[] = {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:65536",
		"1.2.3.4:-1", "1.2.3.4:443x", "1.2.3.4:000001", "1.2.3:4", "256.1.1.1:4", "::1:443", "[::1]",
		"[::1]443", "[::1:443", "[]:1", "[1.2.3.4]:1", "[::1%nosuchnic]:1", "unix:", "unix:relative",
		"unix:@", "a b:1", "a..b:1", ".a:1", "-:", "[::1]:443:1"};
	static const char *const listen[] = {"localhost:443", "fd:", "fd:a:b", "fd:a b"};
	static const char *const server[] = {"*:1", "fd:x", "1.2.3.4:0", "a:0"};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		assert_string_equal(round_trip(both[i], ADDRESS_LISTEN), "");
		assert_string_equal(round_trip(both[i], ADDRESS_SERVER), "");
	}
	for (size_t i = 0; i < sizeof(listen) / sizeof(listen[0]); i++)
		assert_string_equal(round_trip(listen[i], ADDRESS_LISTEN), "");
	for (size_t i = 0; i < sizeof(server) / sizeof(server[0]); i++)
		assert_string_equal(round_trip(server[i], ADDRESS_SERVER), "");
	for (size_t length = 100; length < 290; length++) {
		memset(text, 'a', sizeof(text));
		memcpy(text, "unix:/", 6);
		text[length] = '\0';
		assert_int_equal(round_trip(text, ADDRESS_LISTEN)[0] != '\0', length <= 5 + 107);
		memset(text, 'a', 8);
		for (size_t i = 50; i < length; i += 50)
			text[i] = '.';
		bool dot = text[length - 1] == '.';
		memcpy(text + length, ":1", 3);
		assert_int_equal(round_trip(text, ADDRESS_SERVER)[0] != '\0', length - dot <= 253);
	}
}

static void test_kernel_addresses(void **state)
{
	struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct sockaddr other = {.sa_family = AF_NETLINK};
	struct address address;
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	assert_int_equal(address_from_sockaddr((struct sockaddr *)&inet, sizeof(inet), &address), 0);
	assert_string_equal(address_format(&address, text, sizeof(text)), "0.0.0.0:80");
	assert_string_equal(address_format_ip(&address, text, sizeof(text)), "0.0.0.0");
	assert_int_equal(
		address_from_sockaddr((struct sockaddr *)&inet, sizeof(inet) - 1, &address), -EAFNOSUPPORT);
	assert_int_equal(address_from_sockaddr((struct sockaddr *)&local, sizeof(sa_family_t), &address), 0);
	assert_string_equal(address_format(&address, text, sizeof(text)), "unix:");
	assert_string_equal(address_format_ip(&address, text, sizeof(text)), "");
	memset(local.sun_path, 'x', sizeof(local.sun_path));
	assert_int_equal(address_from_sockaddr((struct sockaddr *)&local, sizeof(local), &address), 0);
	assert_int_equal(strlen(address_format(&address, text, sizeof(text))), 5 + sizeof(local.sun_path));
	assert_int_equal(address_from_sockaddr(&other, sizeof(other), &address), -EAFNOSUPPORT);
	assert_int_equal(address_from_sockaddr(&other, 0, &address), -EAFNOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_ones),
		cmocka_unit_test(test_bad_ones),
		cmocka_unit_test(test_kernel_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
