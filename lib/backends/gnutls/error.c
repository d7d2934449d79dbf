#include "backends/gnutls/error.h"

#include <ctype.h>

/* X(native code, class, alert). INVALID_REQUEST is what the library says of a point of a wrong size. What is not here is INTERNAL and answered with internal_error. */
#define ERRORS(X)                                                        \
	X(FATAL_ALERT_RECEIVED, PEER_ALERT, NONE)                        \
	X(WARNING_ALERT_RECEIVED, PEER_ALERT, NONE)                      \
	X(SESSION_EOF, PEER_ALERT, NONE)                                 \
	X(PREMATURE_TERMINATION, IO, NONE)                               \
	X(UNEXPECTED_PACKET, PROTOCOL, UNEXPECTED_MESSAGE)               \
	X(UNEXPECTED_HANDSHAKE_PACKET, PROTOCOL, UNEXPECTED_MESSAGE)     \
	X(GOT_APPLICATION_DATA, PROTOCOL, UNEXPECTED_MESSAGE)            \
	X(TOO_MANY_EMPTY_PACKETS, PROTOCOL, UNEXPECTED_MESSAGE)          \
	X(TOO_MANY_HANDSHAKE_PACKETS, PROTOCOL, UNEXPECTED_MESSAGE)      \
	X(REHANDSHAKE, PROTOCOL, UNEXPECTED_MESSAGE)                     \
	X(REAUTH_REQUEST, PROTOCOL, UNEXPECTED_MESSAGE)                  \
	X(DECRYPTION_FAILED, PROTOCOL, BAD_RECORD_MAC)                   \
	X(RECORD_OVERFLOW, PROTOCOL, RECORD_OVERFLOW)                    \
	X(LARGE_PACKET, PROTOCOL, RECORD_OVERFLOW)                       \
	X(UNEXPECTED_PACKET_LENGTH, PROTOCOL, DECODE_ERROR)              \
	X(UNEXPECTED_EXTENSIONS_LENGTH, PROTOCOL, DECODE_ERROR)          \
	X(PARSING_ERROR, PROTOCOL, DECODE_ERROR)                         \
	X(MPI_SCAN_FAILED, PROTOCOL, DECODE_ERROR)                       \
	X(HANDSHAKE_TOO_LARGE, PROTOCOL, DECODE_ERROR)                   \
	X(UNSUPPORTED_VERSION_PACKET, PROTOCOL, PROTOCOL_VERSION)        \
	X(INAPPROPRIATE_FALLBACK, PROTOCOL, INAPPROPRIATE_FALLBACK)      \
	X(ILLEGAL_PARAMETER, PROTOCOL, ILLEGAL_PARAMETER)                \
	X(INVALID_REQUEST, PROTOCOL, ILLEGAL_PARAMETER)                  \
	X(RECEIVED_ILLEGAL_PARAMETER, PROTOCOL, ILLEGAL_PARAMETER)       \
	X(RECEIVED_DISALLOWED_NAME, PROTOCOL, ILLEGAL_PARAMETER)         \
	X(PK_INVALID_PUBKEY, PROTOCOL, ILLEGAL_PARAMETER)                \
	X(PK_INVALID_PRIVKEY, PROTOCOL, ILLEGAL_PARAMETER)               \
	X(INCOMPATIBLE_SIG_WITH_KEY, PROTOCOL, ILLEGAL_PARAMETER)        \
	X(UNKNOWN_COMPRESSION_ALGORITHM, PROTOCOL, ILLEGAL_PARAMETER)    \
	X(UNKNOWN_CIPHER_SUITE, PROTOCOL, ILLEGAL_PARAMETER)             \
	X(ECC_UNSUPPORTED_CURVE, PROTOCOL, ILLEGAL_PARAMETER)            \
	X(DH_PRIME_UNACCEPTABLE, PROTOCOL, INSUFFICIENT_SECURITY)        \
	X(SESSION_USER_ID_CHANGED, PROTOCOL, ILLEGAL_PARAMETER)          \
	X(RECEIVED_ILLEGAL_EXTENSION, PROTOCOL, UNSUPPORTED_EXTENSION)   \
	X(MISSING_EXTENSION, PROTOCOL, MISSING_EXTENSION)                \
	X(NO_APPLICATION_PROTOCOL, PROTOCOL, NO_APPLICATION_PROTOCOL)    \
	X(PK_SIG_VERIFY_FAILED, PROTOCOL, DECRYPT_ERROR)                 \
	X(ERROR_IN_FINISHED_PACKET, PROTOCOL, DECRYPT_ERROR)             \
	X(NO_CIPHER_SUITES, PROTOCOL, HANDSHAKE_FAILURE)                 \
	X(INSUFFICIENT_CREDENTIALS, PROTOCOL, HANDSHAKE_FAILURE)         \
	X(INSUFFICIENT_SECURITY, PROTOCOL, INSUFFICIENT_SECURITY)        \
	X(NO_COMPRESSION_ALGORITHMS, PROTOCOL, HANDSHAKE_FAILURE)        \
	X(UNSUPPORTED_SIGNATURE_ALGORITHM, PROTOCOL, HANDSHAKE_FAILURE)  \
	X(SAFE_RENEGOTIATION_FAILED, PROTOCOL, HANDSHAKE_FAILURE)        \
	X(UNSAFE_RENEGOTIATION_DENIED, PROTOCOL, HANDSHAKE_FAILURE)      \
	X(UNKNOWN_PK_ALGORITHM, PROTOCOL, HANDSHAKE_FAILURE)             \
	X(UNWANTED_ALGORITHM, PROTOCOL, HANDSHAKE_FAILURE)               \
	X(NO_COMMON_KEY_SHARE, PROTOCOL, HANDSHAKE_FAILURE)              \
	X(ECC_NO_SUPPORTED_CURVES, PROTOCOL, HANDSHAKE_FAILURE)          \
	X(NO_PRIORITIES_WERE_SET, PROTOCOL, HANDSHAKE_FAILURE)           \
	X(CERTIFICATE_REQUIRED, VERIFY, CERTIFICATE_REQUIRED)            \
	X(NO_CERTIFICATE_FOUND, VERIFY, CERTIFICATE_REQUIRED)            \
	X(CERTIFICATE_ERROR, VERIFY, BAD_CERTIFICATE)                    \
	X(CERTIFICATE_VERIFICATION_ERROR, VERIFY, BAD_CERTIFICATE)       \
	X(CERTIFICATE_LIST_UNSORTED, VERIFY, BAD_CERTIFICATE)            \
	X(ASN1_ELEMENT_NOT_FOUND, VERIFY, BAD_CERTIFICATE)               \
	X(ASN1_IDENTIFIER_NOT_FOUND, VERIFY, BAD_CERTIFICATE)            \
	X(ASN1_DER_ERROR, VERIFY, BAD_CERTIFICATE)                       \
	X(ASN1_VALUE_NOT_FOUND, VERIFY, BAD_CERTIFICATE)                 \
	X(ASN1_GENERIC_ERROR, VERIFY, BAD_CERTIFICATE)                   \
	X(ASN1_VALUE_NOT_VALID, VERIFY, BAD_CERTIFICATE)                 \
	X(ASN1_TAG_ERROR, VERIFY, BAD_CERTIFICATE)                       \
	X(ASN1_TAG_IMPLICIT, VERIFY, BAD_CERTIFICATE)                    \
	X(ASN1_TYPE_ANY_ERROR, VERIFY, BAD_CERTIFICATE)                  \
	X(ASN1_SYNTAX_ERROR, VERIFY, BAD_CERTIFICATE)                    \
	X(ASN1_DER_OVERFLOW, VERIFY, BAD_CERTIFICATE)                    \
	X(ASN1_EMBEDDED_NULL_IN_STRING, VERIFY, BAD_CERTIFICATE)         \
	X(ASN1_TIME_ERROR, VERIFY, BAD_CERTIFICATE)                      \
	X(X509_DUPLICATE_EXTENSION, VERIFY, BAD_CERTIFICATE)             \
	X(X509_UNKNOWN_SAN, VERIFY, BAD_CERTIFICATE)                     \
	X(UNSUPPORTED_CERTIFICATE_TYPE, VERIFY, UNSUPPORTED_CERTIFICATE) \
	X(KEY_USAGE_VIOLATION, VERIFY, UNSUPPORTED_CERTIFICATE)          \
	X(MEMORY_ERROR, MEMORY, INTERNAL_ERROR)                          \
	X(SHORT_MEMORY_BUFFER, INTERNAL, INTERNAL_ERROR)

static const struct error_row {
	int native;
	enum unitls_error_class error_class;
	int alert;
} rows[] = {
#define ERROR_ROW(native, error_class, alert) \
	{GNUTLS_E_##native, UNITLS_ERROR_CLASS_##error_class, UNITLS_ALERT_##alert},
	ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

static const struct error_row *find(int native)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].native == native)
			return &rows[i];
	}
	return NULL;
}

enum unitls_error_class gtls_error_class(int native)
{
	const struct error_row *row = find(native);

	return row ? row->error_class : UNITLS_ERROR_CLASS_INTERNAL;
}

int gtls_error_alert(int native)
{
	const struct error_row *row = find(native);

	return row ? row->alert : UNITLS_ALERT_INTERNAL_ERROR;
}

bool gtls_error_is_memory(int native)
{
	return gtls_error_class(native) == UNITLS_ERROR_CLASS_MEMORY;
}

void gtls_error_text(int native, char text[GTLS_ERROR_TEXT_SIZE])
{
	static const char prefix[] = "GNUTLS_E_";
	const char *name = gnutls_strerror_name(native);
	size_t n = 0;

	if (!name)
		name = "unknown error";
	else if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		name += sizeof(prefix) - 1;
	for (; name[n] != '\0' && n < GTLS_ERROR_TEXT_SIZE - 1; n++)
		text[n] = name[n] == '_' ? ' ' : (char)tolower((unsigned char)name[n]);
	text[n] = '\0';
}

static enum unitls_verify_reason reason_of(int native)
{
	switch (native) {
	case GNUTLS_E_CERTIFICATE_REQUIRED:
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
		return UNITLS_VERIFY_MISSING;
	case GNUTLS_E_KEY_USAGE_VIOLATION:
	case GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE:
		return UNITLS_VERIFY_BAD_PURPOSE;
	default:
		return UNITLS_VERIFY_MALFORMED;
	}
}

int gtls_error_set(struct unitls_error *error, int native, int alert)
{
	enum unitls_error_class error_class = gtls_error_class(native);
	char text[GTLS_ERROR_TEXT_SIZE];

	if (error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	error->native_code = native;
	if (error_class == UNITLS_ERROR_CLASS_VERIFY)
		error->verify_reason = reason_of(native);
	gtls_error_text(native, text);
	return unitls_error_set_alert(error, error_class, alert, "%s", text);
}

int gtls_error_memory(struct unitls_error *error)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
}

int gtls_error_set_field(struct unitls_error *error, int native, const char *field, const char *what)
{
	char text[GTLS_ERROR_TEXT_SIZE];

	if (error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	error->native_code = native;
	if (gtls_error_is_memory(native))
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for %s", what);
	gtls_error_text(native, text);
	return unitls_error_set_field(
		error, UNITLS_ERROR_CLASS_CONFIG, field, "GnuTLS refuses %s: %s", what, text);
}
