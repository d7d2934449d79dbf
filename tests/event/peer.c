/*
 * bufferevent_openssl for the tests of our own.
 */
#include "tests/event/peer.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>

static bool configure(SSL_CTX *context, const struct event_peer_params *params)
{
	if (params->server)
		return SSL_CTX_use_certificate_chain_file(context, params->certificate) == 1 &&
			SSL_CTX_use_PrivateKey_file(context, params->key, SSL_FILETYPE_PEM) == 1;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return SSL_CTX_load_verify_locations(context, params->trusted, NULL) == 1;
}

static struct bufferevent *make(
	struct event_base *base, evutil_socket_t fd, const struct event_peer_params *params)
{
	SSL_CTX *context = SSL_CTX_new(params->server ? TLS_server_method() : TLS_client_method());
	char name[] = "a.example"; /* the library's macro takes it for not constant */
	struct bufferevent *bev = NULL;
	SSL *ssl = NULL;

	if (context && configure(context, params))
		ssl = SSL_new(context);
	if (ssl && (params->server || SSL_set_tlsext_host_name(ssl, name) == 1))
		bev = bufferevent_openssl_socket_new(base, fd, ssl,
			params->server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
			BEV_OPT_CLOSE_ON_FREE);
	SSL_CTX_free(context); /* the connection has a reference of its own */
	return bev;
}

static void shut_down(struct bufferevent *bev)
{
	(void)SSL_shutdown(bufferevent_openssl_get_ssl(bev)); /* one direction is enough */
}

static bool key_update(struct bufferevent *bev)
{
	return SSL_key_update(bufferevent_openssl_get_ssl(bev), SSL_KEY_UPDATE_REQUESTED) == 1;
}

__attribute__((visibility("default"))) extern const struct event_peer_ops event_peer_ops;

const struct event_peer_ops event_peer_ops = {
	.make = make,
	.shutdown = shut_down,
	.key_update = key_update,
};
