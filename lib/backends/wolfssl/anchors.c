#include "backends/wolfssl/anchors.h"

#include <stdlib.h>

#include "backends/wolfssl/certificate.h"
#include "backends/wolfssl/error.h"

static bool is_issuer(const DecodedCert *decoded)
{
	/* Certificates of version 1 know no extensions (the library counts versions from 0); self-signed ones are old roots. */
	return wolf_certificate_is_ca(decoded) || (decoded->version == 0 && decoded->selfSigned);
}

static int copy_anchor(struct wolf_anchor *anchor, struct unitls_bytes der)
{
	uint8_t *copy = malloc(der.size);

	if (copy == NULL)
		return MEMORY_E;
	memcpy(copy, der.data, der.size);
	anchor->der = (struct unitls_bytes){copy, der.size};
	return 0;
}

/* What the library says of the certificate; 0 when it can read it. */
static int add_anchor(struct wolf_anchor *anchor, struct unitls_bytes der)
{
	DecodedCert *decoded = NULL;
	int ret;

	ret = copy_anchor(anchor, der);
	if (ret == 0)
		ret = wolf_certificate_decode(der, &decoded);
	if (ret != 0)
		return ret;
	memcpy(anchor->subject, decoded->subjectHash, sizeof(anchor->subject));
	anchor->can_issue = is_issuer(decoded);
	wolf_certificate_free(decoded);
	return 0;
}

/* What the library cannot read can verify nothing but itself: it trusts less, never more. A store of such only is refused. */
int wolf_anchors_init(
	struct wolf_anchors *anchors, const struct unitls_context_params *params, struct unitls_error *error)
{
	bool readable = false;
	int refused = 0;

	*anchors = (struct wolf_anchors){NULL, 0};
	if (params->n_anchors == 0)
		return 0;
	anchors->list = calloc(params->n_anchors, sizeof(*anchors->list));
	if (anchors->list == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for the trust store");
	for (size_t i = 0; i < params->n_anchors; i++) {
		int ret = add_anchor(&anchors->list[anchors->n++], params->anchors[i]);

		if (wolf_error_is_memory(ret))
			return wolf_error_set_field(error, ret, "trust_store", "the trust store");
		if (ret == 0)
			readable = true;
		else
			refused = ret;
	}
	if (!readable)
		return wolf_error_set_field(error, refused, "trust_store", "every certificate of the trust store");
	return 0;
}

void wolf_anchors_fini(struct wolf_anchors *anchors)
{
	for (size_t i = 0; i < anchors->n; i++)
		free((void *)(uintptr_t)anchors->list[i].der.data);
	free(anchors->list);
	*anchors = (struct wolf_anchors){NULL, 0};
}

bool wolf_anchors_contain(const struct wolf_anchors *anchors, struct unitls_bytes der)
{
	for (size_t i = 0; i < anchors->n; i++) {
		if (anchors->list[i].der.size == der.size &&
			memcmp(anchors->list[i].der.data, der.data, der.size) == 0)
			return true;
	}
	return false;
}
