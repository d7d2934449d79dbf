/*
 * The translation of mbedTLS's error codes.
 *
 * A code is -(high + low): high, in steps of 0x80, says which module and what, low what a module below it said.
 */
#include "backends/mbedtls/error.h"

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/dhm.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>

#include "backends/mbedtls/compat.h"

#define ERROR_TEXT_SIZE 160

struct error_row {
	int native;
	enum unitls_error_class error_class;
	int alert;
};

/* X(native code, class, alert) */
#define ERRORS(X)                                                              \
	X(MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, PEER_ALERT, NONE)               \
	X(MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, PEER_ALERT, NONE)                 \
	X(MBEDTLS_ERR_SSL_CONN_EOF, IO, NONE)                                  \
	X(MBEDTLS_ERR_SSL_INVALID_MAC, PROTOCOL, BAD_RECORD_MAC)               \
	X(MBEDTLS_ERR_SSL_INVALID_RECORD, PROTOCOL, DECODE_ERROR)              \
	X(MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, PROTOCOL, UNEXPECTED_MESSAGE)    \
	X(MBEDTLS_ERR_SSL_UNEXPECTED_RECORD, PROTOCOL, UNEXPECTED_MESSAGE)     \
	X(MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, PROTOCOL, HANDSHAKE_FAILURE)  \
	X(MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED, PROTOCOL, UNKNOWN_CA)             \
	X(MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY, PROTOCOL, UNKNOWN_PSK_IDENTITY)    \
	X(MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE, PROTOCOL, HANDSHAKE_FAILURE)    \
	X(MBEDTLS_ERR_SSL_BAD_INPUT_DATA, PROTOCOL, ILLEGAL_PARAMETER)         \
	X(MBEDTLS_ERR_SSL_PK_TYPE_MISMATCH, PROTOCOL, HANDSHAKE_FAILURE)       \
	X(MBEDTLS_ERR_SSL_PRIVATE_KEY_REQUIRED, PROTOCOL, HANDSHAKE_FAILURE)   \
	X(MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED, PROTOCOL, HANDSHAKE_FAILURE) \
	X(MBEDTLS_ERR_ECP_BAD_INPUT_DATA, PROTOCOL, ILLEGAL_PARAMETER)         \
	X(MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE, PROTOCOL, ILLEGAL_PARAMETER)    \
	X(MBEDTLS_ERR_ECP_INVALID_KEY, PROTOCOL, ILLEGAL_PARAMETER)            \
	X(MBEDTLS_ERR_ECP_VERIFY_FAILED, PROTOCOL, DECRYPT_ERROR)              \
	X(MBEDTLS_ERR_ECP_SIG_LEN_MISMATCH, PROTOCOL, DECRYPT_ERROR)           \
	X(MBEDTLS_ERR_RSA_VERIFY_FAILED, PROTOCOL, DECRYPT_ERROR)              \
	X(MBEDTLS_ERR_RSA_INVALID_PADDING, PROTOCOL, DECRYPT_ERROR)            \
	X(MBEDTLS_ERR_RSA_PUBLIC_FAILED, PROTOCOL, DECRYPT_ERROR)              \
	X(MBEDTLS_ERR_PK_SIG_LEN_MISMATCH, PROTOCOL, DECRYPT_ERROR)            \
	X(MBEDTLS_ERR_DHM_BAD_INPUT_DATA, PROTOCOL, ILLEGAL_PARAMETER)         \
	X(MBEDTLS_ERR_DHM_READ_PUBLIC_FAILED, PROTOCOL, ILLEGAL_PARAMETER)     \
	X(MBEDTLS_ERR_DHM_READ_PARAMS_FAILED, PROTOCOL, ILLEGAL_PARAMETER)     \
	X(MBEDTLS_ERR_X509_INVALID_FORMAT, PROTOCOL, BAD_CERTIFICATE)          \
	X(MBEDTLS_ERR_X509_INVALID_VERSION, PROTOCOL, BAD_CERTIFICATE)         \
	X(MBEDTLS_ERR_X509_INVALID_SERIAL, PROTOCOL, BAD_CERTIFICATE)          \
	X(MBEDTLS_ERR_X509_INVALID_ALG, PROTOCOL, BAD_CERTIFICATE)             \
	X(MBEDTLS_ERR_X509_INVALID_NAME, PROTOCOL, BAD_CERTIFICATE)            \
	X(MBEDTLS_ERR_X509_INVALID_DATE, PROTOCOL, BAD_CERTIFICATE)            \
	X(MBEDTLS_ERR_X509_INVALID_SIGNATURE, PROTOCOL, BAD_CERTIFICATE)       \
	X(MBEDTLS_ERR_X509_INVALID_EXTENSIONS, PROTOCOL, BAD_CERTIFICATE)      \
	X(MBEDTLS_ERR_X509_UNKNOWN_VERSION, PROTOCOL, BAD_CERTIFICATE)         \
	X(MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG, PROTOCOL, UNSUPPORTED_CERTIFICATE) \
	X(MBEDTLS_ERR_X509_SIG_MISMATCH, PROTOCOL, BAD_CERTIFICATE)            \
	X(MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT, PROTOCOL, BAD_CERTIFICATE)     \
	X(MBEDTLS_ERR_X509_FATAL_ERROR, PROTOCOL, UNKNOWN_CA)                  \
	X(MBEDTLS_ERR_PK_KEY_INVALID_FORMAT, PROTOCOL, BAD_CERTIFICATE)        \
	X(MBEDTLS_ERR_PK_INVALID_ALG, PROTOCOL, BAD_CERTIFICATE)               \
	X(MBEDTLS_ERR_PK_INVALID_PUBKEY, PROTOCOL, BAD_CERTIFICATE)            \
	X(MBEDTLS_ERR_PK_UNKNOWN_PK_ALG, PROTOCOL, UNSUPPORTED_CERTIFICATE)    \
	X(MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE, PROTOCOL, UNSUPPORTED_CERTIFICATE)

#define ERROR_ROW(native, error_class, alert) {native, UNITLS_ERROR_CLASS_##error_class, UNITLS_ALERT_##alert},
static const struct error_row rows[] = {ERRORS(ERROR_ROW) COMPAT_ERRORS(ERROR_ROW)};
#undef ERROR_ROW

/* The row of a code, or of its high part. */
static const struct error_row *find(int native)
{
	int high = -(-native & 0xff80);

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (rows[i].native == (pass == 0 ? native : high))
				return &rows[i];
		}
	}
	return NULL;
}

bool mbed_error_is_memory(int native)
{
	int high = -(-native & 0xff80);
	int low = -(-native & 0x7f);

	return high == MBEDTLS_ERR_SSL_ALLOC_FAILED || high == MBEDTLS_ERR_X509_ALLOC_FAILED ||
		high == MBEDTLS_ERR_PK_ALLOC_FAILED || high == MBEDTLS_ERR_ECP_ALLOC_FAILED ||
		high == MBEDTLS_ERR_MD_ALLOC_FAILED || high == MBEDTLS_ERR_CIPHER_ALLOC_FAILED ||
		high == MBEDTLS_ERR_PEM_ALLOC_FAILED || high == MBEDTLS_ERR_DHM_ALLOC_FAILED ||
		low == MBEDTLS_ERR_MPI_ALLOC_FAILED || low == MBEDTLS_ERR_ASN1_ALLOC_FAILED;
}

enum unitls_error_class mbed_error_class(int native)
{
	const struct error_row *row = find(native);

	if (mbed_error_is_memory(native))
		return UNITLS_ERROR_CLASS_MEMORY;
	return row == NULL ? UNITLS_ERROR_CLASS_INTERNAL : row->error_class;
}

int mbed_error_alert(int native)
{
	const struct error_row *row = find(native);

	if (row == NULL || mbed_error_is_memory(native))
		return UNITLS_ALERT_INTERNAL_ERROR;
	return row->alert;
}

/* The library's parts report a certificate that it cannot read in a hundred ways; the alert tells them from the same codes elsewhere. */
static bool is_about_certificate(int alert)
{
	return alert == UNITLS_ALERT_BAD_CERTIFICATE || alert == UNITLS_ALERT_UNSUPPORTED_CERTIFICATE ||
		alert == UNITLS_ALERT_CERTIFICATE_UNKNOWN || alert == UNITLS_ALERT_UNKNOWN_CA;
}

int mbed_error_set(struct unitls_error *error, int native, int alert)
{
	enum unitls_error_class error_class = mbed_error_class(native);
	char text[ERROR_TEXT_SIZE];

	if (error_class != UNITLS_ERROR_CLASS_PEER_ALERT && is_about_certificate(alert))
		error_class = UNITLS_ERROR_CLASS_VERIFY;
	if (error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	mbedtls_strerror(native, text, sizeof(text));
	error->native_code = native;
	if (error_class == UNITLS_ERROR_CLASS_VERIFY)
		error->verify_reason = UNITLS_VERIFY_MALFORMED;
	return unitls_error_set_alert(error, error_class, alert, "%s", text);
}

int mbed_error_set_field(struct unitls_error *error, int native, const char *field, const char *what)
{
	char text[ERROR_TEXT_SIZE];

	if (error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	error->native_code = native;
	if (mbed_error_is_memory(native))
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for %s", what);
	mbedtls_strerror(native, text, sizeof(text));
	return unitls_error_set_field(
		error, UNITLS_ERROR_CLASS_CONFIG, field, "mbedTLS refuses %s: %s", what, text);
}
