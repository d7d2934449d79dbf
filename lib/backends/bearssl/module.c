/*
 * The module: the table of functions, what the library can do, and its version. Everything else is hidden.
 */
#include "core/backend.h"

#include <unitls/alpn.h>

#include "backends/bearssl/ciphers.h"
#include "backends/bearssl/connection.h"

/* A ClientHello has to fit into one record: 60 names of 255 bytes leave room for the rest of it. */
#define ALPN_NAMES_MAX 60

#define NOTES                                                                                                 \
	"after either side's close_notify nothing more is read or written; no tickets; signatures by PKCS#1 " \
	"and ECDSA; chains with name constraints are refused"

static struct unitls_capabilities capabilities = {
	.bits = UNITLS_CAP_TLS_1_2 | UNITLS_CAP_CIPHERS_1_2 | UNITLS_CAP_ALPN | UNITLS_CAP_CLIENT_AUTH |
		UNITLS_CAP_CLOCK | UNITLS_CAP_IP_NAMES | UNITLS_CAP_EXTERNAL_KEYS | UNITLS_CAP_KEY_LOG |
		UNITLS_CAP_GROUP_INFO,
	.min_version = UNITLS_TLS_1_2,
	.max_version = UNITLS_TLS_1_2,
	.alpn_max_names = ALPN_NAMES_MAX,
	.alpn_max_name_bytes = UNITLS_ALPN_NAME_MAX,
	.alpn_binary = false, /* names are C strings */
	.key_types = 1u << UNITLS_KEY_RSA | 1u << UNITLS_KEY_ECDSA_P256 | 1u << UNITLS_KEY_ECDSA_P384 |
		1u << UNITLS_KEY_ECDSA_P521,
	.rsa_min_bits = 2048,
	.rsa_max_bits = 4096,
	.notes = NOTES,
};

#define CANARY      0xa5
#define CANARY_SIZE 64

/* Whether "zero" cleared exactly size bytes. */
static bool has_size(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size + CANARY_SIZE; i++) {
		if (bytes[i] != (i < size ? 0 : CANARY))
			return false;
	}
	return true;
}

/*
 * The structures are laid out by the headers, and engine.c reaches into them: another library is a crash. BearSSL tells no version, but what it takes its own
 * contexts to be.
 */
static int check_library(struct unitls_error *error)
{
	union {
		uint8_t bytes[sizeof(br_ssl_server_context) + sizeof(br_ssl_client_context) + CANARY_SIZE];
		br_ssl_client_context client;
		br_ssl_server_context server;
	} probe;
	bool fits = br_x509_minimal_vtable.context_size == sizeof(br_x509_minimal_context) &&
		br_sslrec_out_gcm_vtable.inner.context_size == sizeof(br_sslrec_gcm_context);

	memset(probe.bytes, CANARY, sizeof(probe.bytes));
	br_ssl_client_zero(&probe.client);
	fits = fits && has_size(probe.bytes, sizeof(probe.client));
	memset(probe.bytes, CANARY, sizeof(probe.bytes));
	br_ssl_server_zero(&probe.server);
	if (fits && has_size(probe.bytes, sizeof(probe.server)))
		return 0;
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
		"built for BearSSL 0.6, which is not the library found");
}

static int init(struct unitls_error *error)
{
	int r = check_library(error);

	if (r < 0)
		return r;
	bear_ciphers_init();
	capabilities.cipher_suites = bear_ciphers_supported(&capabilities.n_cipher_suites);
	return 0;
}

/* The library does not say. Its one version with a shared object of this number (libbearssl.so.0) and with these headers is this one. */
static const char *library_version(void)
{
	return "BearSSL 0.6";
}

static const struct unitls_capabilities *library_capabilities(void)
{
	return &capabilities;
}

UNITLS_API const struct unitls_backend_ops unitls_backend_module = {
	.abi = UNITLS_BACKEND_ABI,
	.size = sizeof(struct unitls_backend_ops),
	.name = "bearssl",
	.init = init,
	.library_version = library_version,
	.capabilities = library_capabilities,
	.context_new = bear_context_new,
	.context_free = bear_context_free,
	.connection_new = bear_connection_new,
	.connection_free = bear_connection_free,
	.handshake = bear_connection_handshake,
	.read = bear_connection_read,
	.write = bear_connection_write,
	.shutdown = bear_connection_shutdown,
	.pending = bear_connection_pending,
	.info = bear_connection_info,
	.peer_chain = bear_connection_peer_chain,
};
