/*
 * Trust stores: lists of certificates, every one an anchor. A file with one unreadable certificate is refused, but the system's bundle,
 * which nobody here wrote, is not.
 */
#include <unitls/trust_store.h>

#include <stdatomic.h>
#include <stdlib.h>

#include "core/backend.h"
#include "core/certificate_list.h"
#include "core/file.h"

struct unitls_trust_store {
	atomic_size_t references;
	struct unitls_certificate_list anchors;
};

/* Where distributions keep their bundle. */
static const char *const system_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Gentoo, Alpine */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
	"/etc/pki/tls/certs/ca-bundle.crt",                  /* older RHEL */
	"/etc/ssl/ca-bundle.pem",                            /* SUSE */
	"/etc/pki/tls/cacert.pem",                           /* OpenELEC */
	"/etc/ssl/cert.pem",                                 /* BSD, Alpine */
};

int unitls_trust_store_empty(struct unitls_trust_store **ret_store, struct unitls_error *error)
{
	struct unitls_trust_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a trust store");
	atomic_init(&store->references, 1);
	*ret_store = store;
	return UNITLS_OK;
}

struct unitls_trust_store *unitls_trust_store_ref(struct unitls_trust_store *store)
{
	atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
	return store;
}

void unitls_trust_store_unref(struct unitls_trust_store *store)
{
	if (store == NULL || atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) != 1)
		return;
	unitls_certificate_list_fini(&store->anchors);
	free(store);
}

static int read_store(const void *data, size_t size, enum unitls_malformed malformed,
	struct unitls_trust_store **ret_store, struct unitls_error *error)
{
	struct unitls_trust_store *store = NULL;
	int status;

	status = unitls_trust_store_empty(&store, error);
	if (status < 0)
		return status;
	status = unitls_certificate_list_read(&store->anchors, data, size, malformed, "ca", error);
	if (status == UNITLS_OK && store->anchors.n == 0)
		status = unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, "ca", "the PEM text holds no certificate");
	if (status < 0) {
		unitls_trust_store_unref(store);
		return status;
	}
	*ret_store = store;
	return UNITLS_OK;
}

int unitls_trust_store_from_mem(
	const void *data, size_t size, struct unitls_trust_store **ret_store, struct unitls_error *error)
{
	return read_store(data, size, UNITLS_MALFORMED_REFUSE, ret_store, error);
}

static int read_file(const char *path, enum unitls_malformed malformed, struct unitls_trust_store **ret_store,
	struct unitls_error *error)
{
	struct unitls_error inner = UNITLS_ERROR_INIT;
	uint8_t *data;
	size_t size;
	int status;

	status = unitls_file_read(path, "ca", &data, &size, error);
	if (status < 0)
		return status;
	status = read_store(data, size, malformed, ret_store, &inner);
	unitls_file_free(data, size);
	return status < 0 ? unitls_file_error(error, path, &inner) : UNITLS_OK;
}

int unitls_trust_store_from_file(
	const char *path, struct unitls_trust_store **ret_store, struct unitls_error *error)
{
	return read_file(path, UNITLS_MALFORMED_REFUSE, ret_store, error);
}

int unitls_trust_store_system(struct unitls_trust_store **ret_store, struct unitls_error *error)
{
	for (size_t i = 0; i < sizeof(system_bundles) / sizeof(system_bundles[0]); i++) {
		struct unitls_error inner = UNITLS_ERROR_INIT;

		if (read_file(system_bundles[i], UNITLS_MALFORMED_SKIP, ret_store, &inner) == UNITLS_OK)
			return UNITLS_OK;
		if (inner.error_class == UNITLS_ERROR_CLASS_MEMORY)
			return unitls_error_set(error, inner.error_class, "%s", inner.text);
	}
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_IO, "ca",
		"no bundle of the system's certificates can be read; %s is the first place looked at",
		system_bundles[0]);
}

size_t unitls_trust_store_count(const struct unitls_trust_store *store)
{
	return store->anchors.n;
}

struct unitls_certificate *unitls_trust_store_at(const struct unitls_trust_store *store, size_t i)
{
	return i < store->anchors.n ? store->anchors.items[i] : NULL;
}
