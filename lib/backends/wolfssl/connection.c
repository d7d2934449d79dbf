/*
 * A native connection. After a failure of ours exactly one fatal alert has been written, the library's or the module's.
 *
 * The library never sees a transport that is full (io.c), nor its end: a want at the end of the transport is a truncation.
 */
#include "backends/wolfssl/connection.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backends/wolfssl/alert.h"
#include "backends/wolfssl/error.h"
#include "backends/wolfssl/external.h"
#include "backends/wolfssl/groups.h"
#include "backends/wolfssl/hello.h"
#include "backends/wolfssl/thread.h"
#include "backends/wolfssl/verify.h"
#include <wolfssl/wolfcrypt/dh.h>

/*
 * Making and freeing --------------------------------------------------------------------------------------------------------
 */

#ifdef HAVE_ALPN
/*
 * The library takes a text with commas, and puts what it is given before what it has. A client refuses what it did not offer; a server's one name is
 * the core's choice, which the client has offered.
 */
static int offer_alpn(WOLFSSL *ssl, const struct unitls_bytes *names, size_t n)
{
	char name[UNITLS_ALPN_NAME_MAX + 1];

	while (n-- > 0) {
		int ret;

		memcpy(name, names[n].data, names[n].size);
		ret = wolfSSL_UseALPN(ssl, name, (word32)names[n].size, WOLFSSL_ALPN_FAILED_ON_MISMATCH);
		if (ret != WOLFSSL_SUCCESS)
			return ret;
	}
	return WOLFSSL_SUCCESS;
}
#else
static int offer_alpn(WOLFSSL *ssl, const struct unitls_bytes *names, size_t n)
{
	(void)ssl, (void)names;
	return n == 0 ? WOLFSSL_SUCCESS : NOT_COMPILED_IN;
}
#endif

/*
 * The group for DHE with a client that names none of RFC 7919. Not in the context, where the library would prove that its prime is one, with a generator that
 * opens /dev/urandom.
 */
static int give_dh_group(WOLFSSL *ssl)
{
#if defined(HAVE_FFDHE_2048) && !defined(NO_DH)
	const DhParams *group = wc_Dh_ffdhe2048_Get();
	int ret = wolfSSL_SetTmpDH(ssl, group->p, (int)group->p_len, group->g, (int)group->g_len);

	return ret == WOLFSSL_SUCCESS ? wolfSSL_SetEnableDhKeyTest(ssl, 0) : ret;
#else
	(void)ssl;
	return WOLFSSL_SUCCESS;
#endif
}

static int setup_server(struct wolf_connection *connection, struct unitls_bytes alpn)
{
	int ret = WOLFSSL_SUCCESS;

	if ((wolf_suites_needs(&connection->context->suites) & WOLF_SUITE_NEEDS_DH) != 0)
		ret = give_dh_group(connection->ssl);
	return ret == WOLFSSL_SUCCESS ? offer_alpn(connection->ssl, &alpn, alpn.size > 0 ? 1 : 0) : ret;
}

static int setup(struct wolf_connection *connection, const struct unitls_connection_params *params)
{
	const struct wolf_context *context = connection->context;
	int ret;

	connection->ssl = wolfSSL_new(context->ctx);
	if (connection->ssl == NULL)
		return MEMORY_E;
	wolf_io_attach(&connection->io, connection->ssl);
	wolfSSL_SetCertCbCtx(connection->ssl, connection);
	if (wolfSSL_set_ex_data(connection->ssl, 0, connection) != WOLFSSL_SUCCESS)
		return MEMORY_E;
	if (context->external_key != NULL)
		wolf_external_attach(connection);
#ifdef HAVE_KEYING_MATERIAL
	/* The exporter needs what the library otherwise forgets. */
	wolfSSL_KeepArrays(connection->ssl);
#endif
	if (context->role == UNITLS_ROLE_SERVER)
		return setup_server(connection, params->alpn_selected);
	ret = offer_alpn(connection->ssl, context->alpn, context->n_alpn);
#ifdef HAVE_SERVER_RENEGOTIATION_INFO
	/* Says that we know RFC 5746; this build has no renegotiation. */
	if (ret == WOLFSSL_SUCCESS && context->min_version <= UNITLS_TLS_1_2)
		ret = wolfSSL_UseSecureRenegotiation(connection->ssl);
#endif
	if (ret == WOLFSSL_SUCCESS && params->server_name != NULL)
		ret = wolfSSL_UseSNI(connection->ssl, WOLFSSL_SNI_HOST_NAME, params->server_name,
			(unsigned short)strlen(params->server_name));
	return ret;
}

int wolf_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error)
{
	struct wolf_connection *connection = calloc(1, sizeof(*connection));
	int ret;

	if (connection == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a connection");
	connection->context = context;
	connection->peer_name = params->peer_name;
	connection->verdict.depth = -1;
	connection->refused = UNITLS_ALERT_NONE;
	wolf_io_init(&connection->io, params->transport);
	ret = setup(connection, params);
	wolf_error_forget();
	if (ret != WOLFSSL_SUCCESS) {
		wolf_connection_free(connection);
		return wolf_error_set(error, ret, UNITLS_ALERT_NONE);
	}
	*ret_connection = connection;
	return 0;
}

void wolf_connection_free(void *native)
{
	struct wolf_connection *connection = native;

	if (connection == NULL)
		return;
	wolfSSL_free(connection->ssl);
	wolf_io_fini(&connection->io);
	wolf_peer_chain_fini(&connection->peer_chain);
	free(connection);
}

/*
 * A client that did not offer post_handshake_auth is not to be asked for a certificate behind the handshake (RFC 8446, 4.6.2); the library would answer.
 */
static bool is_request_legal(WOLFSSL *ssl)
{
	struct wolf_connection *connection = wolfSSL_get_ex_data(ssl, 0);

	if (!connection->established)
		return true;
	(void)wolf_alert_send(connection, UNITLS_ALERT_UNEXPECTED_MESSAGE);
	connection->refused = UNITLS_ALERT_UNEXPECTED_MESSAGE;
	return false;
}

int wolf_connection_on_request(WOLFSSL *ssl, void *unused)
{
	(void)unused;
	return is_request_legal(ssl) ? 1 : 0;
}

/* 0: there is no certificate to give. */
int wolf_connection_on_request_without(WOLFSSL *ssl, WOLFSSL_X509 **unused, WOLFSSL_EVP_PKEY **unused_key)
{
	(void)unused, (void)unused_key;
	(void)is_request_legal(ssl); /* what the library answers is dropped then */
	return 0;
}

/*
 * Failures ------------------------------------------------------------------------------------------------------------------
 */

static uint16_t version_of(WOLFSSL *ssl)
{
	return wolfSSL_GetVersion(ssl) == WOLFSSL_TLSV1_3 ? UNITLS_TLS_1_3 : UNITLS_TLS_1_2;
}

static int peer_alert(const struct wolf_connection *connection)
{
	WOLFSSL_ALERT_HISTORY history;

	if (wolfSSL_get_alert_history(connection->ssl, &history) != WOLFSSL_SUCCESS)
		return UNITLS_ALERT_NONE;
	return history.last_rx.code;
}

static int fail_memory(struct wolf_connection *connection, struct unitls_error *error)
{
	(void)wolf_alert_send(connection, UNITLS_ALERT_INTERNAL_ERROR);
	return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
}

static int fail_verify(struct wolf_connection *connection, struct unitls_error *error)
{
	const struct wolf_verdict *verdict = &connection->verdict;

	(void)unitls_error_set_verify(error, verdict->reason, verdict->depth);
	error->native_code = verdict->native;
	return UNITLS_ERROR;
}

static int fail_refused(struct wolf_connection *connection, struct unitls_error *error)
{
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, connection->refused, "refused: %s",
		unitls_alert_name(connection->refused));
}

static int fail_misfit(struct wolf_connection *connection, struct unitls_error *error)
{
	int alert = UNITLS_ALERT_UNEXPECTED_MESSAGE;

	if (!wolf_alert_send(connection, alert))
		alert = UNITLS_ALERT_NONE;
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, alert, "a record of unknown type");
}

/* The alert for an error that the library sent none for. */
static int due_alert(const struct wolf_connection *connection, int native)
{
	const struct wolf_records *received = &connection->io.received;
	int alert = wolf_error_alert(native);

	if (native == MATCH_SUITE_ERROR && connection->context->role == UNITLS_ROLE_CLIENT)
		return UNITLS_ALERT_ILLEGAL_PARAMETER; /* the server chose what was not offered */
	if (alert == UNITLS_ALERT_CERTIFICATE_REQUIRED && version_of(connection->ssl) < UNITLS_TLS_1_3)
		return UNITLS_ALERT_HANDSHAKE_FAILURE; /* RFC 5246, 7.4.6: the other is TLS 1.3's */
	if (alert != UNITLS_ALERT_DECODE_ERROR)
		return alert;
	/* A protected record of TLS 1.3 with nothing in it but its type (RFC 8446, 5.4). */
	if (received->data &&
		wolf_records_body_size(received) <= 1 + (size_t)wolfSSL_GetAeadMacSize(connection->ssl))
		return UNITLS_ALERT_UNEXPECTED_MESSAGE;
	return wolf_records_alert(received);
}

static int fail_unsigned(struct wolf_connection *connection, struct unitls_error *error)
{
	int alert = connection->io.fatal_alert;

	if (alert == UNITLS_ALERT_NONE && wolf_alert_send(connection, UNITLS_ALERT_INTERNAL_ERROR))
		alert = UNITLS_ALERT_INTERNAL_ERROR;
	return unitls_error_set_alert(
		error, UNITLS_ERROR_CLASS_INTERNAL, alert, "the external key's signer failed");
}

static int fail(struct wolf_connection *connection, int native, struct unitls_error *error)
{
	int alert = connection->io.fatal_alert;

	if (wolf_error_is_memory(native) || connection->io.out_of_memory || connection->verdict.out_of_memory)
		return fail_memory(connection, error);
	if (connection->refused != UNITLS_ALERT_NONE)
		return fail_refused(connection, error);
	if (connection->unsigned_by_key)
		return fail_unsigned(connection, error);
	if (connection->verdict.reason != UNITLS_VERIFY_NONE)
		return fail_verify(connection, error);
	if (connection->io.misfit)
		return fail_misfit(connection, error);
	if (wolf_error_class(native) == UNITLS_ERROR_CLASS_PEER_ALERT)
		return wolf_error_set(error, native, peer_alert(connection));
	if (alert == UNITLS_ALERT_NONE) {
		alert = due_alert(connection, native);
		if (!wolf_alert_send(connection, alert))
			alert = UNITLS_ALERT_NONE;
	}
	return wolf_error_set(error, native, alert);
}

/* The status of a call that did not succeed. */
static int conclude(struct wolf_connection *connection, int result, struct unitls_error *error)
{
	int native = wolfSSL_get_error(connection->ssl, result);

	if (connection->refused != UNITLS_ALERT_NONE)
		return fail_refused(connection, error);
	if (connection->io.plain_alert != UNITLS_ALERT_NONE)
		return wolf_error_set(error, FATAL_ERROR, connection->io.plain_alert);
	if (native == WOLFSSL_ERROR_WANT_READ && !wolf_io_flush(&connection->io))
		return UNITLS_WANT_WRITE;
	if (native == WOLFSSL_ERROR_WANT_READ)
		return unitls_transport_at_eof(connection->io.transport) ? UNITLS_RAGGED_EOF : UNITLS_WANT_READ;
	return fail(connection, native, error);
}

/*
 * The protocol --------------------------------------------------------------------------------------------------------------
 */

static void keep_info(struct wolf_connection *connection)
{
	struct unitls_connection_info *info = &connection->info;

	*info = (struct unitls_connection_info){
		.version = version_of(connection->ssl),
		.cipher_suite = (uint16_t)wolfSSL_get_current_cipher_suite(connection->ssl),
		.resumed = wolfSSL_session_reused(connection->ssl) != 0,
	};
	if (info->version != UNITLS_TLS_1_2 || !info->resumed)
		info->group = wolf_groups_negotiated(connection->ssl);
#ifdef HAVE_ALPN
	char *name = NULL;
	unsigned short size = 0;

	if (wolfSSL_ALPN_GetProtocol(connection->ssl, &name, &size) != WOLFSSL_SUCCESS || size == 0 ||
		size > sizeof(connection->alpn))
		return;
	memcpy(connection->alpn, name, size);
	info->alpn = (struct unitls_bytes){connection->alpn, size};
#endif
}

/* The suites of one connection; with them the library forgets the context's signature algorithms. */
static int restrict_suites(WOLFSSL *ssl, const struct wolf_suites *suites)
{
	if (suites->size == 0)
		return MATCH_SUITE_ERROR;
	if (wolfSSL_set_cipher_list_bytes(ssl, suites->list, (int)suites->size) != WOLFSSL_SUCCESS ||
		wolfSSL_set1_sigalgs_list(ssl, WOLF_SIGNATURE_ALGORITHMS) != WOLFSSL_SUCCESS)
		return MEMORY_E;
	return 0;
}

/*
 * What the library overlooks in a ClientHello. Without a curve in common, or any named, it takes a suite that needs one; without
 * signature_algorithms, which means SHA-1 (RFC 5246, 7.4.1.4.1), it signs as it likes. It takes any renegotiation_info for an empty one (RFC 5746, 3.6). 0,
 * or an error in the library's terms.
 */
static int read_hello(const struct wolf_connection *connection)
{
	struct unitls_bytes hello = unitls_transport_peek(connection->io.transport);
	struct unitls_bytes info;
	struct unitls_bytes value;
	struct wolf_suites suites;
	bool has_groups = wolf_hello_extension(hello, WOLF_EXTENSION_GROUPS, &value);
	unsigned missing = 0;
	int ret;

	if (wolf_hello_extension(hello, WOLF_EXTENSION_RENEGOTIATION, &info) &&
		(info.size != 1 || info.data[0] != 0))
		return SECURE_RENEGOTIATION_E;
	if (connection->context->max_version >= UNITLS_TLS_1_3 && wolf_hello_offers_1_3(hello))
		return has_groups && !wolf_groups_overlap(&connection->context->groups, value) ? MATCH_SUITE_ERROR
											       : 0;
	if (!has_groups || !wolf_groups_overlap_in_curve(&connection->context->groups, value))
		missing |= WOLF_SUITE_NEEDS_CURVE;
	if (!wolf_hello_extension(hello, WOLF_EXTENSION_SIGNATURES, &value))
		missing |= WOLF_SUITE_NEEDS_SIGNATURE;
	if (missing == 0)
		return 0;
	if (wolf_suites_without(&connection->context->suites, missing, &suites) < 0)
		return MEMORY_E;
	ret = restrict_suites(connection->ssl, &suites);
	wolf_suites_fini(&suites);
	return ret;
}

static int handshake(struct wolf_connection *connection, struct unitls_error *error)
{
	int result;

	if (!wolf_io_flush(&connection->io))
		return UNITLS_WANT_WRITE;
	if (connection->context->role == UNITLS_ROLE_SERVER && !connection->hello_read) {
		connection->hello_read = true;
		result = read_hello(connection);
		if (result != 0)
			return fail(connection, result, error);
	}
	result = wolfSSL_negotiate(connection->ssl);
	wolf_verify_server_hello(connection);
	if (result != WOLFSSL_SUCCESS || connection->refused != UNITLS_ALERT_NONE)
		return conclude(connection, result, error);
	if (!wolf_verify_is_complete(connection)) {
		(void)wolf_alert_send(connection, UNITLS_ALERT_CERTIFICATE_UNKNOWN);
		return unitls_error_set_verify(error, UNITLS_VERIFY_OTHER, -1);
	}
	connection->established = true;
	keep_info(connection);
	return 0;
}

int wolf_connection_handshake(void *native, struct unitls_error *error)
{
	int status;

	wolf_thread_enter();
	status = handshake(native, error);
	wolf_error_forget();
	return status;
}

int wolf_connection_read(void *native, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct wolf_connection *connection = native;
	int status = 0;
	int result;

	*ret_n = 0;
	if (connection->ended != 0)
		return connection->ended;
	(void)wolf_io_flush(&connection->io); /* what does not fit now goes with a later call */
	result = wolfSSL_read(connection->ssl, buffer, size > INT_MAX ? INT_MAX : (int)size);
	if (result > 0 && connection->refused == UNITLS_ALERT_NONE) {
		*ret_n = (size_t)result;
	} else if (wolfSSL_get_error(connection->ssl, result) == WOLFSSL_ERROR_ZERO_RETURN) {
		connection->ended = UNITLS_EOF;
		status = UNITLS_EOF;
	} else {
		status = conclude(connection, result, error);
	}
	wolf_error_forget();
	return status;
}

int wolf_connection_write(
	void *native, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct wolf_connection *connection = native;
	int status = 0;
	int result;

	*ret_n = 0;
	if (!wolf_io_flush(&connection->io))
		return UNITLS_WANT_WRITE;
	result = wolfSSL_write(connection->ssl, data, (int)size);
	if (result > 0)
		*ret_n = (size_t)result;
	else
		status = conclude(connection, result, error);
	wolf_error_forget();
	return status;
}

/*
 * The library's call also clears the connection when the peer has closed already; what is asked for afterwards was kept.
 */
int wolf_connection_shutdown(void *native, struct unitls_error *error)
{
	struct wolf_connection *connection = native;
	int result;

	if (!connection->closing) {
		connection->closing = true;
		result = wolfSSL_shutdown(connection->ssl);
		connection->io.muted = true;
		if (result < 0 && connection->io.out_of_memory)
			return fail_memory(connection, error);
		wolf_error_forget();
	}
	return wolf_io_flush(&connection->io) ? 0 : UNITLS_WANT_WRITE;
}

size_t wolf_connection_pending(const void *native)
{
	const struct wolf_connection *connection = native;
	int n = wolfSSL_pending(connection->ssl);

	return n > 0 ? (size_t)n : 0;
}

void wolf_connection_info(const void *native, struct unitls_connection_info *ret_info)
{
	const struct wolf_connection *connection = native;

	*ret_info = connection->info;
}

int wolf_connection_peer_chain(
	const void *native, int (*add)(void *argument, struct unitls_bytes der), void *argument)
{
	const struct wolf_connection *connection = native;

	for (size_t i = 0; i < connection->peer_chain.n; i++) {
		int ret = add(argument, connection->peer_chain.certificates[i]);

		if (ret != 0)
			return ret;
	}
	return 0;
}

#ifdef HAVE_KEYING_MATERIAL
int wolf_connection_export_keys(void *native, const struct unitls_exporter_params *params, uint8_t *ret_bytes,
	size_t size, struct unitls_error *error)
{
	struct wolf_connection *connection = native;
	int ret;

	wolf_thread_enter();
	ret = wolfSSL_export_keying_material(connection->ssl, ret_bytes, size, params->label, params->label_size,
		params->context.data, params->context.size, params->has_context);
	wolf_error_forget();
	if (ret == WOLFSSL_SUCCESS)
		return 0;
	return unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL, "wolfSSL exports no keys");
}
#endif

/* The library always asks the peer for one in return, which does no harm when that was not asked for. */
int wolf_connection_update_keys(void *native, bool request, struct unitls_error *error)
{
	struct wolf_connection *connection = native;
	int result;
	int status = 0;

	(void)request;
	if (!wolf_io_flush(&connection->io))
		return UNITLS_WANT_WRITE;
	wolf_thread_enter();
	result = wolfSSL_update_keys(connection->ssl);
	if (result != WOLFSSL_SUCCESS)
		status = conclude(connection, result, error);
	wolf_error_forget();
	return status;
}
