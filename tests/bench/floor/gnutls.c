/* The floor of GnuTLS. */
#include "tests/bench/floor/library.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>

/* What the proxies negotiate (peers.py); left alone, GnuTLS takes AES-256 and P-256. */
#define ALGORITHMS "-CIPHER-ALL:+AES-128-GCM:-GROUP-ALL:+GROUP-X25519"

struct floor_context {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	gnutls_datum_t ticket_key;
	gnutls_datum_t session; /* of a client; empty: none yet */
	bool resume;
	bool server;
	unsigned tickets;
};

struct floor_end {
	struct floor_context *context;
	struct floor_pipe *in;
	struct floor_pipe *out;
	gnutls_session_t session;
};

const char *floor_library_name(void)
{
	return "gnutls";
}

const char *floor_library_version(void)
{
	return gnutls_check_version(NULL);
}

static void must(int result, const char *what)
{
	if (result < 0)
		floor_die(what);
}

static ssize_t on_pull(gnutls_transport_ptr_t argument, void *data, size_t size)
{
	const struct floor_end *end = argument;
	size_t n = floor_pipe_take(end->in, data, size);

	if (n > 0)
		return (ssize_t)n;
	gnutls_transport_set_errno(end->session, EAGAIN);
	return -1;
}

static int on_pull_timeout(gnutls_transport_ptr_t argument, unsigned milliseconds)
{
	(void)argument;
	(void)milliseconds;
	return 1;
}

static ssize_t on_push(gnutls_transport_ptr_t argument, const void *data, size_t size)
{
	const struct floor_end *end = argument;

	return (ssize_t)floor_pipe_put(end->out, data, size);
}

/* The newest is kept. */
static void keep_session(const struct floor_end *end)
{
	gnutls_free(end->context->session.data);
	end->context->session = (gnutls_datum_t){NULL, 0};
	must(gnutls_session_get_data2(end->session, &end->context->session), "no session");
}

static bool is_1_3(const struct floor_end *end)
{
	return gnutls_protocol_get_version(end->session) == GNUTLS_TLS1_3;
}

/* In TLS 1.2 it comes before the handshake is complete, and there is no session yet. */
static int on_ticket(
	gnutls_session_t session, unsigned type, unsigned when, unsigned incoming, const gnutls_datum_t *message)
{
	const struct floor_end *end = gnutls_session_get_ptr(session);

	(void)type;
	(void)when;
	(void)incoming;
	(void)message;
	if (is_1_3(end))
		keep_session(end);
	return 0;
}

struct floor_context *floor_context_new(const struct floor_params *params, bool server)
{
	struct floor_context *context = calloc(1, sizeof(*context));

	if (!context)
		floor_die("no memory");
	context->resume = params->resume;
	context->server = server;
	context->tickets = params->tickets;
	must(gnutls_certificate_allocate_credentials(&context->credentials), "no credentials");
	must(gnutls_priority_init(&context->priority,
		     params->tls_1_2 ? "NORMAL:-VERS-ALL:+VERS-TLS1.2:" ALGORITHMS
				     : "NORMAL:-VERS-ALL:+VERS-TLS1.3:" ALGORITHMS,
		     NULL),
		"no priorities");
	if (!server)
		return context;
	must(gnutls_certificate_set_x509_key_file(
		     context->credentials, params->certificate, params->key, GNUTLS_X509_FMT_PEM),
		"the certificate cannot be used");
	must(gnutls_session_ticket_key_generate(&context->ticket_key), "no ticket key");
	return context;
}

void floor_context_free(struct floor_context *context)
{
	gnutls_free(context->session.data);
	gnutls_free(context->ticket_key.data);
	gnutls_priority_deinit(context->priority);
	gnutls_certificate_free_credentials(context->credentials);
	free(context);
}

static void set_up_server(struct floor_end *end)
{
	if (end->context->tickets > 0)
		must(gnutls_session_ticket_enable_server(end->session, &end->context->ticket_key), "no tickets");
}

static void set_up_client(struct floor_end *end)
{
	const struct floor_context *context = end->context;

	gnutls_session_set_ptr(end->session, end);
	gnutls_handshake_set_hook_function(
		end->session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST, on_ticket);
	if (context->resume && context->session.size > 0)
		must(gnutls_session_set_data(end->session, context->session.data, context->session.size),
			"the session cannot be offered");
}

struct floor_end *floor_end_new(struct floor_context *context, struct floor_pipe *in, struct floor_pipe *out)
{
	struct floor_end *end = calloc(1, sizeof(*end));
	unsigned flags =
		GNUTLS_NONBLOCK | (context->server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT);

	if (!end)
		floor_die("no memory");
	*end = (struct floor_end){.context = context, .in = in, .out = out};
	must(gnutls_init(&end->session, flags), "no connection");
	must(gnutls_priority_set(end->session, context->priority), "no priorities");
	must(gnutls_credentials_set(end->session, GNUTLS_CRD_CERTIFICATE, context->credentials), "no credentials");
	gnutls_transport_set_ptr(end->session, end);
	gnutls_transport_set_pull_function(end->session, on_pull);
	gnutls_transport_set_pull_timeout_function(end->session, on_pull_timeout);
	gnutls_transport_set_push_function(end->session, on_push);
	if (context->server)
		set_up_server(end);
	else
		set_up_client(end);
	return end;
}

void floor_end_free(struct floor_end *end)
{
	gnutls_deinit(end->session);
	free(end);
}

bool floor_end_handshake(struct floor_end *end)
{
	int result = gnutls_handshake(end->session);

	if (result == GNUTLS_E_AGAIN)
		return false;
	must(result, "the handshake failed");
	if (!end->context->server && !is_1_3(end))
		keep_session(end);
	if (end->context->server && end->context->tickets > 0 && is_1_3(end))
		must(gnutls_session_ticket_send(end->session, end->context->tickets, 0), "no ticket was sent");
	return true;
}

bool floor_end_resumed(struct floor_end *end)
{
	return gnutls_session_is_resumed(end->session) != 0;
}

void floor_end_write(struct floor_end *end, const void *data, size_t size)
{
	if (gnutls_record_send(end->session, data, size) != (ssize_t)size)
		floor_die("a write failed");
}

size_t floor_end_read(struct floor_end *end, void *data, size_t size)
{
	ssize_t n;

	/* A ticket is no data, and answered like the lack of it. */
	do
		n = gnutls_record_recv(end->session, data, size);
	while (n == GNUTLS_E_AGAIN && end->in->head < end->in->tail);
	if (n == GNUTLS_E_AGAIN)
		return 0;
	if (n <= 0)
		floor_die("a read failed");
	return (size_t)n;
}
