/*
 * Lists of certificates from PEM texts. Keeps their order, and all of them: duplicates are the user's matter.
 */
#include "core/certificate_list.h"

#include <stdlib.h>

#include "core/backend.h"
#include "core/certificate.h"
#include "core/pem.h"

void unitls_certificate_list_fini(struct unitls_certificate_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		unitls_certificate_unref(list->items[i]);
	free(list->items);
	*list = (struct unitls_certificate_list){NULL, 0, 0};
}

/* Takes the caller's reference, also when it fails. */
static int take(
	struct unitls_certificate_list *list, struct unitls_certificate *certificate, struct unitls_error *error)
{
	if (list->n == list->capacity) {
		size_t capacity = list->capacity == 0 ? 4 : list->capacity * 2;
		struct unitls_certificate **items = reallocarray(list->items, capacity, sizeof(*items));

		if (items == NULL) {
			unitls_certificate_unref(certificate);
			return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for certificates");
		}
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->n++] = certificate;
	return UNITLS_OK;
}

static int read_block(struct unitls_certificate_list *list, const struct unitls_pem_block *block,
	enum unitls_malformed malformed, const char *field, struct unitls_error *error)
{
	struct unitls_error inner = UNITLS_ERROR_INIT;
	struct unitls_certificate *certificate;

	if (unitls_certificate_from_block(block, field, &certificate, &inner) == UNITLS_OK)
		return take(list, certificate, error);
	if (malformed == UNITLS_MALFORMED_SKIP && inner.error_class == UNITLS_ERROR_CLASS_CONFIG)
		return UNITLS_OK;
	return unitls_error_set_field(error, inner.error_class, inner.field, "%s", inner.text);
}

int unitls_certificate_list_read(struct unitls_certificate_list *list, const void *data, size_t size,
	enum unitls_malformed malformed, const char *field, struct unitls_error *error)
{
	struct unitls_bytes der = {data, size};
	struct unitls_certificate *certificate;
	struct unitls_pem_reader reader;
	struct unitls_pem_block block;
	int status;

	if (size > UNITLS_FILE_LIMIT_BYTES)
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, field, "the certificates are larger than 16 MiB");
	if (!unitls_pem_is_text(data, size)) {
		status = unitls_certificate_from_der(der, field, &certificate, error);
		return status < 0 ? status : take(list, certificate, error);
	}
	unitls_pem_init(&reader, data, size, field);
	while ((status = unitls_pem_next(&reader, &block, error)) == UNITLS_OK) {
		if (!unitls_pem_block_is_certificate(&block))
			continue;
		status = read_block(list, &block, malformed, field, error);
		if (status < 0)
			return status;
	}
	return status < 0 ? status : UNITLS_OK;
}
