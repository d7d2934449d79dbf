/*
 * The module: the table of functions, what the library can do, and its version. Everything else is hidden.
 */
#include "core/backend.h"

#include <stdio.h>

#include <mbedtls/aes.h>
#include <mbedtls/ecp.h>
#include <unitls/alpn.h>

#include "backends/mbedtls/algorithms.h"
#include "backends/mbedtls/ciphers.h"
#include "backends/mbedtls/compat.h"
#include "backends/mbedtls/connection.h"
#include "backends/mbedtls/context.h"
#include "backends/mbedtls/error.h"
#include "backends/mbedtls/secrets.h"
#include "backends/mbedtls/session.h"

#define VERSION_TEXT_SIZE 32

/* A ClientHello has to fit into one record: 60 names of 255 bytes leave room for the rest of it. */
#define ALPN_NAMES_MAX 60

#define NOTES \
	"no tickets where client certificates are asked for; chains with name constraints are refused; " COMPAT_NOTE

static char version_text[VERSION_TEXT_SIZE];

static struct unitls_capabilities capabilities = {
	.bits = UNITLS_CAP_TLS_1_2 | UNITLS_CAP_CIPHERS_1_2 | UNITLS_CAP_ALPN | UNITLS_CAP_HALF_CLOSE |
		UNITLS_CAP_SESSION_TICKETS | UNITLS_CAP_CLIENT_AUTH | UNITLS_CAP_CLOCK |
		UNITLS_CAP_ENCRYPTED_KEYS | UNITLS_CAP_IP_NAMES | UNITLS_CAP_CLOSE_INFO |
		UNITLS_CAP_CLIENT_SESSIONS | UNITLS_CAP_TICKET_KEYS | UNITLS_CAP_EXTENDED_MASTER_SECRET |
		UNITLS_CAP_KEY_LOG | UNITLS_CAP_CRL | UNITLS_CAP_GROUPS | UNITLS_CAP_GROUP_INFO |
		UNITLS_CAP_SIGNATURE_INFO,
	.min_version = UNITLS_TLS_1_2,
	.max_version = COMPAT_MAX_VERSION,
	.alpn_max_names = ALPN_NAMES_MAX,
	.alpn_max_name_bytes = UNITLS_ALPN_NAME_MAX,
	.alpn_binary = false, /* names are C strings */
	.key_types = 1u << UNITLS_KEY_RSA | 1u << UNITLS_KEY_ECDSA_P256 | 1u << UNITLS_KEY_ECDSA_P384 |
		1u << UNITLS_KEY_ECDSA_P521,
	.rsa_min_bits = 2048,
	.rsa_max_bits = 8192, /* MBEDTLS_MPI_MAX_SIZE */
	.notes = NOTES,
};

/* The structures are laid out by the headers' configuration: another library is a crash. */
static int check_library(struct unitls_error *error)
{
	unsigned version = mbedtls_version_get_number();

	if (version >> 16 != MBEDTLS_VERSION_NUMBER >> 16 || version < COMPAT_MIN_LIBRARY)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"built for mbedTLS %s, which is not the library found", MBEDTLS_VERSION_STRING);
	if (mbedtls_version_check_feature("MBEDTLS_THREADING_C") != 0)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"this mbedTLS was built without MBEDTLS_THREADING_C");
	return 0;
}

/*
 * Makes the library compute now, while there is one thread, what it otherwise computes on first use and keeps in static variables without a lock:
 * the tables of AES, what the processor can do, the lists of suites and curves. (What is left, counters of ecp.c for its self-test, nobody reads.)
 */
static int warm_up(void)
{
	static const uint8_t key[16];
	mbedtls_aes_context aes;
	int ret;

	mbedtls_aes_init(&aes);
	ret = mbedtls_aes_setkey_dec(&aes, key, sizeof(key) * 8);
	mbedtls_aes_free(&aes);
	(void)mbedtls_ssl_list_ciphersuites();
	(void)mbedtls_ecp_grp_id_list();
	return ret;
}

static int init(struct unitls_error *error)
{
	char number[9];
	int ret;

	ret = check_library(error);
	if (ret != 0)
		return ret;
	ret = compat_init();
	if (ret == 0)
		ret = warm_up();
	if (ret != 0)
		return unitls_error_set(
			error, UNITLS_ERROR_CLASS_INTERNAL, "mbedTLS cannot be initialised: %d", ret);
	mbedtls_version_get_string(number);
	(void)snprintf(version_text, sizeof(version_text), "mbedTLS %s", number);
	mbed_ciphers_init();
	mbed_algorithms_init();
	capabilities.cipher_suites = mbed_ciphers_supported(&capabilities.n_cipher_suites);
	capabilities.groups = mbed_algorithms_groups(&capabilities.n_groups);
	capabilities.signature_schemes = mbed_algorithms_schemes(&capabilities.n_signature_schemes);
	if (COMPAT_TLS_1_3)
		capabilities.bits |= UNITLS_CAP_TLS_1_3 | UNITLS_CAP_CIPHERS_1_3;
	if (COMPAT_EXPORTER)
		capabilities.bits |= UNITLS_CAP_EXPORTER;
	if (COMPAT_SCHEMES)
		capabilities.bits |= UNITLS_CAP_SIGNATURE_SCHEMES;
	return 0;
}

static const char *library_version(void)
{
	return version_text;
}

static const struct unitls_capabilities *library_capabilities(void)
{
	return &capabilities;
}

UNITLS_API const struct unitls_backend_ops unitls_backend_module = {
	.abi = UNITLS_BACKEND_ABI,
	.size = sizeof(struct unitls_backend_ops),
	.name = "mbedtls",
	.init = init,
	.library_version = library_version,
	.capabilities = library_capabilities,
	.context_new = mbed_context_new,
	.context_free = mbed_context_free,
	.connection_new = mbed_connection_new,
	.connection_free = mbed_connection_free,
	.handshake = mbed_connection_handshake,
	.read = mbed_connection_read,
	.write = mbed_connection_write,
	.shutdown = mbed_connection_shutdown,
	.pending = mbed_connection_pending,
	.info = mbed_connection_info,
	.peer_chain = mbed_connection_peer_chain,
	.session_export = mbed_session_export,
	.session_resume = mbed_session_resume,
	.export_keys = COMPAT_EXPORTER ? mbed_secrets_export : NULL,
};
