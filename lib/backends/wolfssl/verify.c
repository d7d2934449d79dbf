/*
 * Judging the peer's certificates, in the library's callback. The library's own store is empty, so that all it can find itself is what is wrong with
 * the peer's certificate as such; chain.c does the rest, and the core checks the name.
 *
 * Invariant: with verification on, a handshake completes only when the callback has seen the peer's own certificate and found nothing wrong.
 */
#include "backends/wolfssl/verify.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/wolfssl/alert.h"
#include "backends/wolfssl/error.h"

void wolf_peer_chain_fini(struct wolf_peer_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		free((void *)(uintptr_t)chain->certificates[i].data);
	chain->n = 0;
}

/* The library keeps certificates of 2 KiB at most, and forgets them when both sides have closed. */
static bool keep_chain(struct wolf_peer_chain *chain, const WOLFSSL_X509_STORE_CTX *store)
{
	wolf_peer_chain_fini(chain);
	for (int i = 0; i < store->totalCerts && chain->n < WOLF_CHAIN_MAX; i++) {
		uint8_t *copy = malloc(store->certs[i].length);

		if (copy == NULL)
			return false;
		memcpy(copy, store->certs[i].buffer, store->certs[i].length);
		chain->certificates[chain->n++] = (struct unitls_bytes){copy, store->certs[i].length};
	}
	return true;
}

/* What the library found wrong with the peer's own certificate beside that it knows no issuer, which here is always so. */
static enum unitls_verify_reason library_reason(int error)
{
	switch (error) {
	case 0:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case ASN_NO_SIGNER_E:
	case ASN_SELF_SIGNED_E:
		return UNITLS_VERIFY_NONE;
	case KEYUSE_SIGNATURE_E:
	case KEYUSE_ENCIPHER_E:
	case EXTKEYUSE_AUTH_E:
		return UNITLS_VERIFY_BAD_PURPOSE;
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
	case MAX_CHAIN_ERROR:
		return UNITLS_VERIFY_UNKNOWN_CA;
	default:
		return wolf_chain_reason(error);
	}
}

static int64_t now(const struct wolf_context *context)
{
	return context->clock == NULL ? (int64_t)time(NULL) : context->clock(context->clock_argument);
}

static void judge(struct wolf_connection *connection, int error)
{
	const struct wolf_context *context = connection->context;
	const struct wolf_peer_chain *chain = &connection->peer_chain;
	struct wolf_verdict *verdict = &connection->verdict;

	wolf_chain_judge(&context->anchors, chain->certificates, chain->n, context->role, now(context), verdict);
	if (verdict->out_of_memory || verdict->reason != UNITLS_VERIFY_NONE)
		return;
	verdict->native = error;
	verdict->reason = library_reason(error);
	if (verdict->reason == UNITLS_VERIFY_NONE && context->role == UNITLS_ROLE_CLIENT)
		verdict->reason = unitls_backend_check_peer_name(
			connection->peer_name, connection->peer_chain.certificates[0]);
}

static int refuse(struct wolf_connection *connection, int alert)
{
	(void)wolf_alert_send(connection, alert);
	connection->refused = alert;
	return 0;
}

void wolf_verify_server_hello(struct wolf_connection *connection)
{
#ifdef HAVE_SERVER_RENEGOTIATION_INFO
	WOLFSSL *ssl = connection->ssl;

	if (connection->context->role == UNITLS_ROLE_SERVER || connection->refused != UNITLS_ALERT_NONE ||
		connection->io.fatal_alert != UNITLS_ALERT_NONE || wolfSSL_get_current_cipher_suite(ssl) == 0 ||
		wolfSSL_GetVersion(ssl) == WOLFSSL_TLSV1_3)
		return;
	if (wolfSSL_SSL_get_secure_renegotiation_support(ssl) != 1)
		(void)refuse(connection, UNITLS_ALERT_HANDSHAKE_FAILURE);
#else
	(void)connection;
#endif
}

/* Called for each certificate of the peer, its own last, with all of them at hand. 0 ends the handshake. */
int wolf_verify_on_certificate(int verified, WOLFSSL_X509_STORE_CTX *store)
{
	struct wolf_connection *connection = store->userCtx;
	struct wolf_verdict *verdict = &connection->verdict;

	if (store->error_depth > 0)
		return 1;
	/* The library does not mind a certificate that nobody asked for. */
	if (connection->context->role == UNITLS_ROLE_SERVER &&
		connection->context->verify == UNITLS_VERIFY_MODE_NONE)
		return refuse(connection, UNITLS_ALERT_UNEXPECTED_MESSAGE);
	if (store->totalCerts < 1) /* whether that may be, the library knows */
		return verified;
	wolf_verify_server_hello(connection);
	if (connection->refused != UNITLS_ALERT_NONE)
		return 0;
	verdict->out_of_memory = !keep_chain(&connection->peer_chain, store);
	if (!verdict->out_of_memory && connection->context->verify != UNITLS_VERIFY_MODE_NONE)
		judge(connection, store->error);
	if (verdict->out_of_memory) {
		(void)wolf_alert_send(connection, UNITLS_ALERT_INTERNAL_ERROR);
		return 0;
	}
	if (verdict->reason != UNITLS_VERIFY_NONE) {
		/* Before the library sends one of its own, which is not always the right one. */
		(void)wolf_alert_send(connection, unitls_verify_alert(verdict->reason));
		return 0;
	}
	connection->judged = true;
	return 1;
}

bool wolf_verify_is_complete(const struct wolf_connection *connection)
{
	/* A session was verified when it was made, and the core keeps it to what it was made for. */
	if (wolfSSL_session_reused(connection->ssl) != 0)
		return true;
	switch (connection->context->verify) {
	case UNITLS_VERIFY_MODE_NONE:
		return true;
	case UNITLS_VERIFY_MODE_OPTIONAL:
		return connection->judged || connection->peer_chain.n == 0;
	case UNITLS_VERIFY_MODE_REQUIRED:
		return connection->judged;
	}
	return false;
}
