/*
 * Certificate objects: a copy of the DER bytes, and views of it. Immutable once made, so its views stay good for its life.
 */
#include "core/certificate.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/digest.h"
#include "core/file.h"
#include "core/peer_name.h"

struct name {
	enum unitls_name_type type;
	struct unitls_bytes bytes;
};

struct unitls_certificate {
	atomic_size_t references;
	uint8_t *der;
	size_t der_size;
	struct unitls_x509 x509; /* views of der */
	struct name *names;
	size_t n_names;
	uint8_t fingerprint[UNITLS_SHA256_SIZE];
};

static void destroy(struct unitls_certificate *certificate)
{
	free(certificate->names);
	free(certificate->der);
	free(certificate);
}

struct unitls_certificate *unitls_certificate_ref(struct unitls_certificate *certificate)
{
	atomic_fetch_add_explicit(&certificate->references, 1, memory_order_relaxed);
	return certificate;
}

void unitls_certificate_unref(struct unitls_certificate *certificate)
{
	if (certificate != NULL &&
		atomic_fetch_sub_explicit(&certificate->references, 1, memory_order_acq_rel) == 1)
		destroy(certificate);
}

/* Lists the alternative names, for access by position. */
static bool list_names(struct unitls_certificate *certificate)
{
	struct unitls_der reader;
	struct name name;
	size_t n = 0;

	unitls_der_init(&reader, certificate->x509.alternative_names);
	while (unitls_x509_next_name(&reader, &name.type, &name.bytes))
		n++;
	if (n == 0)
		return true;
	certificate->names = calloc(n, sizeof(*certificate->names));
	if (certificate->names == NULL)
		return false;
	unitls_der_init(&reader, certificate->x509.alternative_names);
	while (certificate->n_names < n && unitls_x509_next_name(&reader, &name.type, &name.bytes))
		certificate->names[certificate->n_names++] = name;
	return true;
}

int unitls_certificate_from_der(struct unitls_bytes der, const char *field,
	struct unitls_certificate **ret_certificate, struct unitls_error *error)
{
	struct unitls_x509 x509;
	const char *fault = unitls_x509_parse(der, &x509);
	struct unitls_certificate *certificate;

	if (fault != NULL)
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, field, "the certificate %s", fault);
	certificate = calloc(1, sizeof(*certificate));
	if (certificate == NULL)
		goto no_memory;
	atomic_init(&certificate->references, 1);
	certificate->der = malloc(der.size);
	if (certificate->der == NULL)
		goto no_memory;
	memcpy(certificate->der, der.data, der.size);
	certificate->der_size = der.size;
	/* Again, for views of the copy. */
	if (unitls_x509_parse(unitls_certificate_der(certificate), &certificate->x509) != NULL ||
		!list_names(certificate))
		goto no_memory;
	unitls_sha256(certificate->der, certificate->der_size, certificate->fingerprint);
	*ret_certificate = certificate;
	return UNITLS_OK;

no_memory:
	if (certificate != NULL)
		destroy(certificate);
	return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a certificate");
}

static bool is_trusted_block(const struct unitls_pem_block *block)
{
	return strcmp(block->label, "TRUSTED CERTIFICATE") == 0;
}

bool unitls_pem_block_is_certificate(const struct unitls_pem_block *block)
{
	return strcmp(block->label, "CERTIFICATE") == 0 || strcmp(block->label, "X509 CERTIFICATE") == 0 ||
		is_trusted_block(block);
}

int unitls_certificate_from_block(const struct unitls_pem_block *block, const char *field,
	struct unitls_certificate **ret_certificate, struct unitls_error *error)
{
	struct unitls_error inner = UNITLS_ERROR_INIT;
	struct unitls_bytes der;
	uint8_t *data;
	size_t size;
	int status;

	status = unitls_pem_decode(block, field, &data, &size, error);
	if (status < 0)
		return status;
	der.data = data;
	der.size = size;
	/* OpenSSL puts its trust settings behind the certificate. */
	if (is_trusted_block(block) && unitls_der_size(der) > 0)
		der.size = unitls_der_size(der);
	status = unitls_certificate_from_der(der, field, ret_certificate, &inner);
	unitls_pem_free(data, size);
	if (status < 0 && inner.error_class == UNITLS_ERROR_CLASS_CONFIG)
		return unitls_error_set_field(
			error, inner.error_class, field, "line %u: %s", block->line, inner.text);
	if (status < 0)
		return unitls_error_set(error, inner.error_class, "%s", inner.text);
	return UNITLS_OK;
}

static int check_size(size_t size, struct unitls_error *error)
{
	if (size > UNITLS_FILE_LIMIT_BYTES)
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, "certificate", "the certificate is larger than 16 MiB");
	return UNITLS_OK;
}

int unitls_certificate_from_mem(
	const void *data, size_t size, struct unitls_certificate **ret_certificate, struct unitls_error *error)
{
	struct unitls_bytes der = {data, size};
	struct unitls_pem_reader reader;
	struct unitls_pem_block block;
	int status;

	status = check_size(size, error);
	if (status < 0)
		return status;
	if (!unitls_pem_is_text(data, size))
		return unitls_certificate_from_der(der, "certificate", ret_certificate, error);
	unitls_pem_init(&reader, data, size, "certificate");
	while ((status = unitls_pem_next(&reader, &block, error)) == UNITLS_OK)
		if (unitls_pem_block_is_certificate(&block))
			return unitls_certificate_from_block(&block, "certificate", ret_certificate, error);
	if (status < 0)
		return status;
	return unitls_error_set_field(
		error, UNITLS_ERROR_CLASS_CONFIG, "certificate", "the PEM text holds no certificate");
}

int unitls_certificate_from_file(
	const char *path, struct unitls_certificate **ret_certificate, struct unitls_error *error)
{
	struct unitls_error inner = UNITLS_ERROR_INIT;
	uint8_t *data;
	size_t size;
	int status;

	status = unitls_file_read(path, "certificate", &data, &size, error);
	if (status < 0)
		return status;
	status = unitls_certificate_from_mem(data, size, ret_certificate, &inner);
	unitls_file_free(data, size);
	return status < 0 ? unitls_file_error(error, path, &inner) : UNITLS_OK;
}

const struct unitls_x509 *unitls_certificate_x509(const struct unitls_certificate *certificate)
{
	return &certificate->x509;
}

bool unitls_certificate_equal(const struct unitls_certificate *a, const struct unitls_certificate *b)
{
	return memcmp(a->fingerprint, b->fingerprint, sizeof(a->fingerprint)) == 0;
}

struct unitls_bytes unitls_certificate_der(const struct unitls_certificate *certificate)
{
	return (struct unitls_bytes){certificate->der, certificate->der_size};
}

const uint8_t *unitls_certificate_fingerprint(const struct unitls_certificate *certificate)
{
	return certificate->fingerprint;
}

struct unitls_bytes unitls_certificate_spki(const struct unitls_certificate *certificate)
{
	return certificate->x509.spki;
}

struct unitls_bytes unitls_certificate_subject(const struct unitls_certificate *certificate)
{
	return certificate->x509.subject;
}

struct unitls_bytes unitls_certificate_issuer(const struct unitls_certificate *certificate)
{
	return certificate->x509.issuer;
}

struct unitls_bytes unitls_certificate_common_name(const struct unitls_certificate *certificate)
{
	return certificate->x509.common_name;
}

int64_t unitls_certificate_not_before(const struct unitls_certificate *certificate)
{
	return certificate->x509.not_before;
}

int64_t unitls_certificate_not_after(const struct unitls_certificate *certificate)
{
	return certificate->x509.not_after;
}

enum unitls_key_type unitls_certificate_key_type(const struct unitls_certificate *certificate)
{
	return certificate->x509.key.type;
}

const char *unitls_key_type_name(enum unitls_key_type type)
{
	static const char *const names[] = {
#define KEY_TYPE_NAME(id, name) [UNITLS_KEY_##id] = (name),
		UNITLS_KEY_TYPES(KEY_TYPE_NAME)
#undef KEY_TYPE_NAME
	};

	return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : names[UNITLS_KEY_UNKNOWN];
}

unsigned unitls_certificate_key_bits(const struct unitls_certificate *certificate)
{
	return certificate->x509.key.bits;
}

bool unitls_certificate_is_ca(const struct unitls_certificate *certificate)
{
	return certificate->x509.is_ca;
}

bool unitls_certificate_name_at(const struct unitls_certificate *certificate, size_t i,
	enum unitls_name_type *ret_type, struct unitls_bytes *ret_name)
{
	if (i >= certificate->n_names)
		return false;
	*ret_type = certificate->names[i].type;
	*ret_name = certificate->names[i].bytes;
	return true;
}

bool unitls_certificate_matches(const struct unitls_certificate *certificate, const struct unitls_peer_name *name)
{
	return unitls_peer_name_matches(name, &certificate->x509);
}
