/*
 * OCSP staples (RFC 6066, 8): sent by a server as they are, and on a client read, for OpenSSL leaves that to its user.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "backends/libssl/connection.h"
#include "backends/libssl/context.h"
#include "backends/libssl/library.h"

#define SKEW_S 300 /* that clocks may differ by */

/* What libssl's callbacks answer. */
enum {
	SERVER_STAPLED = SSL_TLSEXT_ERR_OK,
	SERVER_NO_STAPLE = SSL_TLSEXT_ERR_NOACK,
	CLIENT_ACCEPTS = 1,
	CLIENT_REFUSES = 0, /* bad_certificate_status_response */
	CLIENT_FAILS = -1,
};

static int on_server(SSL *ssl, void *argument)
{
	const struct libssl_connection *connection = SSL_get_app_data(ssl);
	struct unitls_bytes staple = connection->context->ocsp_response;
	unsigned char *copy;

	(void)argument;
	if (staple.size == 0)
		return SERVER_NO_STAPLE;
	copy = OPENSSL_memdup(staple.data, staple.size);
	if (!copy)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	(void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple.size); /* takes it, cannot fail */
	return SERVER_STAPLED;
}

static int64_t now(const struct libssl_verifier *verifier)
{
	return verifier->clock ? verifier->clock(verifier->clock_argument) : (int64_t)time(NULL);
}

/* OCSP_check_validity knows the system's clock only. */
static bool is_current(const struct libssl_verifier *verifier, const ASN1_GENERALIZEDTIME *from,
	const ASN1_GENERALIZEDTIME *until)
{
	time_t latest = (time_t)now(verifier) + SKEW_S;
	time_t earliest = (time_t)now(verifier) - SKEW_S;

	if (X509_cmp_time(from, &latest) != -1)
		return false;
	return until && X509_cmp_time(until, &earliest) == 1;
}

/*
 * Who may sign an answer: the issuer, which the chain's verification has judged, and whom it delegated to (RFC 6960, 4.2.2.2). The context's store would
 * judge them by the system's clock, and know no issuer that is an intermediate. NULL without memory.
 */
static X509_STORE *new_signers(const struct libssl_verifier *verifier, X509 *issuer)
{
	X509_STORE *store = X509_STORE_new();

	if (!store)
		return NULL;
	if (!X509_STORE_add_cert(store, issuer)) {
		X509_STORE_free(store);
		return NULL;
	}
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)now(verifier));
	return store;
}

static bool is_signed_for(const struct libssl_verifier *verifier, OCSP_BASICRESP *basic, STACK_OF(X509) * chain)
{
	X509_STORE *store = new_signers(verifier, sk_X509_value(chain, 1));
	bool is_signed = store && OCSP_basic_verify(basic, chain, store, OCSP_PARTIAL_CHAIN) == 1;

	X509_STORE_free(store);
	return is_signed;
}

/* The answer's signature, and what it says of the peer's own certificate. */
static enum unitls_verify_reason judge_basic(
	SSL *ssl, const struct libssl_verifier *verifier, OCSP_BASICRESP *basic)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	OCSP_CERTID *id;
	ASN1_GENERALIZEDTIME *from = NULL;
	ASN1_GENERALIZEDTIME *until = NULL;
	int status = V_OCSP_CERTSTATUS_UNKNOWN;
	int found;

	/* A certificate that is an anchor itself has no issuer here to ask. */
	if (sk_X509_num(chain) < 2 || !is_signed_for(verifier, basic, chain))
		return UNITLS_VERIFY_REVOCATION_UNKNOWN;
	id = OCSP_cert_to_id(NULL, sk_X509_value(chain, 0), sk_X509_value(chain, 1));
	found = id ? OCSP_resp_find_status(basic, id, &status, NULL, NULL, &from, &until) : 0;
	OCSP_CERTID_free(id);
	if (!found || !is_current(verifier, from, until))
		return UNITLS_VERIFY_REVOCATION_UNKNOWN;
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		return UNITLS_VERIFY_REVOKED;
	return status == V_OCSP_CERTSTATUS_GOOD ? UNITLS_VERIFY_NONE : UNITLS_VERIFY_REVOCATION_UNKNOWN;
}

static enum unitls_verify_reason judge(
	SSL *ssl, const struct libssl_verifier *verifier, struct unitls_bytes staple)
{
	const unsigned char *end = staple.data;
	OCSP_RESPONSE *response = staple.size > 0 ? d2i_OCSP_RESPONSE(NULL, &end, (long)staple.size) : NULL;
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
	enum unitls_verify_reason reason =
		basic ? judge_basic(ssl, verifier, basic) : UNITLS_VERIFY_REVOCATION_UNKNOWN;

	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return reason;
}

/* Called after the chain was verified, also when no staple came. */
static int on_client(SSL *ssl, void *argument)
{
	struct libssl_connection *connection = SSL_get_app_data(ssl);
	const struct libssl_context *context = connection->context;
	enum unitls_verify_reason reason;

	(void)argument;
	/* A resumed session was judged when it was made. */
	if (context->verifier.mode == UNITLS_VERIFY_MODE_NONE || SSL_session_reused(ssl))
		return CLIENT_ACCEPTS;
	reason = judge(ssl, &context->verifier, libssl_ocsp_response(ssl));
	if (reason == UNITLS_VERIFY_NONE ||
		(reason == UNITLS_VERIFY_REVOCATION_UNKNOWN && context->ocsp == UNITLS_OCSP_REQUEST))
		return CLIENT_ACCEPTS;
	connection->verdict.reason = reason;
	connection->verdict.depth = 0;
	connection->verdict.native_code = 0;
	return CLIENT_REFUSES;
}

bool libssl_setup_ocsp(SSL_CTX *ctx, const struct unitls_context_params *params)
{
	if (params->role == UNITLS_ROLE_SERVER) {
		if (params->ocsp_response.size > 0)
			SSL_CTX_set_tlsext_status_cb(ctx, on_server);
		return true;
	}
	if (params->ocsp == UNITLS_OCSP_NONE)
		return true;
	SSL_CTX_set_tlsext_status_cb(ctx, on_client);
	return SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp) == 1;
}

struct unitls_bytes libssl_ocsp_response(SSL *ssl)
{
	const unsigned char *data = NULL;
	long size = SSL_get_tlsext_status_ocsp_resp(ssl, &data);

	return (struct unitls_bytes){size > 0 ? data : NULL, size > 0 ? (size_t)size : 0};
}
