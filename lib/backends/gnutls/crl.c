#include "backends/gnutls/crl.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "backends/gnutls/error.h"
#include "backends/gnutls/trust.h"

static int read_one(struct gtls_crls *crls, struct unitls_bytes bytes)
{
	gnutls_datum_t der = gtls_datum(bytes);
	int ret = bytes.size > UINT_MAX ? GNUTLS_E_ASN1_DER_ERROR : gnutls_x509_crl_init(&crls->items[crls->n]);

	if (ret < 0)
		return ret;
	crls->n++;
	return gnutls_x509_crl_import(crls->items[crls->n - 1], &der, GNUTLS_X509_FMT_DER);
}

int gtls_crls_init(struct gtls_crls *crls, const struct unitls_context_params *params, struct unitls_error *error)
{
	*crls = (struct gtls_crls){NULL, 0};
	if (params->n_crls == 0)
		return 0;
	crls->items = calloc(params->n_crls, sizeof(gnutls_x509_crl_t));
	if (!crls->items)
		return gtls_error_memory(error);
	for (size_t i = 0; i < params->n_crls; i++) {
		int ret = read_one(crls, params->crls[i]);

		if (ret < 0)
			return gtls_error_set_field(error, ret, "crls", "the revocation list");
	}
	return 0;
}

void gtls_crls_fini(struct gtls_crls *crls)
{
	for (size_t i = 0; i < crls->n; i++)
		gnutls_x509_crl_deinit(crls->items[i]);
	free(crls->items);
	*crls = (struct gtls_crls){NULL, 0};
}

static bool is_from(gnutls_x509_crl_t crl, gnutls_x509_crt_t certificate)
{
	gnutls_datum_t own = {NULL, 0};
	gnutls_datum_t named = {NULL, 0};
	bool same = gnutls_x509_crl_get_raw_issuer_dn(crl, &own) == 0 &&
		gnutls_x509_crt_get_raw_issuer_dn(certificate, &named) == 0 && own.size == named.size &&
		memcmp(own.data, named.data, own.size) == 0;

	gnutls_free(own.data);
	gnutls_free(named.data);
	return same;
}

/* The library's clock is one for the process, so the times are looked at here. A list without an end is current. */
static bool is_current(gnutls_x509_crl_t crl, int64_t now)
{
	time_t from = gnutls_x509_crl_get_this_update(crl);
	time_t until = gnutls_x509_crl_get_next_update(crl);

	return from != (time_t)-1 && from <= now && (until == (time_t)-1 || now <= until);
}

static bool is_signed_by(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer)
{
	unsigned status = 0;

	return gnutls_x509_crl_verify(crl, &issuer, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) == 0 &&
		status == 0;
}

enum unitls_verify_reason gtls_crls_judge(const struct gtls_crls *crls, gnutls_x509_crt_t certificate,
	gnutls_x509_crt_t issuer, int64_t now, bool *ret_covered)
{
	enum unitls_verify_reason reason = UNITLS_VERIFY_REVOCATION_UNKNOWN;

	*ret_covered = false;
	for (size_t i = 0; i < crls->n; i++) {
		gnutls_x509_crl_t crl = crls->items[i];

		if (!is_from(crl, certificate))
			continue;
		*ret_covered = true;
		if (!is_current(crl, now) || !is_signed_by(crl, issuer))
			continue;
		if (gnutls_x509_crt_check_revocation(certificate, &crl, 1) != 0)
			return UNITLS_VERIFY_REVOKED;
		reason = UNITLS_VERIFY_NONE;
	}
	return reason;
}
