#include "backends/libssl/verify.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "backends/libssl/connection.h"
#include "backends/libssl/crl.h"
#include "backends/libssl/error.h"
#include "backends/libssl/library.h"

/*
 * libssl derives the alert from the verification error (ssl_x509err2alert); these are errors it answers with each alert. certificate_unknown
 * is its answer to what it does not know.
 */
static const struct alert_code {
	int alert;
	int native_code;
} alert_codes[] = {
	{UNITLS_ALERT_HANDSHAKE_FAILURE, X509_V_ERR_APPLICATION_VERIFICATION},
	{UNITLS_ALERT_BAD_CERTIFICATE, X509_V_ERR_CERT_REJECTED},
	{UNITLS_ALERT_UNSUPPORTED_CERTIFICATE, X509_V_ERR_INVALID_PURPOSE},
	{UNITLS_ALERT_CERTIFICATE_REVOKED, X509_V_ERR_CERT_REVOKED},
	{UNITLS_ALERT_CERTIFICATE_EXPIRED, X509_V_ERR_CERT_HAS_EXPIRED},
	{UNITLS_ALERT_UNKNOWN_CA, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT},
	{UNITLS_ALERT_DECRYPT_ERROR, X509_V_ERR_CERT_SIGNATURE_FAILURE},
	{UNITLS_ALERT_INTERNAL_ERROR, X509_V_ERR_OUT_OF_MEM},
};

enum unitls_verify_reason libssl_verify_reason(int native_code, int depth)
{
	size_t i;

	/* A root that was sent along and is not trusted is no self-signed leaf, whatever the library calls it. */
	if (native_code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT && depth > 0)
		return UNITLS_VERIFY_UNKNOWN_CA;
	for (i = 0; i < libssl_library.n_native_reasons; i++) {
		if (libssl_library.native_reasons[i].native_code == native_code)
			return libssl_library.native_reasons[i].reason;
	}
	return UNITLS_VERIFY_OTHER;
}

static int native_code_for_alert(int alert)
{
	size_t i;

	for (i = 0; i < sizeof(alert_codes) / sizeof(alert_codes[0]); i++) {
		if (alert_codes[i].alert == alert)
			return alert_codes[i].native_code;
	}
	return X509_V_ERR_INVALID_EXTENSION; /* not in the library's table: certificate_unknown */
}

/* Sets the verdict; the store's error becomes one that libssl answers with the contract's alert. */
static int refuse(X509_STORE_CTX *store, struct libssl_verdict *verdict, enum unitls_verify_reason reason)
{
	verdict->reason = reason;
	X509_STORE_CTX_set_error(store, native_code_for_alert(unitls_verify_alert(reason)));
	return 0;
}

static int refuse_for_memory(X509_STORE_CTX *store, struct libssl_verdict *verdict)
{
	verdict->out_of_memory = true;
	X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
	return 0;
}

static int judge_name(
	X509_STORE_CTX *store, const struct unitls_peer_name *expected, struct libssl_verdict *verdict)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	unsigned char *der = NULL;
	int size = leaf ? i2d_X509(leaf, &der) : -1;
	enum unitls_verify_reason reason;
	struct unitls_bytes bytes;

	if (size < 0)
		return refuse_for_memory(store, verdict);
	bytes.data = der;
	bytes.size = (size_t)size;
	reason = unitls_backend_check_peer_name(expected, bytes);
	OPENSSL_free(der);
	if (reason == UNITLS_VERIFY_NONE)
		return 1;
	verdict->depth = 0;
	verdict->native_code = 0;
	return refuse(store, verdict, reason);
}

/* libssl calls this in place of X509_verify_cert. */
static int on_verify(X509_STORE_CTX *store, void *argument)
{
	const struct libssl_verifier *verifier = argument;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct libssl_connection *connection = SSL_get_app_data(ssl);
	struct libssl_verdict *verdict = &connection->verdict;
	enum unitls_verify_reason reason;

	if (verifier->mode == UNITLS_VERIFY_MODE_NONE) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	if (verifier->clock)
		X509_VERIFY_PARAM_set_time(
			X509_STORE_CTX_get0_param(store), (time_t)verifier->clock(verifier->clock_argument));
	if (verifier->has_crls)
		libssl_crl_prepare(store);
	if (X509_verify_cert(store) <= 0) {
		verdict->native_code = X509_STORE_CTX_get_error(store);
		verdict->depth = X509_STORE_CTX_get_error_depth(store);
		if (verdict->native_code == X509_V_ERR_OUT_OF_MEM)
			return refuse_for_memory(store, verdict);
		return refuse(store, verdict, libssl_verify_reason(verdict->native_code, verdict->depth));
	}
	reason = libssl_judge_chain(store, &verdict->depth);
	if (reason != UNITLS_VERIFY_NONE)
		return refuse(store, verdict, reason);
	if (!connection->peer_name)
		return 1;
	return judge_name(store, connection->peer_name, verdict);
}

X509 *libssl_certificate_read(struct unitls_bytes der)
{
	const unsigned char *end = der.data;
	X509 *certificate;

	if (der.size > LONG_MAX)
		return NULL;
	certificate = d2i_X509(NULL, &end, (long)der.size);
	if (certificate && end != der.data + der.size) {
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

/* Adds one anchor, and on a server its name to those that clients are told. */
static int add_anchor(SSL_CTX *ctx, X509_STORE *store, const struct unitls_context_params *params,
	struct unitls_bytes der, struct unitls_error *error)
{
	X509 *certificate = libssl_certificate_read(der);
	int r = 0;

	if (!certificate)
		return libssl_error_config(error, "trust_store", "cannot read a certificate of the trust store");
	if (!X509_STORE_add_cert(store, certificate))
		r = libssl_error_config(error, "trust_store", "cannot add a certificate to the trust store");
	else if (params->role == UNITLS_ROLE_SERVER && !SSL_CTX_add_client_CA(ctx, certificate))
		r = libssl_error_memory(error);
	X509_free(certificate);
	return r;
}

static int verify_flags(const struct unitls_context_params *params)
{
	switch (params->verify) {
	case UNITLS_VERIFY_MODE_NONE:
		return SSL_VERIFY_NONE;
	case UNITLS_VERIFY_MODE_OPTIONAL:
		return SSL_VERIFY_PEER;
	case UNITLS_VERIFY_MODE_REQUIRED:
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	}
	return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

int libssl_verify_setup(SSL_CTX *ctx, const struct unitls_context_params *params,
	const struct libssl_verifier *verifier, struct unitls_error *error)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
	X509_STORE *store = X509_STORE_new();
	int r = 0;
	size_t i;

	if (!store)
		return libssl_error_memory(error);
	for (i = 0; r == 0 && params->verify != UNITLS_VERIFY_MODE_NONE && i < params->n_anchors; i++)
		r = add_anchor(ctx, store, params, params->anchors[i], error);
	if (r == 0)
		r = libssl_crl_setup(store, params, error);
	if (r == 0 && !SSL_CTX_set1_verify_cert_store(ctx, store))
		r = libssl_error_memory(error);
	if (r < 0) {
		X509_STORE_free(store);
		return r;
	}
	SSL_CTX_set_cert_store(ctx, store);
	if (!X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST))
		return libssl_error_memory(error);
	SSL_CTX_set_verify(ctx, verify_flags(params), NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_verify, (void *)(uintptr_t)verifier);
	return 0;
}
