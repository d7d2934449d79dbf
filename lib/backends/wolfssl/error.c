/*
 * The translation of wolfSSL's error codes. They are unique over the library's parts: wolfCrypt has -97 to -299, TLS -301 and below.
 */
#include "backends/wolfssl/error.h"

#include "backends/wolfssl/library.h"
#include <wolfssl/wolfcrypt/wolfmath.h>

#define ERROR_TEXT_SIZE 160 /* WOLFSSL_MAX_ERROR_SZ is 80 */

struct error_row {
	int native;
	enum unitls_error_class error_class;
	int alert;
};

/* X(native code, class, alert) */
#define ERRORS(X)                                                                  \
	X(FATAL_ERROR, PEER_ALERT, NONE)                                           \
	X(ZERO_RETURN, PEER_ALERT, NONE)                                           \
	X(WOLFSSL_ERROR_ZERO_RETURN, PEER_ALERT, NONE)                             \
	X(VERIFY_FINISHED_ERROR, PROTOCOL, DECRYPT_ERROR)                          \
	X(VERIFY_MAC_ERROR, PROTOCOL, BAD_RECORD_MAC)                              \
	X(DECRYPT_ERROR, PROTOCOL, BAD_RECORD_MAC)                                 \
	X(AES_GCM_AUTH_E, PROTOCOL, BAD_RECORD_MAC)                                \
	X(AES_CCM_AUTH_E, PROTOCOL, BAD_RECORD_MAC)                                \
	X(MAC_CMP_FAILED_E, PROTOCOL, BAD_RECORD_MAC)                              \
	X(PARSE_ERROR, PROTOCOL, DECODE_ERROR)                                     \
	X(UNKNOWN_HANDSHAKE_TYPE, PROTOCOL, UNEXPECTED_MESSAGE)                    \
	X(UNKNOWN_RECORD_TYPE, PROTOCOL, UNEXPECTED_MESSAGE)                       \
	X(INCOMPLETE_DATA, PROTOCOL, DECODE_ERROR)                                 \
	X(BUFFER_ERROR, PROTOCOL, DECODE_ERROR)                                    \
	X(BUFFER_E, PROTOCOL, DECODE_ERROR)                                        \
	X(LENGTH_ERROR, PROTOCOL, DECODE_ERROR)                                    \
	X(DECODE_E, PROTOCOL, DECODE_ERROR)                                        \
	X(BAD_HELLO, PROTOCOL, DECODE_ERROR)                                       \
	X(MISSING_HANDSHAKE_DATA, PROTOCOL, DECODE_ERROR)                          \
	X(HANDSHAKE_SIZE_ERROR, PROTOCOL, DECODE_ERROR)                            \
	X(INPUT_SIZE_E, PROTOCOL, DECODE_ERROR)                                    \
	X(VERSION_ERROR, PROTOCOL, PROTOCOL_VERSION)                               \
	X(UNSUPPORTED_PROTO_VERSION, PROTOCOL, PROTOCOL_VERSION)                   \
	X(OUT_OF_ORDER_E, PROTOCOL, UNEXPECTED_MESSAGE)                            \
	X(DUPLICATE_MSG_E, PROTOCOL, UNEXPECTED_MESSAGE)                           \
	X(SANITY_MSG_E, PROTOCOL, UNEXPECTED_MESSAGE)                              \
	X(SANITY_CIPHER_E, PROTOCOL, BAD_RECORD_MAC)                               \
	X(NO_CHANGE_CIPHER_E, PROTOCOL, UNEXPECTED_MESSAGE)                        \
	X(SIDE_ERROR, PROTOCOL, UNEXPECTED_MESSAGE)                                \
	X(ALERT_COUNT_E, PROTOCOL, UNEXPECTED_MESSAGE)                             \
	X(SECURE_RENEGOTIATION_E, PROTOCOL, HANDSHAKE_FAILURE)                     \
	X(MATCH_SUITE_ERROR, PROTOCOL, HANDSHAKE_FAILURE)                          \
	X(UNSUPPORTED_SUITE, PROTOCOL, HANDSHAKE_FAILURE)                          \
	X(KEY_SHARE_ERROR, PROTOCOL, HANDSHAKE_FAILURE)                            \
	X(COMPRESSION_ERROR, PROTOCOL, ILLEGAL_PARAMETER)                          \
	X(BAD_KEY_SHARE_DATA, PROTOCOL, HANDSHAKE_FAILURE)                         \
	X(INVALID_PARAMETER, PROTOCOL, ILLEGAL_PARAMETER)                          \
	X(EXT_NOT_ALLOWED, PROTOCOL, ILLEGAL_PARAMETER)                            \
	X(DUPLICATE_TLS_EXT_E, PROTOCOL, ILLEGAL_PARAMETER)                        \
	X(EXT_MISSING, PROTOCOL, MISSING_EXTENSION)                                \
	X(UNSUPPORTED_EXTENSION, PROTOCOL, UNSUPPORTED_EXTENSION)                  \
	X(EXT_MASTER_SECRET_NEEDED_E, PROTOCOL, HANDSHAKE_FAILURE)                 \
	X(UNKNOWN_ALPN_PROTOCOL_NAME_E, PROTOCOL, NO_APPLICATION_PROTOCOL)         \
	X(UNKNOWN_SNI_HOST_NAME_E, PROTOCOL, UNRECOGNIZED_NAME)                    \
	X(BAD_BINDER, PROTOCOL, DECRYPT_ERROR)                                     \
	X(HRR_COOKIE_ERROR, PROTOCOL, ILLEGAL_PARAMETER)                           \
	X(INVALID_CERT_CTX_E, PROTOCOL, ILLEGAL_PARAMETER)                         \
	X(ECC_CURVETYPE_ERROR, PROTOCOL, ILLEGAL_PARAMETER)                        \
	X(ECC_CURVE_ERROR, PROTOCOL, ILLEGAL_PARAMETER)                            \
	X(ECC_PEERKEY_ERROR, PROTOCOL, ILLEGAL_PARAMETER)                          \
	X(ECC_OUT_OF_RANGE_E, PROTOCOL, ILLEGAL_PARAMETER)                         \
	X(ECC_INF_E, PROTOCOL, ILLEGAL_PARAMETER)                                  \
	X(IS_POINT_E, PROTOCOL, ILLEGAL_PARAMETER)                                 \
	X(DH_KEY_SIZE_E, PROTOCOL, HANDSHAKE_FAILURE)                              \
	X(PEER_KEY_ERROR, PROTOCOL, ILLEGAL_PARAMETER)                             \
	X(VERIFY_SIGN_ERROR, PROTOCOL, DECRYPT_ERROR)                              \
	X(SIG_VERIFY_E, PROTOCOL, DECRYPT_ERROR)                                   \
	X(RSA_BUFFER_E, PROTOCOL, DECRYPT_ERROR)                                   \
	X(NO_PEER_KEY, PROTOCOL, UNEXPECTED_MESSAGE)                               \
	X(NO_PEER_VERIFY, PROTOCOL, UNEXPECTED_MESSAGE)                            \
	X(POST_HAND_AUTH_ERROR, PROTOCOL, UNEXPECTED_MESSAGE)                      \
	X(BAD_CERTIFICATE_STATUS_ERROR, PROTOCOL, BAD_CERTIFICATE_STATUS_RESPONSE) \
	X(SESSION_TICKET_EXPECT_E, PROTOCOL, UNEXPECTED_MESSAGE)                   \
	X(SERVER_HINT_ERROR, PROTOCOL, DECODE_ERROR) /* a ticket's lifetime */     \
	X(SESSION_TICKET_LEN_E, PROTOCOL, DECODE_ERROR)                            \
	X(NO_PEER_CERT, VERIFY, CERTIFICATE_REQUIRED)                              \
	X(MAX_CHAIN_ERROR, VERIFY, UNKNOWN_CA)                                     \
	X(VERIFY_CERT_ERROR, VERIFY, BAD_CERTIFICATE)                              \
	X(ASN_PARSE_E, VERIFY, BAD_CERTIFICATE)                                    \
	X(ASN_VERSION_E, VERIFY, BAD_CERTIFICATE)                                  \
	X(ASN_UNKNOWN_OID_E, VERIFY, UNSUPPORTED_CERTIFICATE)

static const struct error_row rows[] = {
#define ERROR_ROW(native, error_class, alert) {native, UNITLS_ERROR_CLASS_##error_class, UNITLS_ALERT_##alert},
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

bool wolf_error_is_memory(int native)
{
	return native == MEMORY_E || native == MEMORY_ERROR || native == MP_MEM;
}

enum unitls_error_class wolf_error_class(int native)
{
	const struct error_row *row = find(native);

	if (wolf_error_is_memory(native))
		return UNITLS_ERROR_CLASS_MEMORY;
	return row == NULL ? UNITLS_ERROR_CLASS_INTERNAL : row->error_class;
}

int wolf_error_alert(int native)
{
	const struct error_row *row = find(native);

	return row == NULL ? UNITLS_ALERT_INTERNAL_ERROR : row->alert;
}

static const char *text_of(int native, char *text)
{
	return wolfSSL_ERR_error_string((unsigned long)(long)native, text);
}

int wolf_error_set(struct unitls_error *error, int native, int alert)
{
	enum unitls_error_class error_class = wolf_error_class(native);
	char text[ERROR_TEXT_SIZE];

	if (error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	error->native_code = native;
	if (error_class == UNITLS_ERROR_CLASS_VERIFY)
		error->verify_reason = native == NO_PEER_CERT ? UNITLS_VERIFY_MISSING : UNITLS_VERIFY_MALFORMED;
	return unitls_error_set_alert(error, error_class, alert, "%s", text_of(native, text));
}

int wolf_error_set_field(struct unitls_error *error, int native, const char *field, const char *what)
{
	char text[ERROR_TEXT_SIZE];

	if (error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	error->native_code = native;
	if (wolf_error_is_memory(native))
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for %s", what);
	return unitls_error_set_field(
		error, UNITLS_ERROR_CLASS_CONFIG, field, "wolfSSL refuses %s: %s", what, text_of(native, text));
}

void wolf_error_forget(void)
{
	wolfSSL_ERR_clear_error();
}
