#include "backends/libssl/session.h"

#include <limits.h>

#include <openssl/err.h>

#include "backends/libssl/connection.h"
#include "backends/libssl/error.h"
#include "backends/libssl/library.h"

/* In TLS 1.3 called once for each ticket, in TLS 1.2 at the end of the handshake. 1: the reference is ours from now on. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct libssl_connection *connection = SSL_get_app_data(ssl);

	SSL_SESSION_free(connection->session);
	connection->session = session;
	return 1;
}

/* The library's own cache stays out of it: it would be shared by all peers of the context. */
void libssl_session_setup(SSL_CTX *ctx)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
}

int libssl_session_export(void *argument, int (*add)(void *argument, struct unitls_bytes session),
	void *add_argument, struct unitls_error *error)
{
	const struct libssl_connection *connection = argument;
	struct unitls_bytes bytes;
	unsigned char *data;
	unsigned char *end;
	int size;
	int r;

	if (!connection->session || !SSL_SESSION_is_resumable(connection->session))
		return UNITLS_WANT_READ;
	libssl_error_clear();
	size = i2d_SSL_SESSION(connection->session, NULL);
	data = size > 0 ? OPENSSL_malloc((size_t)size) : NULL;
	end = data;
	/* BoringSSL does not allocate here. */
	if (!data || i2d_SSL_SESSION(connection->session, &end) != size) {
		OPENSSL_free(data);
		return libssl_error_memory(error);
	}
	bytes.data = data;
	bytes.size = (size_t)size;
	r = add(add_argument, bytes);
	OPENSSL_clear_free(data, bytes.size);
	return r;
}

int libssl_session_resume(void *argument, struct unitls_bytes bytes, struct unitls_error *error)
{
	struct libssl_connection *connection = argument;
	int r = 0;
	SSL_SESSION *session;

	libssl_error_clear();
	session = libssl_session_read(connection->ssl, bytes);
	if (!session || !SSL_set_session(connection->ssl, session))
		r = libssl_error_refused(error, "session", "cannot read the session");
	SSL_SESSION_free(session);
	libssl_error_clear();
	return r;
}
