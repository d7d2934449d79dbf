/*
 * What this build of the library can do: from the macros that it was built with, and its own list of suites. No other file asks for macros but to leave
 * out code that would not compile.
 */
#include "backends/wolfssl/capabilities.h"

#include <stdlib.h>
#include <string.h>

#include <unitls/alpn.h>
#include <unitls/cipher_suite.h>

#include "backends/wolfssl/library.h"
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/ecc.h>

/* A ClientHello has to fit into one record: 60 names of 255 bytes leave room for the rest of it. */
#define ALPN_NAMES_MAX 60
#define SUITES_MAX     256

#define RSA_BITS_MIN 2048 /* less is refused in chains too */

#define NOTES                                                                                                    \
	"ALPN names without a comma; no tickets where client certificates are asked for; name constraints only " \
	"directly above the peer's certificate"

#ifdef WOLFSSL_NO_TLS12
#define BITS_1_2    0
#define MIN_VERSION UNITLS_TLS_1_3
#else
#define BITS_1_2    (UNITLS_CAP_TLS_1_2 | UNITLS_CAP_CIPHERS_1_2)
#define MIN_VERSION UNITLS_TLS_1_2
#endif

#ifdef WOLFSSL_TLS13
#define BITS_1_3    (UNITLS_CAP_TLS_1_3 | UNITLS_CAP_CIPHERS_1_3)
#define MAX_VERSION UNITLS_TLS_1_3
#else
#define BITS_1_3    0
#define MAX_VERSION UNITLS_TLS_1_2
#endif

#ifdef HAVE_ALPN
#define BIT_ALPN UNITLS_CAP_ALPN
#else
#define BIT_ALPN 0
#endif

#if defined(HAVE_SESSION_TICKET) && !defined(WOLFSSL_NO_DEF_TICKET_ENC_CB)
#define BIT_TICKETS UNITLS_CAP_SESSION_TICKETS
#else
#define BIT_TICKETS 0
#endif

#if defined(WOLFSSL_ENCRYPTED_KEYS) && !defined(NO_PWDBASED) && defined(WOLFSSL_PEM_TO_DER)
#define BIT_ENCRYPTED_KEYS UNITLS_CAP_ENCRYPTED_KEYS
#else
#define BIT_ENCRYPTED_KEYS 0
#endif

static uint16_t suites[SUITES_MAX];

static struct unitls_capabilities capabilities = {
	.bits = (uint64_t)BITS_1_2 | BITS_1_3 | BIT_ALPN | BIT_TICKETS | BIT_ENCRYPTED_KEYS |
		UNITLS_CAP_HALF_CLOSE | UNITLS_CAP_CLIENT_AUTH | UNITLS_CAP_CLOCK | UNITLS_CAP_IP_NAMES |
		UNITLS_CAP_CLOSE_INFO,
	.min_version = MIN_VERSION,
	.max_version = MAX_VERSION,
	.cipher_suites = suites,
	.alpn_max_names = ALPN_NAMES_MAX,
	.alpn_max_name_bytes = UNITLS_ALPN_NAME_MAX,
	.alpn_binary = false, /* names are C strings */
	.rsa_min_bits = RSA_BITS_MIN,
	.notes = NOTES,
};

/* Forward secrecy and authenticated encryption; AES-128 first, as it is strong enough and the fastest. */
static const uint16_t defaults_1_3[] = {0x1301, 0x1302, 0x1303};
static const uint16_t defaults_1_2[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8};
static const uint16_t defaults_1_2_client[] = {0x009e, 0x009f, 0xccaa};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool has(uint16_t suite)
{
	for (size_t i = 0; i < capabilities.n_cipher_suites; i++) {
		if (suites[i] == suite)
			return true;
	}
	return false;
}

/* Anonymous, null and pre-shared-key suites are not in the core's table. */
static void find_suites(void)
{
	const char *name;

	for (int i = 0; (name = wolfSSL_get_cipher_list(i)) != NULL; i++) {
		uint8_t high;
		uint8_t low;
		int flags;
		uint16_t suite;

		if (wolfSSL_get_cipher_suite_from_name(name, &high, &low, &flags) != 0)
			continue;
		suite = (uint16_t)(high << 8 | low);
		if (unitls_cipher_suite_name(suite) != NULL && !has(suite) &&
			capabilities.n_cipher_suites < COUNT(suites))
			suites[capabilities.n_cipher_suites++] = suite;
	}
}

#ifdef HAVE_ECC
static uint32_t curve_bit(int curve, enum unitls_key_type type)
{
	return wc_ecc_get_curve_size_from_id(curve) > 0 ? 1u << type : 0;
}
#endif

static void find_key_types(void)
{
	uint32_t types = 0;

#ifndef NO_RSA
	types |= 1u << UNITLS_KEY_RSA;
	capabilities.rsa_max_bits = RSA_MAX_SIZE;
#endif
#if !defined(NO_RSA) && defined(WC_RSA_PSS)
	types |= 1u << UNITLS_KEY_RSA_PSS;
#endif
#ifdef HAVE_ECC
	types |= curve_bit(ECC_SECP256R1, UNITLS_KEY_ECDSA_P256) |
		curve_bit(ECC_SECP384R1, UNITLS_KEY_ECDSA_P384) | curve_bit(ECC_SECP521R1, UNITLS_KEY_ECDSA_P521);
#endif
#ifdef HAVE_ED25519
	types |= 1u << UNITLS_KEY_ED25519;
#endif
#ifdef HAVE_ED448
	types |= 1u << UNITLS_KEY_ED448;
#endif
	capabilities.key_types = types;
}

void wolf_capabilities_init(void)
{
	find_suites();
	find_key_types();
}

const struct unitls_capabilities *wolf_capabilities(void)
{
	return &capabilities;
}

static size_t append(uint8_t *list, size_t size, const uint16_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!has(numbers[i]))
			continue;
		list[size++] = (uint8_t)(numbers[i] >> 8);
		list[size++] = (uint8_t)numbers[i];
	}
	return size;
}

/* A finite-field exchange costs a server far more than a client: it is offered, and taken only when asked for. */
static size_t append_defaults_1_2(uint8_t *list, size_t size, enum unitls_role role)
{
	size = append(list, size, defaults_1_2, COUNT(defaults_1_2));
	if (role == UNITLS_ROLE_CLIENT)
		size = append(list, size, defaults_1_2_client, COUNT(defaults_1_2_client));
	return size;
}

uint8_t *wolf_suite_list(const struct unitls_context_params *params, size_t *ret_size)
{
	size_t room = params->n_suites_1_3 + params->n_suites_1_2 + COUNT(defaults_1_3) + COUNT(defaults_1_2) +
		COUNT(defaults_1_2_client);
	uint8_t *list = malloc(2 * room);
	size_t size = 0;

	if (list == NULL)
		return NULL;
	if (params->max_version >= UNITLS_TLS_1_3)
		size = params->n_suites_1_3 > 0 ? append(list, size, params->suites_1_3, params->n_suites_1_3)
						: append(list, size, defaults_1_3, COUNT(defaults_1_3));
	if (params->min_version <= UNITLS_TLS_1_2)
		size = params->n_suites_1_2 > 0 ? append(list, size, params->suites_1_2, params->n_suites_1_2)
						: append_defaults_1_2(list, size, params->role);
	*ret_size = size;
	return list;
}

/* By name: nothing in the number says it. */
bool wolf_suite_list_needs_dh(const uint8_t *list, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2) {
		const char *name = unitls_cipher_suite_name((uint16_t)(list[i] << 8 | list[i + 1]));

		if (name != NULL && strstr(name, "_DHE_") != NULL)
			return true;
	}
	return false;
}
