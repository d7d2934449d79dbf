#include "backends/gnutls/trust.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include <gnutls/crypto.h>

#include "backends/gnutls/connection.h"
#include "backends/gnutls/error.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gtls_trust *all; /* under lock, as are the references */

/*
 * Anchors ----------------------------------------------------------------------------------------------------------------
 */

static int compare_bytes(const gnutls_datum_t *a, const gnutls_datum_t *b)
{
	unsigned n = a->size < b->size ? a->size : b->size;
	int difference = n > 0 ? memcmp(a->data, b->data, n) : 0;

	if (difference != 0)
		return difference;
	return a->size < b->size ? -1 : a->size > b->size;
}

static int compare_anchors(const void *a, const void *b)
{
	const struct gtls_anchor *x = a;
	const struct gtls_anchor *y = b;

	return compare_bytes(&x->subject, &y->subject);
}

/* The library's code. */
static int read_anchor(struct gtls_trust *trust, struct unitls_bytes der)
{
	struct gtls_anchor *anchor = &trust->anchors[trust->n_anchors];
	gnutls_datum_t datum = gtls_datum(der);
	int ret;

	if (der.size > UINT_MAX)
		return GNUTLS_E_ASN1_DER_ERROR;
	ret = gnutls_x509_crt_init(&anchor->certificate);
	if (ret < 0)
		return ret;
	ret = gnutls_x509_crt_import(anchor->certificate, &datum, GNUTLS_X509_FMT_DER);
	if (ret == 0)
		ret = gnutls_x509_crt_get_raw_dn(anchor->certificate, &anchor->subject);
	if (ret < 0) {
		gnutls_x509_crt_deinit(anchor->certificate);
		*anchor = (struct gtls_anchor){0};
		return ret;
	}
	trust->n_anchors++;
	return 0;
}

/*
 * An anchor that the library cannot read can verify nothing: it is left out, which trusts less, never more. A store of which nothing is left is
 * refused.
 */
static int read_anchors(
	struct gtls_trust *trust, const struct unitls_context_params *params, struct unitls_error *error)
{
	int refused = 0;

	if (params->verify == UNITLS_VERIFY_MODE_NONE || params->n_anchors == 0)
		return 0;
	trust->anchors = calloc(params->n_anchors, sizeof(*trust->anchors));
	if (!trust->anchors)
		return gtls_error_memory(error);
	for (size_t i = 0; i < params->n_anchors; i++) {
		int ret = read_anchor(trust, params->anchors[i]);

		if (gtls_error_is_memory(ret))
			return gtls_error_memory(error);
		if (ret < 0)
			refused = ret;
	}
	if (trust->n_anchors == 0)
		return gtls_error_set_field(error, refused, "trust_store", "every certificate of the trust store");
	qsort(trust->anchors, trust->n_anchors, sizeof(*trust->anchors), compare_anchors);
	return 0;
}

size_t gtls_trust_find(const struct gtls_trust *trust, const gnutls_datum_t *subject, size_t *ret_first)
{
	size_t low = 0;
	size_t high = trust->n_anchors;
	size_t end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_bytes(&trust->anchors[middle].subject, subject) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < trust->n_anchors; end++) {
		if (compare_bytes(&trust->anchors[end].subject, subject) != 0)
			break;
	}
	*ret_first = low;
	return end;
}

/*
 * Credentials ---------------------------------------------------------------------------------------------------------------
 */

/* A list with all anchors, by which a server tells clients their names; the certificates stay ours. */
static int make_list(const struct gtls_trust *trust, gnutls_x509_trust_list_t *ret_list)
{
	gnutls_x509_trust_list_t list;
	int ret = gnutls_x509_trust_list_init(&list, (unsigned)trust->n_anchors);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < trust->n_anchors; i++) {
		ret = gnutls_x509_trust_list_add_cas(
			list, &trust->anchors[i].certificate, 1, GNUTLS_TL_USE_IN_TLS);
		if (ret == 1)
			continue;
		/* Never to free the certificates too: the library has lost them but still counts them. */
		gnutls_x509_trust_list_deinit(list, 0);
		return GNUTLS_E_MEMORY_ERROR;
	}
	*ret_list = list;
	return 0;
}

/* From here on the credentials own the anchors' certificates. */
static int make_credentials(struct gtls_trust *trust, struct unitls_error *error)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_x509_trust_list_t list = NULL;
	int ret = gnutls_certificate_allocate_credentials(&credentials);

	if (ret < 0)
		return gtls_error_set_field(error, ret, "trust_store", "credentials");
	/* For clients of TLS 1.2 that name no finite field. */
	ret = gnutls_certificate_set_known_dh_params(credentials, GNUTLS_SEC_PARAM_MEDIUM);
	if (ret == 0)
		ret = make_list(trust, &list);
	if (ret < 0) {
		gnutls_certificate_free_credentials(credentials);
		return gtls_error_set_field(error, ret, "trust_store", "the trust store");
	}
	gnutls_certificate_set_trust_list(credentials, list, 0);
	gnutls_certificate_set_retrieve_function3(credentials, gtls_connection_on_retrieve);
	gnutls_certificate_set_verify_function(credentials, gtls_connection_on_verify);
	trust->credentials = credentials;
	return 0;
}

/*
 * Objects --------------------------------------------------------------------------------------------------------------------
 */

static void free_trust(struct gtls_trust *trust)
{
	for (size_t i = 0; i < trust->n_anchors; i++) {
		gnutls_free(trust->anchors[i].subject.data);
		if (!trust->credentials)
			gnutls_x509_crt_deinit(trust->anchors[i].certificate);
	}
	gnutls_certificate_free_credentials(trust->credentials);
	free(trust->anchors);
	free(trust);
}

static int hash_anchor(gnutls_hash_hd_t hash, struct unitls_bytes der)
{
	uint64_t size = der.size;
	int ret = gnutls_hash(hash, &size, sizeof(size));

	return ret < 0 ? ret : gnutls_hash(hash, der.data, der.size);
}

static int hash_anchors(
	struct gtls_trust *trust, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t n = params->verify == UNITLS_VERIFY_MODE_NONE ? 0 : params->n_anchors;
	gnutls_hash_hd_t hash;
	int ret = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);

	if (ret < 0)
		return gtls_error_set_field(error, ret, "trust_store", "SHA-256");
	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = hash_anchor(hash, params->anchors[i]);
	gnutls_hash_deinit(hash, trust->digest);
	return ret < 0 ? gtls_error_set_field(error, ret, "trust_store", "the trust store") : 0;
}

/* Under lock. */
static int intern(struct gtls_trust *fresh, const struct unitls_context_params *params,
	struct gtls_trust **ret_trust, struct unitls_error *error)
{
	for (struct gtls_trust *old = all; old; old = old->next) {
		if (memcmp(old->digest, fresh->digest, sizeof(old->digest)) != 0)
			continue;
		old->references++;
		*ret_trust = old;
		free_trust(fresh);
		return 0;
	}
	if (read_anchors(fresh, params, error) < 0 || make_credentials(fresh, error) < 0) {
		free_trust(fresh);
		return UNITLS_ERROR;
	}
	fresh->references = 1;
	fresh->next = all;
	all = fresh;
	*ret_trust = fresh;
	return 0;
}

int gtls_trust_get(
	const struct unitls_context_params *params, struct gtls_trust **ret_trust, struct unitls_error *error)
{
	struct gtls_trust *fresh = calloc(1, sizeof(*fresh));
	int status;

	if (!fresh)
		return gtls_error_memory(error);
	if (hash_anchors(fresh, params, error) < 0) {
		free_trust(fresh);
		return UNITLS_ERROR;
	}
	pthread_mutex_lock(&lock);
	status = intern(fresh, params, ret_trust, error);
	pthread_mutex_unlock(&lock);
	return status;
}

void gtls_trust_unref(struct gtls_trust *trust)
{
	struct gtls_trust **link = &all;
	bool last;

	if (!trust)
		return;
	pthread_mutex_lock(&lock);
	last = --trust->references == 0;
	if (last) {
		while (*link != trust)
			link = &(*link)->next;
		*link = trust->next;
	}
	pthread_mutex_unlock(&lock);
	if (last)
		free_trust(trust);
}
