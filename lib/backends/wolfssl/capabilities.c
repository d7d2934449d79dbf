/*
 * What this build of the library can do: from the macros that it was built with, and its own list of suites. No other file asks for macros but to leave
 * out code that would not compile.
 */
#include "backends/wolfssl/capabilities.h"

#include <unitls/alpn.h>

#include "backends/wolfssl/groups.h"
#include "backends/wolfssl/library.h"
#include "backends/wolfssl/suites.h"
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/ecc.h>

/* A ClientHello has to fit into one record: 60 names of 255 bytes leave room for the rest of it. */
#define ALPN_NAMES_MAX 60

#define RSA_BITS_MIN 2048 /* less is refused in chains too */

#define NOTES                                                                        \
	"no tickets where client certificates are asked for; name constraints only " \
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

#ifdef HAVE_SESSION_TICKET
#define BIT_TICKETS (UNITLS_CAP_SESSION_TICKETS | UNITLS_CAP_TICKET_KEYS)
#else
#define BIT_TICKETS 0
#endif

#if defined(WOLFSSL_ENCRYPTED_KEYS) && !defined(NO_PWDBASED) && defined(WOLFSSL_PEM_TO_DER)
#define BIT_ENCRYPTED_KEYS UNITLS_CAP_ENCRYPTED_KEYS
#else
#define BIT_ENCRYPTED_KEYS 0
#endif

#ifdef HAVE_SESSION_TICKET
#define BIT_TICKET_KEYS UNITLS_CAP_TICKET_KEYS
#else
#define BIT_TICKET_KEYS 0
#endif
/* In TLS 1.3 alone: the library does not tell whether TLS 1.2 has the extended master secret. */
#if defined(HAVE_KEYING_MATERIAL) && defined(WOLFSSL_TLS13)
#define BIT_EXPORTER UNITLS_CAP_EXPORTER
#else
#define BIT_EXPORTER 0
#endif
#ifdef HAVE_PK_CALLBACKS
#define BIT_EXTERNAL_KEYS UNITLS_CAP_EXTERNAL_KEYS
#else
#define BIT_EXTERNAL_KEYS 0
#endif
#ifdef WOLFSSL_TLS13
#define BIT_KEY_UPDATE UNITLS_CAP_KEY_UPDATE
#else
#define BIT_KEY_UPDATE 0
#endif

static struct unitls_capabilities capabilities = {
	.bits = (uint64_t)BITS_1_2 | BITS_1_3 | BIT_ALPN | BIT_TICKETS | BIT_ENCRYPTED_KEYS |
		UNITLS_CAP_HALF_CLOSE | UNITLS_CAP_CLIENT_AUTH | UNITLS_CAP_CLOCK | UNITLS_CAP_IP_NAMES |
		UNITLS_CAP_CLOSE_INFO | BIT_TICKET_KEYS | BIT_EXPORTER | BIT_EXTERNAL_KEYS | UNITLS_CAP_GROUPS |
		UNITLS_CAP_GROUP_INFO | BIT_KEY_UPDATE,
	.min_version = MIN_VERSION,
	.max_version = MAX_VERSION,
	.alpn_max_names = ALPN_NAMES_MAX,
	.alpn_max_name_bytes = UNITLS_ALPN_NAME_MAX,
	.alpn_binary = false, /* names are C strings */
	.alpn_excluded = ",", /* in a list of them */
	.rsa_min_bits = RSA_BITS_MIN,
	.notes = NOTES,
};

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
	capabilities.cipher_suites = wolf_suites_supported(&capabilities.n_cipher_suites);
	capabilities.groups = wolf_groups(&capabilities.n_groups);
	find_key_types();
}

const struct unitls_capabilities *wolf_capabilities(void)
{
	return &capabilities;
}
