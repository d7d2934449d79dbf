/*
 * Revocation lists. The library could look at them itself, but by the system's clock only, and one bad list would spoil a good one of the same issuer.
 */
#include "backends/mbedtls/crl.h"

#include <string.h>

#include <mbedtls/md.h>

#include "backends/mbedtls/error.h"
#include "backends/mbedtls/verify.h"

int mbed_crl_load(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	int ret;

	for (size_t i = 0; i < params->n_crls; i++) {
		ret = mbedtls_x509_crl_parse_der(&context->crls, params->crls[i].data, params->crls[i].size);
		if (ret != 0)
			return mbed_error_set_field(error, ret, "crls", "a revocation list");
		context->has_crls = true;
	}
	return 0;
}

static bool is_strong(mbedtls_md_type_t hash)
{
	return hash == MBEDTLS_MD_SHA256 || hash == MBEDTLS_MD_SHA384 || hash == MBEDTLS_MD_SHA512;
}

/* Whether the issuer signed the list, and may. */
static bool is_signed_by(const mbedtls_x509_crl *crl, mbedtls_x509_crt *issuer)
{
	mbedtls_md_type_t hash = crl->COMPAT_FIELD(sig_md);
	const mbedtls_md_info_t *md = mbedtls_md_info_from_type(hash);
	uint8_t digest[MBEDTLS_MD_MAX_SIZE];

	if (!is_strong(hash) || md == NULL ||
		mbedtls_x509_crt_check_key_usage(issuer, MBEDTLS_X509_KU_CRL_SIGN) != 0 ||
		mbedtls_md(md, crl->tbs.p, crl->tbs.len, digest) != 0)
		return false;
	return mbedtls_pk_verify_ext(crl->COMPAT_FIELD(sig_pk), crl->COMPAT_FIELD(sig_opts), &issuer->pk, hash,
		       digest, mbedtls_md_get_size(md), crl->COMPAT_FIELD(sig).p, crl->COMPAT_FIELD(sig).len) == 0;
}

/* A list without an end is current from its beginning on. */
static bool is_current(const struct mbed_context *context, const mbedtls_x509_crl *crl)
{
	int64_t now = mbed_context_now(context);

	return now >= mbed_verify_seconds(&crl->this_update) &&
		(crl->next_update.year == 0 || now <= mbed_verify_seconds(&crl->next_update));
}

static bool is_of_issuer(const mbedtls_x509_crl *crl, const mbedtls_x509_crt *crt)
{
	return crl->issuer_raw.len == crt->issuer_raw.len &&
		memcmp(crl->issuer_raw.p, crt->issuer_raw.p, crt->issuer_raw.len) == 0;
}

enum unitls_verify_reason mbed_crl_judge(const struct mbed_context *context, const mbedtls_x509_crt *crt,
	mbedtls_x509_crt *issuer, bool must_be_covered)
{
	const mbedtls_x509_crl *crl = context->has_crls ? &context->crls : NULL;
	bool is_covered = false;
	bool is_known = false;

	if (crl == NULL)
		return UNITLS_VERIFY_NONE;
	for (; crl != NULL; crl = crl->next) {
		if (!is_of_issuer(crl, crt))
			continue;
		is_covered = true;
		if (issuer == NULL || !is_current(context, crl) || !is_signed_by(crl, issuer))
			continue;
		if (mbedtls_x509_crt_is_revoked(crt, crl) != 0)
			return UNITLS_VERIFY_REVOKED;
		is_known = true;
	}
	if (is_known || (!is_covered && !must_be_covered))
		return UNITLS_VERIFY_NONE;
	return UNITLS_VERIFY_REVOCATION_UNKNOWN;
}
