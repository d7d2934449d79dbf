/*
 * Peer names and the matching rule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <unitls/peer_name.h>

static bool is_dns(const char *name)
{
	struct unitls_peer_name result;

	return unitls_peer_name_dns(name, &result, NULL) == 0;
}

static void dns_names_are_normalised(void **state)
{
	struct unitls_peer_name name;

	(void)state;
	assert_int_equal(unitls_peer_name_dns("WWW.Example.ORG.", &name, NULL), 0);
	assert_int_equal(name.type, UNITLS_PEER_NAME_DNS);
	assert_string_equal(name.text, "www.example.org");
	assert_int_equal(unitls_peer_name_dns("localhost", &name, NULL), 0);
	assert_true(is_dns("xn--bcher-kva.example"));
	assert_true(is_dns("_25._tcp.mail-1.example"));
	assert_true(is_dns("1.2.3.4.in-addr.arpa"));
}

static void what_is_no_dns_name_is_refused(void **state)
{
	static const char *const others[] = {"", ".", "..", "a..b", ".a", "a.b..", "*.example.org", "*", "a b",
		"a/b", "b\303\274cher.example", "127.0.0.1", "10.1", "0127.1", "1", "::1", "[::1]", "a:443",
		"a\nb"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(is_dns(others[i]));
	assert_int_equal(unitls_peer_name_dns("a\nb", &name, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "server_name");
	assert_null(strchr(error.text, '\n'));
}

static void the_lengths_of_names_are_bounded(void **state)
{
	char label[65];
	char name[300];

	(void)state;
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_false(is_dns(label));
	label[63] = '\0';
	assert_true(is_dns(label));
	(void)snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
	assert_int_equal(strlen(name), 253);
	assert_true(is_dns(name));
	(void)snprintf(name, sizeof(name), "%s.%s.%s.%.61s.", label, label, label, label);
	assert_true(is_dns(name));
	(void)snprintf(name, sizeof(name), "%s.%s.%s.%.62s", label, label, label, label);
	assert_false(is_dns(name));
	(void)snprintf(name, sizeof(name), "%s.%s.%s.%.61s..", label, label, label, label);
	assert_false(is_dns(name));
}

static void addresses_are_read(void **state)
{
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	static const uint8_t v4[4] = {192, 0, 2, 1};
	struct unitls_peer_name name;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_peer_name_ip("192.0.2.1", &name, NULL), 0);
	assert_int_equal(name.type, UNITLS_PEER_NAME_IPV4);
	assert_memory_equal(name.address, v4, 4);
	assert_string_equal(name.text, "192.0.2.1");
	assert_int_equal(unitls_peer_name_ip("2001:DB8:0::1", &name, NULL), 0);
	assert_int_equal(name.type, UNITLS_PEER_NAME_IPV6);
	assert_memory_equal(name.address, v6, 16);
	assert_string_equal(name.text, "2001:db8::1");
	assert_int_equal(unitls_peer_name_ip("[::1]", &name, &error), UNITLS_ERROR);
	assert_string_equal(error.field, "server_name");
	assert_int_equal(unitls_peer_name_ip("fe80::1%eth0", &name, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_peer_name_ip("192.0.2", &name, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_peer_name_ip("192.0.2.01", &name, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_peer_name_ip("", &name, NULL), UNITLS_ERROR);
}

static void parse_takes_whichever_it_is(void **state)
{
	struct unitls_peer_name name;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_peer_name_parse("192.0.2.1", &name, NULL), 0);
	assert_int_equal(name.type, UNITLS_PEER_NAME_IPV4);
	assert_int_equal(unitls_peer_name_parse("::1", &name, NULL), 0);
	assert_int_equal(name.type, UNITLS_PEER_NAME_IPV6);
	assert_int_equal(unitls_peer_name_parse("A.example", &name, NULL), 0);
	assert_int_equal(name.type, UNITLS_PEER_NAME_DNS);
	assert_string_equal(name.text, "a.example");
	assert_int_equal(unitls_peer_name_parse("192.0.2", &name, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
}

struct rule {
	const char *presented;
	const char *reference;
	bool matches;
};

static void names_match_by_the_rules(void **state)
{
	static const struct rule rules[] = {
		{"example.org", "example.org", true},
		{"EXAMPLE.org", "example.ORG", true},
		{"example.org", "example.org.", true},
		{"example.org", "www.example.org", false},
		{"www.example.org", "example.org", false},
		{"localhost", "localhost", true},
		{"*.example.org", "www.example.org", true},
		{"*.EXAMPLE.org", "www.example.ORG", true},
		{"*.example.org", "example.org", false},
		{"*.example.org", "a.b.example.org", false},
		{"*.example.org", ".example.org", false},
		{"*.example.org", "*.example.org", false},
		{"*.org", "example.org", false},
		{"*.", "example.", false},
		{"*", "localhost", false},
		{"*.localhost", "a.localhost", false},
		{"*.*.example.org", "a.b.example.org", false},
		{"a.*.example.org", "a.b.example.org", false},
		{"w*.example.org", "www.example.org", false},
		{"*w.example.org", "www.example.org", false},
		{"w*w.example.org", "www.example.org", false},
		{"**.example.org", "www.example.org", false},
		{"*.0.0.1", "127.0.0.1", false},
		{"127.0.0.1", "127.0.0.1", false},
		{"*.example.org", "xn--bcher-kva.example.org", true},
		{"xn--*.example.org", "xn--bcher-kva.example.org", false},
		{"example.org.", "example.org", false},
		{" example.org", "example.org", false},
		{"example.org ", "example.org", false},
		{"", "example.org", false},
		{"example.org", "", false},
		{"*.a_b.example", "c.a_b.example", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct unitls_bytes presented = {(const uint8_t *)rules[i].presented, strlen(rules[i].presented)};

		if (unitls_dns_name_matches(presented, rules[i].reference) != rules[i].matches)
			fail_msg("%s against %s", rules[i].presented, rules[i].reference);
	}
}

static void a_nul_in_a_name_refuses(void **state)
{
	static const uint8_t with_nul[] = "example.org\0.evil.example";
	static const uint8_t wildcard_with_nul[] = "*.example.org\0.evil.example";

	(void)state;
	assert_false(
		unitls_dns_name_matches((struct unitls_bytes){with_nul, sizeof(with_nul) - 1}, "example.org"));
	assert_false(unitls_dns_name_matches((struct unitls_bytes){with_nul, 12}, "example.org"));
	assert_false(unitls_dns_name_matches(
		(struct unitls_bytes){wildcard_with_nul, sizeof(wildcard_with_nul) - 1}, "www.example.org"));
	assert_false(unitls_dns_name_matches((struct unitls_bytes){NULL, 0}, "example.org"));
}

static void a_presented_name_is_bounded_by_its_size(void **state)
{
	static const uint8_t longer[] = "example.orgX";

	(void)state;
	assert_true(unitls_dns_name_matches((struct unitls_bytes){longer, 11}, "example.org"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns_names_are_normalised),
		cmocka_unit_test(what_is_no_dns_name_is_refused),
		cmocka_unit_test(the_lengths_of_names_are_bounded),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(parse_takes_whichever_it_is),
		cmocka_unit_test(names_match_by_the_rules),
		cmocka_unit_test(a_nul_in_a_name_refuses),
		cmocka_unit_test(a_presented_name_is_bounded_by_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
