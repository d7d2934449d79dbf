/*
 * Revocation lists: read by their form (RFC 5280, 5.1), kept as bytes. What their entries say, signatures and times are the backend's to judge.
 */
#include "core/crl.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/der.h"
#include "core/distinguished_name.h"
#include "core/file.h"
#include "core/pem.h"
#include "core/x509.h"

struct unitls_crl_list {
	atomic_size_t references;
	struct unitls_bytes *items; /* each owned */
	size_t n;
	size_t capacity;
};

static const char malformed[] = "is malformed";

static bool next_is_time(const struct unitls_der *reader)
{
	return unitls_der_next_is(reader, UNITLS_DER_UTC_TIME) ||
		unitls_der_next_is(reader, UNITLS_DER_GENERALIZED_TIME);
}

static bool skip_time(struct unitls_der *reader)
{
	struct unitls_der_value time;

	return next_is_time(reader) && unitls_der_any(reader, &time);
}

/* Extensions, which fail at the first that is critical; *ret_critical is then its OID. */
static bool read_extensions(struct unitls_der *reader, struct unitls_bytes *ret_critical)
{
	struct unitls_der extensions;

	if (!unitls_der_enter(reader, UNITLS_DER_SEQUENCE, &extensions))
		return false;
	while (extensions.left > 0) {
		struct unitls_der extension;
		struct unitls_der_value oid;
		struct unitls_der_value value;
		bool is_critical = false;

		if (!unitls_der_enter(&extensions, UNITLS_DER_SEQUENCE, &extension) ||
			!unitls_der_take(&extension, UNITLS_DER_OID, &oid))
			return false;
		if (unitls_der_next_is(&extension, UNITLS_DER_BOOLEAN))
			(void)unitls_der_boolean(&extension, &is_critical); /* fails sticky */
		if (!unitls_der_take(&extension, UNITLS_DER_OCTET_STRING, &value) || !unitls_der_done(&extension))
			return false;
		if (is_critical) {
			*ret_critical = oid.content;
			return false;
		}
	}
	return true;
}

static bool read_entries(struct unitls_der *list, struct unitls_bytes *ret_critical)
{
	struct unitls_der entries;

	if (!unitls_der_enter(list, UNITLS_DER_SEQUENCE, &entries))
		return false;
	while (entries.left > 0) {
		struct unitls_der entry;
		struct unitls_der_value serial;

		if (!unitls_der_enter(&entries, UNITLS_DER_SEQUENCE, &entry) ||
			!unitls_der_take(&entry, UNITLS_DER_INTEGER, &serial) || !skip_time(&entry))
			return false;
		if (entry.left > 0 && !read_extensions(&entry, ret_critical))
			return false;
		if (!unitls_der_done(&entry))
			return false;
	}
	return true;
}

/* What comes after thisUpdate, all of it optional. */
static const char *read_rest(struct unitls_der *list, struct unitls_bytes *ret_critical)
{
	struct unitls_der wrapper;

	if (next_is_time(list))
		(void)skip_time(list); /* fails sticky */
	if (unitls_der_next_is(list, UNITLS_DER_SEQUENCE) && !read_entries(list, ret_critical))
		return ret_critical->data ? "has an entry with a critical extension that is not supported"
					  : malformed;
	if (unitls_der_next_is(list, UNITLS_DER_CONSTRUCTED | 0) &&
		(!unitls_der_enter(list, UNITLS_DER_CONSTRUCTED | 0, &wrapper) ||
			!read_extensions(&wrapper, ret_critical) || !unitls_der_done(&wrapper)))
		return ret_critical->data ? "has a critical extension that is not supported" : malformed;
	return unitls_der_done(list) ? NULL : malformed;
}

const char *unitls_crl_parse(struct unitls_bytes der, struct unitls_crl *ret_crl)
{
	struct unitls_der reader;
	struct unitls_der outer;
	struct unitls_der list;
	struct unitls_der_value value;
	struct unitls_bytes signature;
	unsigned version;

	ret_crl->critical = (struct unitls_bytes){NULL, 0};
	unitls_der_init(&reader, der);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &outer) || !unitls_der_done(&reader) ||
		!unitls_der_enter(&outer, UNITLS_DER_SEQUENCE, &list) ||
		!unitls_der_take(&outer, UNITLS_DER_SEQUENCE, &value) ||
		!unitls_der_bits(&outer, UNITLS_DER_BIT_STRING, &signature) || !unitls_der_done(&outer))
		return malformed;
	if (unitls_der_next_is(&list, UNITLS_DER_INTEGER) && (!unitls_der_small(&list, &version) || version != 1))
		return "is of an unknown version";
	if (!unitls_der_take(&list, UNITLS_DER_SEQUENCE, &value) ||
		!unitls_der_take(&list, UNITLS_DER_SEQUENCE, &value))
		return malformed;
	ret_crl->issuer = value.whole;
	if (!skip_time(&list)) /* thisUpdate */
		return malformed;
	return read_rest(&list, &ret_crl->critical);
}

bool unitls_backend_crls_cover(const struct unitls_bytes *crls, size_t n, struct unitls_bytes certificate)
{
	struct unitls_x509 x509;
	struct unitls_crl crl;

	if (unitls_x509_parse(certificate, &x509))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!unitls_crl_parse(crls[i], &crl) && unitls_bytes_equal(crl.issuer, x509.issuer))
			return true;
	return false;
}

static int no_memory(struct unitls_error *error)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for revocation lists");
}

static int refuse(struct unitls_error *error, const char *reason)
{
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "crls", "%s", reason);
}

/* line: of the PEM block; 0 for DER. */
static int refuse_list(struct unitls_error *error, unsigned line, const char *fault, struct unitls_bytes extension)
{
	char oid[64];
	char suffix[sizeof(oid) + 3] = "";
	size_t n = unitls_oid_text(extension, oid, sizeof(oid));

	if (n > 0 && n < sizeof(oid)) /* one that is cut would be another's */
		(void)snprintf(suffix, sizeof(suffix), " (%s)", oid);
	if (line > 0)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "crls",
			"line %u: the revocation list %s%s", line, fault, suffix);
	return unitls_error_set_field(
		error, UNITLS_ERROR_CLASS_CONFIG, "crls", "the revocation list %s%s", fault, suffix);
}

/* Appends a copy. line: of the PEM block; 0 for DER. */
static int add(struct unitls_crl_list *list, struct unitls_bytes der, unsigned line, struct unitls_error *error)
{
	struct unitls_crl crl;
	const char *fault = unitls_crl_parse(der, &crl);
	uint8_t *copy;

	if (fault)
		return refuse_list(error, line, fault, crl.critical);
	if (list->n == list->capacity) {
		size_t capacity = list->capacity == 0 ? 4 : 2 * list->capacity;
		struct unitls_bytes *items = reallocarray(list->items, capacity, sizeof(*items));

		if (!items)
			return no_memory(error);
		list->items = items;
		list->capacity = capacity;
	}
	copy = malloc(der.size);
	if (!copy)
		return no_memory(error);
	memcpy(copy, der.data, der.size);
	list->items[list->n++] = (struct unitls_bytes){copy, der.size};
	return UNITLS_OK;
}

static int add_block(
	struct unitls_crl_list *list, const struct unitls_pem_block *block, struct unitls_error *error)
{
	uint8_t *data;
	size_t size;
	int status = unitls_pem_decode(block, "crls", &data, &size, error);

	if (status < 0)
		return status;
	status = add(list, (struct unitls_bytes){data, size}, block->line, error);
	unitls_pem_free(data, size);
	return status;
}

static int read_all(struct unitls_crl_list *list, const void *data, size_t size, struct unitls_error *error)
{
	struct unitls_pem_reader reader;
	struct unitls_pem_block block;
	int status;

	if (!unitls_pem_is_text(data, size))
		return add(list, (struct unitls_bytes){data, size}, 0, error);
	unitls_pem_init(&reader, data, size, "crls");
	while ((status = unitls_pem_next(&reader, &block, error)) == UNITLS_OK) {
		if (strcmp(block.label, "X509 CRL") != 0)
			continue;
		status = add_block(list, &block, error);
		if (status < 0)
			return status;
	}
	if (status < 0)
		return status;
	return list->n > 0 ? UNITLS_OK : refuse(error, "the PEM text holds no revocation list");
}

int unitls_crl_list_from_mem(
	const void *data, size_t size, struct unitls_crl_list **ret_list, struct unitls_error *error)
{
	struct unitls_crl_list *list;

	if (size > UNITLS_FILE_LIMIT_BYTES)
		return refuse(error, "the revocation lists are larger than 16 MiB");
	list = calloc(1, sizeof(*list));
	if (!list)
		return no_memory(error);
	atomic_init(&list->references, 1);
	if (read_all(list, data, size, error) < 0) {
		unitls_crl_list_unref(list);
		return UNITLS_ERROR;
	}
	*ret_list = list;
	return UNITLS_OK;
}

int unitls_crl_list_from_file(const char *path, struct unitls_crl_list **ret_list, struct unitls_error *error)
{
	struct unitls_error inner = UNITLS_ERROR_INIT;
	uint8_t *data;
	size_t size;
	int status = unitls_file_read(path, "crls", &data, &size, error);

	if (status < 0)
		return status;
	status = unitls_crl_list_from_mem(data, size, ret_list, &inner);
	unitls_file_free(data, size);
	return status < 0 ? unitls_file_error(error, path, &inner) : UNITLS_OK;
}

struct unitls_crl_list *unitls_crl_list_ref(struct unitls_crl_list *list)
{
	atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
	return list;
}

void unitls_crl_list_unref(struct unitls_crl_list *list)
{
	if (!list || atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < list->n; i++)
		free((void *)(uintptr_t)list->items[i].data);
	free(list->items);
	free(list);
}

size_t unitls_crl_list_count(const struct unitls_crl_list *list)
{
	return list->n;
}

struct unitls_bytes unitls_crl_list_at(const struct unitls_crl_list *list, size_t i)
{
	return i < list->n ? list->items[i] : (struct unitls_bytes){NULL, 0};
}
