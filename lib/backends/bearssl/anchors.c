#include "backends/bearssl/anchors.h"

#include <stdlib.h>

#include "backends/bearssl/error.h"

/* One anchor. *ret_anchor stays NULL for one that is of no use; *ret_native then says why. UNITLS_ERROR without memory. */
static int read_anchor(struct unitls_bytes der, struct bear_anchor **ret_anchor, int *ret_native)
{
	struct bear_anchor *anchor = malloc(sizeof(*anchor) + der.size);

	if (anchor == NULL)
		return UNITLS_ERROR;
	memcpy(anchor->der, der.data, der.size);
	der.data = anchor->der;
	*ret_native = bear_subject_read(der, &anchor->subject);
	if (*ret_native == 0 && bear_certificate_read(der, &anchor->certificate) < 0)
		*ret_native = BR_ERR_X509_UNEXPECTED;
	if (*ret_native == 0 && anchor->certificate.unknown_critical)
		*ret_native = BR_ERR_X509_CRITICAL_EXTENSION;
	if (*ret_native != 0) {
		free(anchor);
		return 0;
	}
	*ret_anchor = anchor;
	return 0;
}

static int make_names(struct bear_anchors *anchors, struct unitls_error *error)
{
	anchors->names = calloc(anchors->n, sizeof(*anchors->names));
	if (anchors->names == NULL)
		return bear_error_memory(error);
	for (size_t i = 0; i < anchors->n; i++) {
		struct unitls_bytes subject = anchors->list[i]->certificate.subject;

		anchors->names[i].data = anchors->list[i]->der + (subject.data - anchors->list[i]->der);
		anchors->names[i].len = subject.size;
	}
	return 0;
}

int bear_anchors_read(
	struct bear_anchors *anchors, const struct unitls_context_params *params, struct unitls_error *error)
{
	int refused = 0;

	if (params->n_anchors == 0)
		return 0;
	anchors->list = calloc(params->n_anchors, sizeof(struct bear_anchor *));
	if (anchors->list == NULL)
		return bear_error_memory(error);
	for (size_t i = 0; i < params->n_anchors; i++) {
		struct bear_anchor *anchor = NULL;
		int native;

		if (read_anchor(params->anchors[i], &anchor, &native) < 0)
			return bear_error_memory(error);
		if (anchor != NULL)
			anchors->list[anchors->n++] = anchor;
		else
			refused = native;
	}
	if (anchors->n == 0)
		return bear_error_set_field(error, refused, "trust_store", "every certificate of the trust store");
	return params->role == UNITLS_ROLE_SERVER ? make_names(anchors, error) : 0;
}

void bear_anchors_fini(struct bear_anchors *anchors)
{
	for (size_t i = 0; i < anchors->n; i++)
		free(anchors->list[i]);
	free(anchors->list);
	free(anchors->names);
	*anchors = (struct bear_anchors){0};
}

const struct bear_anchor *bear_anchors_find(const struct bear_anchors *anchors, struct unitls_bytes der)
{
	for (size_t i = 0; i < anchors->n; i++) {
		if (bear_bytes_equal(anchors->list[i]->certificate.der, der))
			return anchors->list[i];
	}
	return NULL;
}

bool bear_anchor_is_issuer(const struct bear_anchor *anchor)
{
	const struct bear_certificate *certificate = &anchor->certificate;

	if (!certificate->has_extensions)
		return bear_certificate_is_self_issued(certificate);
	return certificate->is_ca && certificate->can_sign;
}
