#include "backends/gnutls/numbers.h"

#include <unitls/signature_scheme.h>

static const struct {
	gnutls_group_t group;
	uint16_t number;
} groups[] = {
	{GNUTLS_GROUP_SECP256R1, 23},
	{GNUTLS_GROUP_SECP384R1, 24},
	{GNUTLS_GROUP_SECP521R1, 25},
	{GNUTLS_GROUP_X25519, 29},
	{GNUTLS_GROUP_X448, 30},
	{GNUTLS_GROUP_FFDHE2048, 256},
	{GNUTLS_GROUP_FFDHE3072, 257},
	{GNUTLS_GROUP_FFDHE4096, 258},
	{GNUTLS_GROUP_FFDHE6144, 259},
	{GNUTLS_GROUP_FFDHE8192, 260},
};

#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

/* In TLS 1.2 a scheme of ECDSA says its hash and no curve; the library has a name of its own for that. */
static const struct {
	gnutls_sign_algorithm_t signature;
	uint16_t scheme;
} schemes[] = {
	{GNUTLS_SIGN_RSA_SHA256, UNITLS_SIGNATURE_rsa_pkcs1_sha256},
	{GNUTLS_SIGN_RSA_SHA384, UNITLS_SIGNATURE_rsa_pkcs1_sha384},
	{GNUTLS_SIGN_RSA_SHA512, UNITLS_SIGNATURE_rsa_pkcs1_sha512},
	{GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, UNITLS_SIGNATURE_ecdsa_secp256r1_sha256},
	{GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, UNITLS_SIGNATURE_ecdsa_secp384r1_sha384},
	{GNUTLS_SIGN_ECDSA_SECP521R1_SHA512, UNITLS_SIGNATURE_ecdsa_secp521r1_sha512},
	{GNUTLS_SIGN_ECDSA_SHA256, UNITLS_SIGNATURE_ecdsa_secp256r1_sha256},
	{GNUTLS_SIGN_ECDSA_SHA384, UNITLS_SIGNATURE_ecdsa_secp384r1_sha384},
	{GNUTLS_SIGN_ECDSA_SHA512, UNITLS_SIGNATURE_ecdsa_secp521r1_sha512},
	{GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, UNITLS_SIGNATURE_rsa_pss_rsae_sha256},
	{GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, UNITLS_SIGNATURE_rsa_pss_rsae_sha384},
	{GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, UNITLS_SIGNATURE_rsa_pss_rsae_sha512},
	{GNUTLS_SIGN_EDDSA_ED25519, UNITLS_SIGNATURE_ed25519},
	{GNUTLS_SIGN_EDDSA_ED448, UNITLS_SIGNATURE_ed448},
	{GNUTLS_SIGN_RSA_PSS_SHA256, UNITLS_SIGNATURE_rsa_pss_pss_sha256},
	{GNUTLS_SIGN_RSA_PSS_SHA384, UNITLS_SIGNATURE_rsa_pss_pss_sha384},
	{GNUTLS_SIGN_RSA_PSS_SHA512, UNITLS_SIGNATURE_rsa_pss_pss_sha512},
};

#define N_SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

gnutls_group_t gtls_group_of(uint16_t number)
{
	for (size_t i = 0; i < N_GROUPS; i++) {
		if (groups[i].number == number)
			return groups[i].group;
	}
	return GNUTLS_GROUP_INVALID;
}

uint16_t gtls_group_number(gnutls_group_t group)
{
	for (size_t i = 0; i < N_GROUPS; i++) {
		if (groups[i].group == group)
			return groups[i].number;
	}
	return 0;
}

gnutls_sign_algorithm_t gtls_signature_of(uint16_t scheme)
{
	for (size_t i = 0; i < N_SCHEMES; i++) {
		if (schemes[i].scheme == scheme)
			return schemes[i].signature;
	}
	return GNUTLS_SIGN_UNKNOWN;
}

uint16_t gtls_signature_scheme(gnutls_sign_algorithm_t signature)
{
	for (size_t i = 0; i < N_SCHEMES; i++) {
		if (schemes[i].signature == signature)
			return schemes[i].scheme;
	}
	return 0;
}
