#include "backends/gnutls/ocsp.h"

#include <limits.h>
#include <time.h>

#include <gnutls/ocsp.h>

#include "backends/gnutls/trust.h"

#define SKEW_S     300 /* that clocks may differ by */
#define SINGLE_MAX 16  /* answers of one response that are looked at */
#define SIGNER_MAX 16  /* certificates that a response may bring */

/* By a certificate itself, or by one in the response that it issued for that; at whatever time. */
static bool is_signed_by(gnutls_ocsp_resp_t response, gnutls_x509_crt_t certificate)
{
	unsigned status = 0;

	return gnutls_ocsp_resp_verify_direct(response, certificate, &status, GNUTLS_VERIFY_DISABLE_TIME_CHECKS) ==
		0 &&
		status == 0;
}

static bool is_valid_at(gnutls_x509_crt_t certificate, int64_t now)
{
	time_t from = gnutls_x509_crt_get_activation_time(certificate);
	time_t until = gnutls_x509_crt_get_expiration_time(certificate);

	return from != (time_t)-1 && until != (time_t)-1 && from <= now && now <= until;
}

/*
 * The library does not say which certificate of the response it took for the signer's, and its clock is one for the process. So every one that could be it
 * has to be valid: anybody can add certificates to a response, but not take away the signer's.
 */
static bool are_signers_valid(gnutls_ocsp_resp_t response, int64_t now)
{
	gnutls_x509_crt_t *certificates = NULL;
	size_t n = 0;
	bool are_valid;

	if (gnutls_ocsp_resp_get_certs(response, &certificates, &n) < 0)
		return false;
	are_valid = n <= SIGNER_MAX;
	for (size_t i = 0; i < n; i++) {
		if (are_valid && is_signed_by(response, certificates[i]))
			are_valid = is_valid_at(certificates[i], now);
		gnutls_x509_crt_deinit(certificates[i]);
	}
	gnutls_free(certificates);
	return are_valid;
}

static enum unitls_verify_reason judge_single(gnutls_ocsp_resp_t response, unsigned i, int64_t now)
{
	unsigned status = GNUTLS_OCSP_CERT_UNKNOWN;
	time_t from = (time_t)-1;
	time_t until = (time_t)-1;

	if (gnutls_ocsp_resp_get_single(response, i, NULL, NULL, NULL, NULL, &status, &from, &until, NULL, NULL) <
		0)
		return UNITLS_VERIFY_REVOCATION_UNKNOWN;
	/* One that says no end cannot be known to be current (RFC 6960, 4.2.2.1). */
	if (from == (time_t)-1 || until == (time_t)-1 || now < from - SKEW_S || now > until + SKEW_S)
		return UNITLS_VERIFY_REVOCATION_UNKNOWN;
	if (status == GNUTLS_OCSP_CERT_REVOKED)
		return UNITLS_VERIFY_REVOKED;
	return status == GNUTLS_OCSP_CERT_GOOD ? UNITLS_VERIFY_NONE : UNITLS_VERIFY_REVOCATION_UNKNOWN;
}

static enum unitls_verify_reason judge(
	gnutls_ocsp_resp_t response, gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer, int64_t now)
{
	if (gnutls_ocsp_resp_get_status(response) != GNUTLS_OCSP_RESP_SUCCESSFUL ||
		!is_signed_by(response, issuer) || !are_signers_valid(response, now))
		return UNITLS_VERIFY_REVOCATION_UNKNOWN;
	for (unsigned i = 0; i < SINGLE_MAX; i++) {
		if (gnutls_ocsp_resp_check_crt(response, i, certificate) == 0)
			return judge_single(response, i, now);
	}
	return UNITLS_VERIFY_REVOCATION_UNKNOWN;
}

enum unitls_verify_reason gtls_ocsp_judge(
	struct unitls_bytes bytes, gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer, int64_t now)
{
	enum unitls_verify_reason reason = UNITLS_VERIFY_REVOCATION_UNKNOWN;
	gnutls_datum_t der = gtls_datum(bytes);
	gnutls_ocsp_resp_t response;

	if (bytes.size == 0 || bytes.size > UINT_MAX || gnutls_ocsp_resp_init(&response) < 0)
		return reason;
	if (gnutls_ocsp_resp_import2(response, &der, GNUTLS_X509_FMT_DER) == 0)
		reason = judge(response, certificate, issuer, now);
	gnutls_ocsp_resp_deinit(response);
	return reason;
}
