#include "backends/openssl/external.h"

#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "backends/libssl/connection.h"
#include "backends/libssl/error.h"
#include "backends/libssl/library.h"
#include "backends/openssl/external_key.h"

/*
 * The provider's functions are told of no SSL. A job of the library's runs on the thread that called the handshake, so this is right in there, too.
 */
static _Thread_local struct libssl_connection *current;

struct libssl_connection *openssl_external_current(void)
{
	return current;
}

/* Names as the library's own provider has them, so that a key is an RSA key to whoever asks. */
static const OSSL_ALGORITHM keymgmt[] = {
	{"RSA:rsaEncryption:1.2.840.113549.1.1.1", OPENSSL_EXTERNAL_PROPERTIES, openssl_external_keymgmt, NULL},
	{"RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", OPENSSL_EXTERNAL_PROPERTIES, openssl_external_keymgmt, NULL},
	{"EC:id-ecPublicKey:1.2.840.10045.2.1", OPENSSL_EXTERNAL_PROPERTIES, openssl_external_keymgmt, NULL},
	{"ED25519:1.3.101.112", OPENSSL_EXTERNAL_PROPERTIES, openssl_external_keymgmt, NULL},
	{"ED448:1.3.101.113", OPENSSL_EXTERNAL_PROPERTIES, openssl_external_keymgmt, NULL},
	{NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM signatures[] = {
	{OPENSSL_EXTERNAL_SIGNATURE, OPENSSL_EXTERNAL_PROPERTIES, openssl_external_signature, NULL},
	{NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *on_query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keymgmt;
	return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
	{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))on_query},
	{0, NULL},
};

static int on_provider_init(
	const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context)
{
	(void)in;
	*out = provider_functions;
	*context = (void *)(uintptr_t)handle; /* must not be NULL */
	return 1;
}

/*
 * Whoever asks for "EC" without a property gets the implementation that the library came to know first. So it is made to know those of its own provider
 * before ours. Another provider (by openssl.cnf) may not have them all.
 */
static void fetch_native_keymgmt(void)
{
	size_t i;

	for (i = 0; keymgmt[i].algorithm_names; i++) {
		const char *names = keymgmt[i].algorithm_names;
		char name[32];
		size_t size = strcspn(names, ":");

		(void)snprintf(name, sizeof(name), "%.*s", (int)size, names);
		EVP_KEYMGMT_free(EVP_KEYMGMT_fetch(NULL, name, NULL));
	}
	ERR_clear_error();
}

/* Held for the life of the process, which the leak checker should see. */
static OSSL_PROVIDER *loaded_provider;

int openssl_external_init(struct unitls_error *error)
{
	fetch_native_keymgmt();
	/* Retaining fallbacks: to load any provider would otherwise take the default one away. */
	if (OSSL_PROVIDER_add_builtin(NULL, "unitls-external", on_provider_init))
		loaded_provider = OSSL_PROVIDER_try_load(NULL, "unitls-external", 1);
	if (!loaded_provider)
		return libssl_error_internal(error, "takes no provider for external keys");
	return 0;
}

bool openssl_external_can_wait(void)
{
	return ASYNC_is_capable() == 1;
}

/*
 * For contexts and connections -------------------------------------------------------------------------------------------------
 */

static EVP_PKEY *make_key(const struct unitls_external_key *key)
{
	const char *name = openssl_external_name(unitls_external_key_type(key));
	EVP_PKEY_CTX *ctx = name ? EVP_PKEY_CTX_new_from_name(NULL, name, OPENSSL_EXTERNAL_PROPERTIES) : NULL;
	void *pointer = (void *)(uintptr_t)key;
	OSSL_PARAM params[2];
	EVP_PKEY *made = NULL;

	params[0] = OSSL_PARAM_construct_octet_ptr(OPENSSL_EXTERNAL_PARAM, &pointer, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_KEYPAIR, params) != 1)
		made = NULL;
	EVP_PKEY_CTX_free(ctx);
	return made;
}

int libssl_setup_external_key(SSL_CTX *ctx, const struct unitls_external_key *key, struct unitls_error *error)
{
	EVP_PKEY *made = make_key(key);
	int r = 0;

	if (!made || !SSL_CTX_use_PrivateKey(ctx, made))
		r = libssl_error_refused(error, "key", "refuses the external key");
	EVP_PKEY_free(made);
	if (r == 0 && unitls_external_key_is_deferred(key))
		SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
	return r;
}

int libssl_handshake(struct libssl_connection *connection)
{
	struct libssl_connection *outer = current;
	int result;

	current = connection;
	result = SSL_do_handshake(connection->ssl);
	current = outer;
	/* Only a handshake signs: what follows needs no job. */
	if (result == 1)
		SSL_clear_mode(connection->ssl, SSL_MODE_ASYNC);
	return result;
}

bool libssl_is_waiting(SSL *ssl, int result)
{
	return SSL_get_error(ssl, result) == SSL_ERROR_WANT_ASYNC;
}

/* A job that was left holds the connection's objects on its stack: it is run to its end, which is a failure. */
void libssl_abandon(struct libssl_connection *connection)
{
	connection->abandoned = true;
	while (SSL_waiting_for_async(connection->ssl))
		(void)libssl_handshake(connection);
}
