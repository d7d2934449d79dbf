#include "backends/gnutls/capabilities.h"

#include "backends/gnutls/policy.h"

/* The library's own limits, in lib/ext/alpn.h: 8 names, each in 32 octets with one to spare. */
#define ALPN_NAMES_MAX 8
#define ALPN_NAME_MAX  31

#define RSA_BITS_MIN 2048  /* of the profile in priority_text.c and verify.c */
#define RSA_BITS_MAX 16384 /* what the library verifies at most */

/* Written by gtls_capabilities_init alone, before any other thread can see the module. */
static struct unitls_capabilities capabilities;
static uint16_t groups[GTLS_POLICY_LIST_MAX];
static uint16_t schemes[GTLS_POLICY_LIST_MAX];

/* A key can sign when the system's configuration leaves one of its algorithms. */
static const struct {
	enum unitls_key_type type;
	gnutls_sign_algorithm_t signature;
} key_types[] = {
	{UNITLS_KEY_RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256},
	{UNITLS_KEY_RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA384},
	{UNITLS_KEY_RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA512},
	{UNITLS_KEY_RSA_PSS, GNUTLS_SIGN_RSA_PSS_SHA256},
	{UNITLS_KEY_RSA_PSS, GNUTLS_SIGN_RSA_PSS_SHA384},
	{UNITLS_KEY_RSA_PSS, GNUTLS_SIGN_RSA_PSS_SHA512},
	{UNITLS_KEY_ECDSA_P256, GNUTLS_SIGN_ECDSA_SECP256R1_SHA256},
	{UNITLS_KEY_ECDSA_P384, GNUTLS_SIGN_ECDSA_SECP384R1_SHA384},
	{UNITLS_KEY_ECDSA_P521, GNUTLS_SIGN_ECDSA_SECP521R1_SHA512},
	{UNITLS_KEY_ED25519, GNUTLS_SIGN_EDDSA_ED25519},
	{UNITLS_KEY_ED448, GNUTLS_SIGN_EDDSA_ED448},
};

void gtls_capabilities_init(void)
{
	const struct gtls_policy *policy = gtls_policy();
	struct unitls_capabilities *c = &capabilities;

	*c = (struct unitls_capabilities){
		.bits = UNITLS_CAP_ALPN | UNITLS_CAP_HALF_CLOSE | UNITLS_CAP_SESSION_TICKETS |
			UNITLS_CAP_CLIENT_AUTH | UNITLS_CAP_CLOCK | UNITLS_CAP_ENCRYPTED_KEYS |
			UNITLS_CAP_IP_NAMES | UNITLS_CAP_CLOSE_INFO | UNITLS_CAP_CLIENT_SESSIONS |
			UNITLS_CAP_TICKETS_SELF_ROTATED | UNITLS_CAP_EXPORTER | UNITLS_CAP_EXTENDED_MASTER_SECRET |
			UNITLS_CAP_KEY_LOG | UNITLS_CAP_EXTERNAL_KEYS | UNITLS_CAP_PKCS11 |
			UNITLS_CAP_OCSP_STAPLE | UNITLS_CAP_OCSP_REQUEST | UNITLS_CAP_OCSP_VERIFY |
			UNITLS_CAP_CRL | UNITLS_CAP_GROUPS | UNITLS_CAP_SIGNATURE_SCHEMES | UNITLS_CAP_GROUP_INFO |
			UNITLS_CAP_SIGNATURE_INFO | UNITLS_CAP_KEY_UPDATE,
		.min_version = policy->min_version,
		.max_version = policy->max_version,
		.cipher_suites = policy->usable,
		.n_cipher_suites = policy->n_usable,
		.alpn_max_names = ALPN_NAMES_MAX,
		.alpn_max_name_bytes = ALPN_NAME_MAX,
		.alpn_binary = true,
		.rsa_min_bits = RSA_BITS_MIN,
		.rsa_max_bits = RSA_BITS_MAX,
		.notes =
			"versions, suites, groups and signature algorithms within what GnuTLS's system configuration "
			"allows, which is read when the module is loaded; a client's list of suites must be a product "
			"of key exchanges and ciphers",
	};
	c->n_groups = gtls_policy_list_groups(groups);
	c->groups = groups;
	c->n_signature_schemes = gtls_policy_list_schemes(schemes);
	c->signature_schemes = schemes;
	if (policy->min_version <= UNITLS_TLS_1_2)
		c->bits |= UNITLS_CAP_TLS_1_2 | UNITLS_CAP_CIPHERS_1_2;
	if (policy->max_version >= UNITLS_TLS_1_3)
		c->bits |= UNITLS_CAP_TLS_1_3 | UNITLS_CAP_CIPHERS_1_3;
	for (size_t i = 0; i < sizeof(key_types) / sizeof(key_types[0]); i++) {
		if (gtls_policy_has_signature(key_types[i].signature))
			c->key_types |= 1u << key_types[i].type;
	}
}

const struct unitls_capabilities *gtls_capabilities(void)
{
	return &capabilities;
}
