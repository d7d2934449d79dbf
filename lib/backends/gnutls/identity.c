#include "backends/gnutls/identity.h"

#include <limits.h>
#include <stdlib.h>

#include "backends/gnutls/error.h"
#include "backends/gnutls/external.h"
#include "backends/gnutls/key.h"
#include "backends/gnutls/trust.h"

#define KEY_ID_SIZE 32 /* SHA-256 */

static int read_chain(
	struct gtls_identity *identity, const struct unitls_context_params *params, struct unitls_error *error)
{
	identity->chain = calloc(params->n_chain, sizeof(*identity->chain));
	if (!identity->chain)
		return gtls_error_memory(error);
	for (size_t i = 0; i < params->n_chain; i++) {
		gnutls_datum_t der = gtls_datum(params->chain[i]);
		int ret = params->chain[i].size > UINT_MAX
			? GNUTLS_E_ASN1_DER_ERROR
			: gnutls_pcert_import_x509_raw(&identity->chain[i], &der, GNUTLS_X509_FMT_DER, 0);

		if (ret < 0)
			return gtls_error_set_field(error, ret, "certificate", "the certificate");
		identity->n_chain++;
	}
	identity->algorithm =
		(gnutls_pk_algorithm_t)gnutls_pubkey_get_pk_algorithm(identity->chain[0].pubkey, NULL);
	return 0;
}

/* The library's code. */
static int compare_halves(gnutls_pubkey_t leaf, gnutls_privkey_t key)
{
	uint8_t ids[2][KEY_ID_SIZE];
	size_t sizes[2] = {KEY_ID_SIZE, KEY_ID_SIZE};
	gnutls_pubkey_t own;
	int ret = gnutls_pubkey_init(&own);

	if (ret < 0)
		return ret;
	ret = gnutls_pubkey_import_privkey(own, key, 0, 0);
	if (ret == 0)
		ret = gnutls_pubkey_get_key_id(own, GNUTLS_KEYID_USE_SHA256, ids[0], &sizes[0]);
	if (ret == 0)
		ret = gnutls_pubkey_get_key_id(leaf, GNUTLS_KEYID_USE_SHA256, ids[1], &sizes[1]);
	gnutls_pubkey_deinit(own);
	if (ret == 0 && (sizes[0] != sizes[1] || memcmp(ids[0], ids[1], sizes[0]) != 0))
		ret = GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
	return ret;
}

/* The core has seen that an external key belongs to the leaf; one in a token is compared as any other. */
static int find_key(
	struct gtls_identity *identity, const struct unitls_context_params *params, struct unitls_error *error)
{
	int ret = gnutls_privkey_init(&identity->key);

	if (ret == 0 && params->key_format == UNITLS_KEY_FORMAT_EXTERNAL) {
		ret = gtls_external_import(identity->key, params->external_key);
		return ret < 0 ? gtls_error_set_field(error, ret, "key", "the external key") : 0;
	}
	if (ret == 0 && params->password) {
		identity->pin = strdup(params->password);
		if (!identity->pin)
			return gtls_error_memory(error);
	}
	if (ret == 0)
		ret = gtls_external_import_uri(identity->key, (const char *)params->key.data, identity->pin);
	if (ret < 0)
		return gtls_error_set_field(error, ret, "key", "the key in the token");
	ret = compare_halves(identity->chain[0].pubkey, identity->key);
	if (ret < 0)
		return gtls_error_set_field(error, ret, "key", "the key in the token for this certificate");
	return 0;
}

static int read_key(
	struct gtls_identity *identity, const struct unitls_context_params *params, struct unitls_error *error)
{
	gnutls_pubkey_t leaf = identity->chain[0].pubkey;
	gnutls_x509_privkey_t key;
	int ret = gtls_key_read(params, leaf, &key);

	if (ret < 0)
		return gtls_error_set_field(error, ret, "key", "the private key");
	ret = gnutls_privkey_init(&identity->key);
	if (ret == 0)
		ret = gnutls_privkey_import_x509(identity->key, key, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
	if (ret < 0) {
		gnutls_x509_privkey_deinit(key);
		return gtls_error_set_field(error, ret, "key", "the private key");
	}
	ret = compare_halves(leaf, identity->key);
	if (ret < 0)
		return gtls_error_set_field(error, ret, "key", "the private key for this certificate");
	return 0;
}

int gtls_identity_init(
	struct gtls_identity *identity, const struct unitls_context_params *params, struct unitls_error *error)
{
	*identity = (struct gtls_identity){0};
	if (params->n_chain == 0)
		return 0;
	if (read_chain(identity, params, error) < 0)
		return UNITLS_ERROR;
	if (params->key_format == UNITLS_KEY_FORMAT_EXTERNAL || params->key_format == UNITLS_KEY_FORMAT_URI)
		return find_key(identity, params, error);
	return read_key(identity, params, error);
}

void gtls_identity_fini(struct gtls_identity *identity)
{
	if (identity->key)
		gnutls_privkey_deinit(identity->key);
	for (unsigned i = 0; i < identity->n_chain; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	free(identity->chain);
	if (identity->pin)
		gnutls_memset(identity->pin, 0, strlen(identity->pin));
	free(identity->pin);
	*identity = (struct gtls_identity){0};
}

bool gtls_identity_may_sign(const struct gtls_identity *identity)
{
	unsigned usage = 0;

	/* None at all is all: the library then says every bit, or that there is nothing. */
	if (gnutls_pubkey_get_key_usage(identity->chain[0].pubkey, &usage) < 0 || usage == 0)
		return true;
	return (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) != 0;
}
