/*
 * What a client can use of a server's identities (RFC 8446, 4.2.3; RFC 5246, 7.4.1.4.1 and 7.4.2; RFC 8422, 5.1 and 5.10). Pure. Works on a parsed hello in
 * time linear in its size.
 */
#include "core/client_offer.h"

#include <stdlib.h>
#include <string.h>

#include "core/cipher_suite.h"

/* Ways to use a key in TLS 1.2. */
#define EXCHANGE_ECDSA         1u /* ECDHE signed by an EC or EdDSA key */
#define EXCHANGE_RSA_SIGNED    2u /* ECDHE or DHE signed by an RSA key */
#define EXCHANGE_RSA_TRANSPORT 4u /* RSA key transport */

/* Kinds of signature. */
#define SCHEME_RSA_PKCS1    (1u << 0) /* with SHA-256 and up */
#define SCHEME_RSA_OLD      (1u << 1) /* with SHA-1 or SHA-224 */
#define SCHEME_RSA_PSS_RSAE (1u << 2)
#define SCHEME_RSA_PSS_PSS  (1u << 3)
#define SCHEME_ECDSA_P256   (1u << 4)
#define SCHEME_ECDSA_P384   (1u << 5)
#define SCHEME_ECDSA_P521   (1u << 6)
#define SCHEME_ECDSA_OLD    (1u << 7)
#define SCHEME_ED25519      (1u << 8)
#define SCHEME_ED448        (1u << 9)
#define SCHEMES_ECDSA       (SCHEME_ECDSA_P256 | SCHEME_ECDSA_P384 | SCHEME_ECDSA_P521)

#define CURVE_P256  1u
#define CURVE_P384  2u
#define CURVE_P521  4u
#define CURVE_OTHER 8u /* X25519, X448: for the key exchange only */
#define CURVES_ALL  15u

/* What every backend takes when the configuration names no TLS 1.2 suite. */
static bool is_sure(const struct unitls_cipher_suite_row *row)
{
	return row->exchange == UNITLS_SUITE_EXCHANGE_ECDHE &&
		(strstr(row->name, "_AES_128_GCM_") || strstr(row->name, "_AES_256_GCM_") ||
			strstr(row->name, "_CHACHA20_"));
}

/* What some backends take when the configuration names no TLS 1.2 suite: forward secrecy and authenticated encryption. */
static bool is_default(const struct unitls_cipher_suite_row *row)
{
	return row->exchange != UNITLS_SUITE_EXCHANGE_RSA &&
		(strstr(row->name, "_GCM_") || strstr(row->name, "_CCM") || strstr(row->name, "_CHACHA20_"));
}

static int compare_suites(const void *a, const void *b)
{
	uint16_t x = *(const uint16_t *)a;
	uint16_t y = *(const uint16_t *)b;

	return x < y ? -1 : x > y;
}

static size_t count_1_2(const struct unitls_settings *settings)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_cipher_suites; i++)
		n += unitls_cipher_suite_version(settings->cipher_suites[i]) == UNITLS_TLS_1_2;
	return n;
}

int unitls_suite_set_init(struct unitls_suite_set *set, const struct unitls_settings *settings,
	const struct unitls_capabilities *capabilities)
{
	bool chosen = count_1_2(settings) > 0;
	const uint16_t *from = chosen ? settings->cipher_suites : capabilities->cipher_suites;
	size_t n = chosen ? settings->n_cipher_suites : capabilities->n_cipher_suites;

	set->chosen = chosen;
	set->n = 0;
	set->suites = calloc(n > 0 ? n : 1, sizeof(*set->suites));
	if (!set->suites)
		return UNITLS_ERROR;
	for (size_t i = 0; i < n; i++) {
		const struct unitls_cipher_suite_row *row = unitls_cipher_suite_lookup(from[i]);

		if (row && row->version == UNITLS_TLS_1_2 && (chosen || is_default(row)))
			set->suites[set->n++] = from[i];
	}
	qsort(set->suites, set->n, sizeof(*set->suites), compare_suites);
	return 0;
}

void unitls_suite_set_fini(struct unitls_suite_set *set)
{
	free(set->suites);
	set->suites = NULL;
	set->n = 0;
}

static unsigned scheme_kind(uint16_t scheme)
{
	switch (scheme) {
	case 0x0401: /* rsa_pkcs1_sha256, _sha384, _sha512 */
	case 0x0501:
	case 0x0601:
		return SCHEME_RSA_PKCS1;
	case 0x0201: /* rsa_pkcs1_sha1, and SHA-224 of RFC 5246 */
	case 0x0301:
		return SCHEME_RSA_OLD;
	case 0x0804: /* rsa_pss_rsae_sha256, _sha384, _sha512 */
	case 0x0805:
	case 0x0806:
		return SCHEME_RSA_PSS_RSAE;
	case 0x0809: /* rsa_pss_pss_sha256, _sha384, _sha512 */
	case 0x080a:
	case 0x080b:
		return SCHEME_RSA_PSS_PSS;
	case 0x0403: /* ecdsa_secp256r1_sha256; in TLS 1.2 SHA-256 with any curve */
		return SCHEME_ECDSA_P256;
	case 0x0503:
		return SCHEME_ECDSA_P384;
	case 0x0603:
		return SCHEME_ECDSA_P521;
	case 0x0203: /* ecdsa_sha1, and SHA-224 of RFC 5246 */
	case 0x0303:
		return SCHEME_ECDSA_OLD;
	case 0x0807:
		return SCHEME_ED25519;
	case 0x0808:
		return SCHEME_ED448;
	default:
		return 0;
	}
}

static unsigned group_curve(uint16_t group)
{
	switch (group) {
	case 23: /* secp256r1 */
		return CURVE_P256;
	case 24: /* secp384r1 */
		return CURVE_P384;
	case 25: /* secp521r1 */
		return CURVE_P521;
	case 29: /* x25519 */
	case 30: /* x448 */
		return CURVE_OTHER;
	default:
		return 0;
	}
}

static uint16_t common_version(const struct unitls_client_hello *hello, const struct unitls_settings *settings)
{
	static const uint16_t versions[] = {UNITLS_TLS_1_3, UNITLS_TLS_1_2};

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (versions[i] >= settings->min_version && versions[i] <= settings->max_version &&
			unitls_client_hello_offers_version(hello, versions[i]))
			return versions[i];
	return 0;
}

/* What a suite makes possible; curves: those the client takes. An ECDHE suite needs one. */
static unsigned suite_exchange(const struct unitls_cipher_suite_row *row, unsigned curves)
{
	if (row->exchange == UNITLS_SUITE_EXCHANGE_ECDHE && curves == 0)
		return 0;
	if (row->auth == UNITLS_SUITE_AUTH_ECDSA)
		return EXCHANGE_ECDSA;
	if (row->auth == UNITLS_SUITE_AUTH_RSA)
		return row->exchange == UNITLS_SUITE_EXCHANGE_RSA ? EXCHANGE_RSA_TRANSPORT : EXCHANGE_RSA_SIGNED;
	return 0;
}

static void read_suite(struct unitls_client_offer *offer, uint16_t suite, const struct unitls_suite_set *set)
{
	const struct unitls_cipher_suite_row *row;

	if (!bsearch(&suite, set->suites, set->n, sizeof(suite), compare_suites))
		return;
	row = unitls_cipher_suite_lookup(suite);
	if (!row)
		return;
	if (set->chosen || is_sure(row))
		offer->exchanges |= suite_exchange(row, offer->curves);
	else
		offer->doubtful |= suite_exchange(row, offer->curves);
}

void unitls_client_offer_read(struct unitls_client_offer *offer, const struct unitls_client_hello *hello,
	const struct unitls_settings *settings, const struct unitls_suite_set *set)
{
	uint16_t value;

	memset(offer, 0, sizeof(*offer));
	offer->version = common_version(hello, settings);
	offer->schemes_named = hello->has_signature_schemes;
	offer->curves = hello->has_groups ? 0 : CURVES_ALL;
	for (size_t i = 0; unitls_client_hello_group_at(hello, i, &value); i++)
		offer->curves |= group_curve(value);
	for (size_t i = 0; unitls_client_hello_signature_scheme_at(hello, i, &value); i++)
		offer->schemes |= scheme_kind(value);
	if (offer->version != UNITLS_TLS_1_2)
		return;
	for (size_t i = 0; unitls_client_hello_cipher_suite_at(hello, i, &value); i++)
		read_suite(offer, value, set);
}

static unsigned wanted_scheme_1_3(enum unitls_key_type type)
{
	switch (type) {
	case UNITLS_KEY_RSA:
		return SCHEME_RSA_PSS_RSAE;
	case UNITLS_KEY_RSA_PSS:
		return SCHEME_RSA_PSS_PSS;
	case UNITLS_KEY_ECDSA_P256:
		return SCHEME_ECDSA_P256;
	case UNITLS_KEY_ECDSA_P384:
		return SCHEME_ECDSA_P384;
	case UNITLS_KEY_ECDSA_P521:
		return SCHEME_ECDSA_P521;
	case UNITLS_KEY_ED25519:
		return SCHEME_ED25519;
	case UNITLS_KEY_ED448:
		return SCHEME_ED448;
	case UNITLS_KEY_UNKNOWN:
		break;
	}
	return 0;
}

/* RFC 5246, 7.4.1.4.1: without the extension, SHA-1 with the key's own algorithm. */
static enum unitls_fit scheme_fit(const struct unitls_client_offer *offer, unsigned good, unsigned weak)
{
	if (!offer->schemes_named)
		return UNITLS_FIT_WEAK;
	if (offer->schemes & good)
		return UNITLS_FIT_GOOD;
	return offer->schemes & weak ? UNITLS_FIT_WEAK : UNITLS_FIT_NO;
}

static enum unitls_fit rsa_fit_1_2(const struct unitls_client_offer *offer)
{
	if (offer->exchanges & EXCHANGE_RSA_TRANSPORT)
		return UNITLS_FIT_GOOD;
	if (offer->exchanges & EXCHANGE_RSA_SIGNED)
		return scheme_fit(offer, SCHEME_RSA_PKCS1, SCHEME_RSA_OLD | SCHEME_RSA_PSS_RSAE);
	return UNITLS_FIT_NO;
}

static enum unitls_fit ecdsa_fit_1_2(const struct unitls_client_offer *offer, unsigned curve)
{
	if (!(offer->exchanges & EXCHANGE_ECDSA) || !(offer->curves & curve))
		return UNITLS_FIT_NO;
	return scheme_fit(offer, SCHEMES_ECDSA, SCHEME_ECDSA_OLD);
}

static enum unitls_fit named_fit_1_2(const struct unitls_client_offer *offer, unsigned exchange, unsigned scheme)
{
	return (offer->exchanges & exchange) && (offer->schemes & scheme) ? UNITLS_FIT_GOOD : UNITLS_FIT_NO;
}

static enum unitls_fit fit_1_2(const struct unitls_client_offer *offer, enum unitls_key_type type)
{
	switch (type) {
	case UNITLS_KEY_RSA:
		return rsa_fit_1_2(offer);
	case UNITLS_KEY_RSA_PSS:
		return named_fit_1_2(offer, EXCHANGE_RSA_SIGNED, SCHEME_RSA_PSS_PSS);
	case UNITLS_KEY_ECDSA_P256:
		return ecdsa_fit_1_2(offer, CURVE_P256);
	case UNITLS_KEY_ECDSA_P384:
		return ecdsa_fit_1_2(offer, CURVE_P384);
	case UNITLS_KEY_ECDSA_P521:
		return ecdsa_fit_1_2(offer, CURVE_P521);
	case UNITLS_KEY_ED25519:
		return named_fit_1_2(offer, EXCHANGE_ECDSA, SCHEME_ED25519);
	case UNITLS_KEY_ED448:
		return named_fit_1_2(offer, EXCHANGE_ECDSA, SCHEME_ED448);
	case UNITLS_KEY_UNKNOWN:
		break;
	}
	return UNITLS_FIT_NO;
}

/* A doubtful suite is better than none. */
static enum unitls_fit surest_fit_1_2(const struct unitls_client_offer *offer, enum unitls_key_type type)
{
	struct unitls_client_offer doubtful = *offer;
	enum unitls_fit fit = fit_1_2(offer, type);

	if (fit != UNITLS_FIT_NO)
		return fit;
	doubtful.exchanges = offer->doubtful;
	return fit_1_2(&doubtful, type) == UNITLS_FIT_NO ? UNITLS_FIT_NO : UNITLS_FIT_WEAK;
}

enum unitls_fit unitls_client_offer_fits(const struct unitls_client_offer *offer, enum unitls_key_type type)
{
	if (offer->version == UNITLS_TLS_1_3)
		return offer->schemes & wanted_scheme_1_3(type) ? UNITLS_FIT_GOOD : UNITLS_FIT_NO;
	if (offer->version == UNITLS_TLS_1_2)
		return surest_fit_1_2(offer, type);
	return UNITLS_FIT_NO;
}
