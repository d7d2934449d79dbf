/*
 * Signing chains: orders what is sent, and picks the leaf of a PEM text by its key. Invariant: a chain that was made has a leaf, and a
 * key that belongs to it as far as the bytes tell.
 */
#include "core/signing_chain.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/certificate.h"
#include "core/certificate_list.h"
#include "core/file.h"

struct unitls_signing_chain {
	atomic_size_t references;
	struct unitls_certificate *certificates[UNITLS_CHAIN_LENGTH_MAX];
	size_t n;
	struct unitls_private_key *key;
	uint8_t *ocsp_response; /* NULL: none */
	size_t ocsp_response_size;
};

/* RFC 5280, 4.2.1.1 and 4.2.1.2: whether the key identifiers of issued and issuer contradict each other. */
static bool ids_differ(const struct unitls_x509 *issued, const struct unitls_x509 *issuer)
{
	return issued->authority_key_id.size > 0 && issuer->subject_key_id.size > 0 &&
		!unitls_bytes_equal(issued->authority_key_id, issuer->subject_key_id);
}

/* A certificate by its own key. One that a key of the same name signed (a key rollover) has another authority key identifier. */
static bool is_self_signed(const struct unitls_x509 *certificate)
{
	return unitls_bytes_equal(certificate->issuer, certificate->subject) &&
		!ids_differ(certificate, certificate);
}

static bool contains(
	struct unitls_certificate *const *certificates, size_t n, const struct unitls_certificate *certificate)
{
	for (size_t i = 0; i < n; i++)
		if (unitls_certificate_equal(certificates[i], certificate))
			return true;
	return false;
}

/* Whether one of the first n certificates of the chain has this name. */
static bool names(struct unitls_certificate *const *chain, size_t n, struct unitls_bytes name)
{
	for (size_t i = 0; i < n; i++)
		if (unitls_bytes_equal(unitls_certificate_subject(chain[i]), name))
			return true;
	return false;
}

/*
 * How good a candidate is as the issuer of the last certificate of the chain; less is better. Of cross-signed certificates that one is taken
 * that goes on, for the peers that trust only its issuer; the other's key is the same.
 */
static unsigned demerits(
	struct unitls_certificate *const *chain, size_t n, const struct unitls_certificate *candidate)
{
	const struct unitls_x509 *issued = unitls_certificate_x509(chain[n - 1]);
	const struct unitls_x509 *issuer = unitls_certificate_x509(candidate);
	unsigned sum = ids_differ(issued, issuer) ? 4 : 0;

	if (is_self_signed(issuer))
		return sum + 1;
	return names(chain, n, issuer->issuer) ? sum + 2 : sum;
}

/* The best issuer of the chain's last certificate; NULL when there is none. The first of equals. */
static struct unitls_certificate *find_issuer(struct unitls_certificate *const *chain, size_t n_chain,
	struct unitls_certificate *const *intermediates, size_t n)
{
	struct unitls_bytes name = unitls_certificate_issuer(chain[n_chain - 1]);
	struct unitls_certificate *best = NULL;
	unsigned best_demerits = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned sum;

		if (!unitls_bytes_equal(unitls_certificate_subject(intermediates[i]), name) ||
			contains(chain, n_chain, intermediates[i]))
			continue;
		sum = demerits(chain, n_chain, intermediates[i]);
		if (best == NULL || sum < best_demerits) {
			best = intermediates[i];
			best_demerits = sum;
		}
	}
	return best;
}

static int refuse(struct unitls_error *error, const char *field, const char *text)
{
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, field, "%s", text);
}

int unitls_signing_chain_order(struct unitls_certificate *leaf, struct unitls_certificate *const *intermediates,
	size_t n, struct unitls_certificate *ret_certificates[UNITLS_CHAIN_LENGTH_MAX], size_t *ret_n,
	struct unitls_error *error)
{
	const struct unitls_x509 *last = unitls_certificate_x509(leaf);
	size_t length = 1;

	ret_certificates[0] = leaf;
	while (!is_self_signed(last)) {
		struct unitls_certificate *issuer = find_issuer(ret_certificates, length, intermediates, n);

		if (issuer == NULL && names(ret_certificates, length - 1, last->issuer))
			return refuse(
				error, "certificate", "the certificates are a cycle: each issued by another");
		if (issuer == NULL)
			break;
		last = unitls_certificate_x509(issuer);
		if (is_self_signed(last))
			break;
		if (length == UNITLS_CHAIN_LENGTH_MAX)
			return refuse(error, "certificate", "the chain is longer than 16 certificates");
		ret_certificates[length++] = issuer;
	}
	*ret_n = length;
	return UNITLS_OK;
}

int unitls_signing_chain_new(struct unitls_certificate *leaf, struct unitls_private_key *key,
	struct unitls_certificate *const *intermediates, size_t n, struct unitls_signing_chain **ret_chain,
	struct unitls_error *error)
{
	struct unitls_signing_chain *chain;
	int status;

	if (unitls_private_key_matches(key, leaf) == UNITLS_KEY_MATCH_NO)
		return refuse(error, "key", "the private key does not belong to the certificate");
	chain = calloc(1, sizeof(*chain));
	if (chain == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a signing chain");
	status = unitls_signing_chain_order(leaf, intermediates, n, chain->certificates, &chain->n, error);
	if (status < 0) {
		free(chain);
		return status;
	}
	atomic_init(&chain->references, 1);
	for (size_t i = 0; i < chain->n; i++)
		(void)unitls_certificate_ref(chain->certificates[i]);
	chain->key = unitls_private_key_ref(key);
	*ret_chain = chain;
	return UNITLS_OK;
}

/* The first certificate that the key surely belongs to, else the first that it may belong to, else the first. */
static size_t find_leaf(const struct unitls_certificate_list *list, const struct unitls_private_key *key)
{
	size_t possible = list->n;

	for (size_t i = 0; i < list->n; i++) {
		enum unitls_key_match match = unitls_private_key_matches(key, list->items[i]);

		if (match == UNITLS_KEY_MATCH_YES)
			return i;
		if (match == UNITLS_KEY_MATCH_UNKNOWN && possible == list->n)
			possible = i;
	}
	return possible < list->n ? possible : 0;
}

int unitls_signing_chain_from_mem(const void *data, size_t size, struct unitls_private_key *key,
	const char *password, struct unitls_signing_chain **ret_chain, struct unitls_error *error)
{
	struct unitls_certificate_list list = {NULL, 0, 0};
	struct unitls_private_key *own_key = NULL;
	int status;

	status = unitls_certificate_list_read(&list, data, size, UNITLS_MALFORMED_REFUSE, "certificate", error);
	if (status < 0)
		goto out;
	if (list.n == 0) {
		status = refuse(error, "certificate", "the PEM text holds no certificate");
		goto out;
	}
	if (key == NULL) {
		status = unitls_private_key_from_mem(data, size, password, &own_key, error);
		if (status < 0)
			goto out;
		key = own_key;
	}
	status = unitls_signing_chain_new(
		list.items[find_leaf(&list, key)], key, list.items, list.n, ret_chain, error);

out:
	unitls_private_key_unref(own_key);
	unitls_certificate_list_fini(&list);
	return status;
}

int unitls_signing_chain_from_file(const char *path, const char *key_path, const char *password,
	struct unitls_signing_chain **ret_chain, struct unitls_error *error)
{
	struct unitls_error inner = UNITLS_ERROR_INIT;
	struct unitls_private_key *key = NULL;
	uint8_t *data;
	size_t size;
	int status;

	status = unitls_file_read(path, "certificate", &data, &size, error);
	if (status < 0)
		return status;
	if (key_path != NULL)
		status = unitls_private_key_from_file(key_path, password, &key, error);
	if (status == UNITLS_OK) {
		status = unitls_signing_chain_from_mem(data, size, key, password, ret_chain, &inner);
		if (status < 0)
			(void)unitls_file_error(error, path, &inner); /* status says it already */
	}
	unitls_private_key_unref(key);
	unitls_file_free(data, size);
	return status;
}

/*
 * OCSPResponse (RFC 6960, 4.2.1) with the status successful; what is inside is the client's to read.
 */
static bool is_successful_response(struct unitls_bytes der)
{
	struct unitls_der reader;
	struct unitls_der response;
	struct unitls_der_value status;
	struct unitls_der_value bytes;

	unitls_der_init(&reader, der);
	return unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &response) && unitls_der_done(&reader) &&
		unitls_der_take(&response, UNITLS_DER_ENUMERATED, &status) && status.content.size == 1 &&
		status.content.data[0] == 0 && unitls_der_take(&response, UNITLS_DER_CONSTRUCTED | 0, &bytes) &&
		unitls_der_done(&response);
}

int unitls_signing_chain_with_ocsp_response(const struct unitls_signing_chain *chain, const void *data,
	size_t size, struct unitls_signing_chain **ret_chain, struct unitls_error *error)
{
	struct unitls_signing_chain *copy;

	if (size > UNITLS_OCSP_RESPONSE_MAX)
		return refuse(error, "ocsp_response", "the OCSP response is larger than 16 kB");
	if (!is_successful_response((struct unitls_bytes){data, size}))
		return refuse(error, "ocsp_response", "this is no successful OCSP response in DER");
	copy = calloc(1, sizeof(*copy));
	if (copy == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a signing chain");
	copy->ocsp_response = malloc(size);
	if (copy->ocsp_response == NULL) {
		free(copy);
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a signing chain");
	}
	memcpy(copy->ocsp_response, data, size);
	copy->ocsp_response_size = size;
	atomic_init(&copy->references, 1);
	copy->n = chain->n;
	for (size_t i = 0; i < chain->n; i++)
		copy->certificates[i] = unitls_certificate_ref(chain->certificates[i]);
	copy->key = unitls_private_key_ref(chain->key);
	*ret_chain = copy;
	return UNITLS_OK;
}

struct unitls_signing_chain *unitls_signing_chain_ref(struct unitls_signing_chain *chain)
{
	atomic_fetch_add_explicit(&chain->references, 1, memory_order_relaxed);
	return chain;
}

void unitls_signing_chain_unref(struct unitls_signing_chain *chain)
{
	if (chain == NULL || atomic_fetch_sub_explicit(&chain->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < chain->n; i++)
		unitls_certificate_unref(chain->certificates[i]);
	unitls_private_key_unref(chain->key);
	free(chain->ocsp_response);
	free(chain);
}

size_t unitls_signing_chain_count(const struct unitls_signing_chain *chain)
{
	return chain->n;
}

struct unitls_certificate *unitls_signing_chain_at(const struct unitls_signing_chain *chain, size_t i)
{
	return i < chain->n ? chain->certificates[i] : NULL;
}

struct unitls_private_key *unitls_signing_chain_key(const struct unitls_signing_chain *chain)
{
	return chain->key;
}

struct unitls_bytes unitls_signing_chain_ocsp_response(const struct unitls_signing_chain *chain)
{
	return (struct unitls_bytes){chain->ocsp_response, chain->ocsp_response_size};
}
