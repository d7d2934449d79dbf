/*
 * Groups and signature schemes: choosing them, and telling what was agreed on, in IANA's numbers.
 */
#include <openssl/evp.h>
#include <openssl/objects.h>

#include <unitls/group.h>
#include <unitls/signature_scheme.h>

#include "backends/libssl/library.h"

#define NAME_MAX_BYTES 40 /* of a name of either kind and a separator, with room */
#define LIST_MAX       32 /* UNITLS_GROUP_LIST_MAX, UNITLS_SCHEME_LIST_MAX */

static bool set_names(SSL_CTX *ctx, const uint16_t *numbers, size_t n, const char *(*name_of)(uint16_t),
	long (*set)(SSL_CTX *ctx, const char *names))
{
	char list[LIST_MAX * NAME_MAX_BYTES];
	size_t size = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *name = name_of(numbers[i]);
		size_t length = name ? strlen(name) : 0;

		if (length == 0 || size + length + 2 > sizeof(list))
			return false;
		if (size > 0)
			list[size++] = ':';
		memcpy(list + size, name, length);
		size += length;
	}
	list[size] = '\0';
	return set(ctx, list) == 1;
}

static long set_group_names(SSL_CTX *ctx, const char *names)
{
	return SSL_CTX_set1_groups_list(ctx, (uintptr_t)names);
}

static long set_scheme_names(SSL_CTX *ctx, const char *names)
{
	return SSL_CTX_set1_sigalgs_list(ctx, (uintptr_t)names);
}

bool libssl_set_groups(SSL_CTX *ctx, const uint16_t *groups, size_t n)
{
	return set_names(ctx, groups, n, unitls_group_name, set_group_names);
}

bool libssl_set_signature_schemes(SSL_CTX *ctx, const uint16_t *schemes, size_t n)
{
	return set_names(ctx, schemes, n, unitls_signature_scheme_name, set_scheme_names);
}

static uint16_t negotiated_group(SSL *ssl)
{
	int id = (int)SSL_get_negotiated_group(ssl);
	const char *name = id != NID_undef ? SSL_group_to_name(ssl, id) : NULL;
	uint16_t group = 0;

	/* A group out of the table has no number here. */
	if (name && unitls_group_from_name(name, &group) < 0)
		return 0;
	return group;
}

static const struct {
	int type;
	int hash;
	uint16_t scheme;
} schemes[] = {
	{EVP_PKEY_RSA, NID_sha1, UNITLS_SIGNATURE_rsa_pkcs1_sha1},
	{EVP_PKEY_RSA, NID_sha224, UNITLS_SIGNATURE_rsa_pkcs1_sha224},
	{EVP_PKEY_RSA, NID_sha256, UNITLS_SIGNATURE_rsa_pkcs1_sha256},
	{EVP_PKEY_RSA, NID_sha384, UNITLS_SIGNATURE_rsa_pkcs1_sha384},
	{EVP_PKEY_RSA, NID_sha512, UNITLS_SIGNATURE_rsa_pkcs1_sha512},
	{EVP_PKEY_RSA_PSS, NID_sha256, UNITLS_SIGNATURE_rsa_pss_rsae_sha256},
	{EVP_PKEY_RSA_PSS, NID_sha384, UNITLS_SIGNATURE_rsa_pss_rsae_sha384},
	{EVP_PKEY_RSA_PSS, NID_sha512, UNITLS_SIGNATURE_rsa_pss_rsae_sha512},
	{EVP_PKEY_EC, NID_sha1, UNITLS_SIGNATURE_ecdsa_sha1},
	{EVP_PKEY_EC, NID_sha224, UNITLS_SIGNATURE_ecdsa_sha224},
	{EVP_PKEY_EC, NID_sha256, UNITLS_SIGNATURE_ecdsa_secp256r1_sha256},
	{EVP_PKEY_EC, NID_sha384, UNITLS_SIGNATURE_ecdsa_secp384r1_sha384},
	{EVP_PKEY_EC, NID_sha512, UNITLS_SIGNATURE_ecdsa_secp521r1_sha512},
	{EVP_PKEY_ED25519, NID_undef, UNITLS_SIGNATURE_ed25519},
	{EVP_PKEY_ED448, NID_undef, UNITLS_SIGNATURE_ed448},
};

/* The library tells rsae from pss by nothing but the certificate's key. */
static uint16_t scheme_for_key(uint16_t scheme, const X509 *certificate)
{
	const EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;
	bool is_pss_key = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS;

	if (!is_pss_key || scheme < UNITLS_SIGNATURE_rsa_pss_rsae_sha256 ||
		scheme > UNITLS_SIGNATURE_rsa_pss_rsae_sha512)
		return scheme;
	return (uint16_t)(scheme - UNITLS_SIGNATURE_rsa_pss_rsae_sha256 + UNITLS_SIGNATURE_rsa_pss_pss_sha256);
}

static uint16_t server_scheme(SSL *ssl)
{
	bool server = SSL_is_server(ssl);
	const X509 *certificate = server ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
	int type = NID_undef;
	int hash = NID_undef;
	size_t i;

	if (!(server ? SSL_get_signature_type_nid(ssl, &type) : SSL_get_peer_signature_type_nid(ssl, &type)))
		return 0;
	/* Fails for schemes without a hash. */
	(void)(server ? SSL_get_signature_nid(ssl, &hash) : SSL_get_peer_signature_nid(ssl, &hash));
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (schemes[i].type == type && schemes[i].hash == hash)
			return scheme_for_key(schemes[i].scheme, certificate);
	}
	return 0;
}

void libssl_negotiated(SSL *ssl, struct unitls_connection_info *ret_info)
{
	ret_info->extended_master_secret = SSL_get_extms_support(ssl) == 1;
	/* A session of TLS 1.2 remembers the group that it was made with, though nothing is exchanged when it is resumed. */
	if (ret_info->version != UNITLS_TLS_1_2 || !ret_info->resumed)
		ret_info->group = negotiated_group(ssl);
	if (!ret_info->resumed)
		ret_info->signature_scheme = server_scheme(ssl);
}
