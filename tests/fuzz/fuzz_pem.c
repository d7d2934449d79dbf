/*
 * Feeds bytes to the readers of PEM texts: keys, trust stores, signing chains. What is accepted must be consistent.
 */
#include <stdlib.h>
#include <string.h>

#include "core/der.h"
#include "core/pem.h"
#include "core/private_key.h"
#include "core/signing_chain.h"
#include <unitls/trust_store.h>

#define LEAVES_MAX 8

static void check(bool good)
{
	if (!good)
		abort();
}

/* Blocks lie one behind the other inside of the text. */
static void walk(const uint8_t *data, size_t size)
{
	struct unitls_pem_reader reader;
	struct unitls_pem_block block;
	const uint8_t *end = data;

	unitls_pem_init(&reader, data, size, "key");
	while (unitls_pem_next(&reader, &block, NULL) == UNITLS_OK) {
		uint8_t *decoded;
		size_t decoded_size;

		check(block.text.data >= end && block.body.data >= block.text.data);
		end = block.text.data + block.text.size;
		check(end <= data + size && block.body.data + block.body.size <= end);
		check(strlen(block.label) > 0 && block.line > 0);
		if (unitls_pem_decode(&block, "key", &decoded, &decoded_size, NULL) < 0)
			continue;
		check(decoded_size > 0 && decoded_size <= block.body.size);
		unitls_pem_free(decoded, decoded_size);
	}
}

static void read_key(const uint8_t *data, size_t size, const char *password)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_private_key *key;
	enum unitls_key_format format;
	struct unitls_bytes bytes;
	const char *kept;

	if (unitls_private_key_from_mem(data, size, password, &key, &error) < 0) {
		check(error.error_class == UNITLS_ERROR_CLASS_CONFIG && strcmp(error.field, "key") == 0);
		return;
	}
	unitls_private_key_material(key, &format, &bytes, &kept);
	check(bytes.size > 0 && (kept == NULL || strcmp(kept, password) == 0));
	if (format == UNITLS_KEY_FORMAT_PEM)
		check(bytes.data[bytes.size - 1] == '\0' && kept != NULL);
	else
		check(bytes.data[0] == 0x30);
	unitls_private_key_unref(key);
}

/* Every certificate of the text as the leaf of the others. */
static void order(const struct unitls_trust_store *store)
{
	struct unitls_certificate *certificates[64];
	struct unitls_certificate *chain[UNITLS_CHAIN_LENGTH_MAX];
	size_t n = 0;
	size_t length;

	while (n < 64 && unitls_trust_store_at(store, n) != NULL) {
		certificates[n] = unitls_trust_store_at(store, n);
		n++;
	}
	for (size_t i = 0; i < n && i < LEAVES_MAX; i++) {
		if (unitls_signing_chain_order(certificates[i], certificates, n, chain, &length, NULL) < 0)
			continue;
		check(length >= 1 && length <= UNITLS_CHAIN_LENGTH_MAX && chain[0] == certificates[i]);
		for (size_t j = 1; j < length; j++) {
			struct unitls_bytes issuer = unitls_certificate_issuer(chain[j - 1]);
			struct unitls_bytes subject = unitls_certificate_subject(chain[j]);

			check(unitls_bytes_equal(issuer, subject));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store;
	struct unitls_signing_chain *chain;

	walk(data, size);
	read_key(data, size, NULL);
	read_key(data, size, "password");
	if (unitls_trust_store_from_mem(data, size, &store, &error) == UNITLS_OK) {
		check(unitls_trust_store_count(store) > 0);
		order(store);
		unitls_trust_store_unref(store);
	}
	if (unitls_signing_chain_from_mem(data, size, NULL, "password", &chain, NULL) == UNITLS_OK) {
		check(unitls_private_key_matches(unitls_signing_chain_key(chain),
			      unitls_signing_chain_at(chain, 0)) != UNITLS_KEY_MATCH_NO);
		unitls_signing_chain_unref(chain);
	}
	return 0;
}
