#include "backends/gnutls/priority_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "backends/gnutls/numbers.h"
#include "backends/gnutls/policy.h"
#include "backends/gnutls/suites.h"

#define TEXT_SIZE 4096

/* RSA keys, DH primes and signatures of 112 bits of security and more, in the handshake and in certificates. */
#define STRENGTH "%PROFILE_MEDIUM"

struct text {
	char bytes[TEXT_SIZE];
	size_t size;
	bool cut;
};

static void UNITLS_PRINTF(2, 3) append(struct text *text, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text->bytes + text->size, sizeof(text->bytes) - text->size, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= sizeof(text->bytes) - text->size)
		text->cut = true;
	else
		text->size += (size_t)n;
}

/* The first suite of spec with the same part as suite i is i itself: each part is named once, in order of its first use. */
static bool is_first(const struct gtls_priority_spec *spec, size_t i,
	bool (*same)(const struct gtls_suite *a, const struct gtls_suite *b))
{
	for (size_t j = 0; j < i; j++) {
		if (same(gtls_suite_find(spec->suites[j]), gtls_suite_find(spec->suites[i])))
			return false;
	}
	return true;
}

static bool same_kx(const struct gtls_suite *a, const struct gtls_suite *b)
{
	return a->kx == b->kx;
}

static bool same_cipher(const struct gtls_suite *a, const struct gtls_suite *b)
{
	return a->cipher == b->cipher;
}

static bool same_mac(const struct gtls_suite *a, const struct gtls_suite *b)
{
	return a->mac == b->mac;
}

static void append_suites(struct text *text, const struct gtls_priority_spec *spec)
{
	for (size_t i = 0; i < spec->n_suites; i++) {
		const struct gtls_suite *suite = gtls_suite_find(spec->suites[i]);

		if (suite->kx != GNUTLS_KX_UNKNOWN && is_first(spec, i, same_kx))
			append(text, ":+%s", gnutls_kx_get_name(suite->kx));
		if (is_first(spec, i, same_cipher))
			append(text, ":+%s", gnutls_cipher_get_name(suite->cipher));
		if (is_first(spec, i, same_mac))
			append(text, ":+%s", gnutls_mac_get_name(suite->mac));
	}
}

static void append_group(struct text *text, gnutls_group_t group)
{
	append(text, ":+GROUP-%s", gnutls_group_get_name(group));
}

/*
 * A server's precedence, which it has for the suites, counts for groups, too, and the library would ask for its first one with a
 * HelloRetryRequest even where a share of another came. Nearly every client sends one for X25519, so that goes first unless a list is given.
 */
static bool is_in_front(const struct gtls_priority_spec *spec, gnutls_group_t group)
{
	return spec->role == UNITLS_ROLE_SERVER && group == GNUTLS_GROUP_X25519;
}

static void append_groups(struct text *text, const struct gtls_priority_spec *spec)
{
	const struct gtls_policy *policy = gtls_policy();

	for (size_t i = 0; i < spec->n_groups; i++)
		append_group(text, gtls_group_of(spec->groups[i]));
	if (spec->n_groups > 0)
		return;
	for (size_t i = 0; i < policy->n_groups; i++) {
		if (is_in_front(spec, policy->groups[i]))
			append_group(text, policy->groups[i]);
	}
	for (size_t i = 0; i < policy->n_groups; i++) {
		if (!is_in_front(spec, policy->groups[i]))
			append_group(text, policy->groups[i]);
	}
}

/* A scheme of ECDSA is two algorithms to the library: with its curve, and in TLS 1.2 with the hash alone. */
static void append_schemes(struct text *text, const struct gtls_priority_spec *spec)
{
	const struct gtls_policy *policy = gtls_policy();

	for (size_t i = 0; spec->n_schemes == 0 && i < policy->n_signatures; i++)
		append(text, ":+SIGN-%s", gnutls_sign_get_name(policy->signatures[i]));
	for (size_t k = 0; k < spec->n_schemes; k++)
		for (size_t i = 0; i < policy->n_signatures; i++) {
			if (gtls_signature_scheme(policy->signatures[i]) == spec->schemes[k])
				append(text, ":+SIGN-%s", gnutls_sign_get_name(policy->signatures[i]));
		}
}

static void write_text(struct text *text, const struct gtls_priority_spec *spec)
{
	append(text, "NONE:+CTYPE-X509");
	if (spec->max_version >= UNITLS_TLS_1_3)
		append(text, ":+VERS-TLS1.3");
	if (spec->min_version <= UNITLS_TLS_1_2)
		append(text, ":+VERS-TLS1.2");
	append_suites(text, spec);
	append_groups(text, spec);
	append_schemes(text, spec);
	append(text, ":%s", STRENGTH);
	/* A server that does not know RFC 5746 could be renegotiated with by somebody in between; a client that does not is served. */
	if (spec->role == UNITLS_ROLE_SERVER)
		append(text, ":%%SERVER_PRECEDENCE");
	else
		append(text, ":%%SAFE_RENEGOTIATION");
}

int gtls_priority_make(const struct gtls_priority_spec *spec, gnutls_priority_t *ret_priority)
{
	struct text text = {.size = 0};

	write_text(&text, spec);
	if (text.cut)
		return GNUTLS_E_SHORT_MEMORY_BUFFER;
	return gnutls_priority_init2(ret_priority, text.bytes, NULL, 0);
}

static bool is_in(const struct gtls_priority_spec *spec, uint16_t number)
{
	for (size_t i = 0; i < spec->n_suites; i++) {
		if (spec->suites[i] == number)
			return true;
	}
	return false;
}

/* Whether the library makes this suite out of the parts of those in spec. */
static bool is_made(const struct gtls_priority_spec *spec, const struct gtls_suite *suite)
{
	bool kx = suite->kx == GNUTLS_KX_UNKNOWN;
	bool cipher = false;
	bool mac = false;

	if (suite->version < spec->min_version || suite->version > spec->max_version)
		return false;
	for (size_t i = 0; i < spec->n_suites; i++) {
		const struct gtls_suite *listed = gtls_suite_find(spec->suites[i]);

		kx = kx || listed->kx == suite->kx;
		cipher = cipher || listed->cipher == suite->cipher;
		mac = mac || listed->mac == suite->mac;
	}
	return kx && cipher && mac;
}

uint16_t gtls_priority_surplus(const struct gtls_priority_spec *spec)
{
	const struct gtls_suite *suite;

	for (size_t i = 0; (suite = gtls_suite_at(i)) != NULL; i++) {
		if (is_made(spec, suite) && !is_in(spec, suite->number) && gtls_policy_has_suite(suite->number))
			return suite->number;
	}
	return 0;
}
