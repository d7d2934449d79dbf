/*
 * Key management of the provider for external keys. Whatever is asked of such a key is asked of its public half, which the library's own provider holds.
 * Invariant: nothing private is ever exported, so no other provider signs with it.
 */
#include "backends/openssl/external_key.h"

#include <openssl/core_names.h>
#include <openssl/x509.h>

const char *openssl_external_name(enum unitls_key_type type)
{
	switch (type) {
	case UNITLS_KEY_RSA:
		return "RSA";
	case UNITLS_KEY_RSA_PSS:
		return "RSA-PSS";
	case UNITLS_KEY_ECDSA_P256:
	case UNITLS_KEY_ECDSA_P384:
	case UNITLS_KEY_ECDSA_P521:
		return "EC";
	case UNITLS_KEY_ED25519:
		return "ED25519";
	case UNITLS_KEY_ED448:
		return "ED448";
	case UNITLS_KEY_UNKNOWN:
		break;
	}
	return NULL;
}

static void *on_new(void *provider)
{
	(void)provider;
	return OPENSSL_zalloc(sizeof(struct openssl_external_key));
}

static void on_free(void *argument)
{
	struct openssl_external_key *key = argument;

	if (!key)
		return;
	EVP_PKEY_free(key->public_half);
	OPENSSL_free(key);
}

static int on_import(void *argument, int selection, const OSSL_PARAM params[])
{
	struct openssl_external_key *key = argument;
	const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, OPENSSL_EXTERNAL_PARAM);
	const void *pointer = NULL;
	size_t size = 0;
	struct unitls_bytes spki;
	const unsigned char *at;

	(void)selection;
	if (!param || !OSSL_PARAM_get_octet_ptr(param, &pointer, &size) || !pointer)
		return 0;
	spki = unitls_external_key_spki(pointer);
	at = spki.data;
	key->public_half = d2i_PUBKEY(NULL, &at, (long)spki.size);
	if (!key->public_half)
		return 0;
	key->key = pointer;
	return 1;
}

static const OSSL_PARAM *on_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_ptr(OPENSSL_EXTERNAL_PARAM, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

static int on_has(const void *argument, int selection)
{
	const struct openssl_external_key *key = argument;

	(void)selection;
	return key && key->key != NULL;
}

/* With another key of the provider; with any other the library compares what is exported. */
static int on_match(const void *a, const void *b, int selection)
{
	const struct openssl_external_key *x = a;
	const struct openssl_external_key *y = b;

	(void)selection;
	return x->public_half && y->public_half && EVP_PKEY_eq(x->public_half, y->public_half) == 1;
}

static int on_export(void *argument, int selection, OSSL_CALLBACK *callback, void *callback_argument)
{
	const struct openssl_external_key *key = argument;

	if (!key->public_half || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return 0;
	return EVP_PKEY_export(key->public_half, EVP_PKEY_PUBLIC_KEY, callback, callback_argument);
}

static const OSSL_PARAM *on_export_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END,
	};
	static const OSSL_PARAM none[] = {OSSL_PARAM_END};

	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? none : types;
}

static int on_get_params(void *argument, OSSL_PARAM params[])
{
	const struct openssl_external_key *key = argument;

	return key->public_half ? EVP_PKEY_get_params(key->public_half, params) : 0;
}

static const OSSL_PARAM *on_gettable_params(void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return params;
}

static const char *on_query_operation_name(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? OPENSSL_EXTERNAL_SIGNATURE : NULL;
}

/* The library stores functions as void (*)(void) and calls them as what they are. */
#define SLOT(id, function)                                       \
	{                                                        \
		OSSL_FUNC_KEYMGMT_##id, (void (*)(void))function \
	}

const OSSL_DISPATCH openssl_external_keymgmt[] = {
	SLOT(NEW, on_new),
	SLOT(FREE, on_free),
	SLOT(IMPORT, on_import),
	SLOT(IMPORT_TYPES, on_import_types),
	SLOT(HAS, on_has),
	SLOT(MATCH, on_match),
	SLOT(EXPORT, on_export),
	SLOT(EXPORT_TYPES, on_export_types),
	SLOT(GET_PARAMS, on_get_params),
	SLOT(GETTABLE_PARAMS, on_gettable_params),
	SLOT(QUERY_OPERATION_NAME, on_query_operation_name),
	{0, NULL},
};
