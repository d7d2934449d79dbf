/*
 * The translation of BearSSL's error codes.
 *
 * A code below 32 is the engine's, below 64 the validator's; 256 + n is the peer's fatal alert n, 512 + n a fatal alert that the engine sent by itself.
 */
#include "backends/bearssl/error.h"

#include <bearssl.h>

struct engine_row {
	int native;
	enum unitls_error_class error_class;
	int alert;
	const char *text;
};

/* X(code, class, alert, text) */
#define ENGINE_ERRORS(X)                                                                         \
	X(BAD_PARAM, PROTOCOL, DECODE_ERROR, "a length in a message does not fit")               \
	X(BAD_STATE, INTERNAL, INTERNAL_ERROR, "a call that the engine's state does not allow")  \
	X(UNSUPPORTED_VERSION, PROTOCOL, PROTOCOL_VERSION, "unsupported version")                \
	X(BAD_VERSION, PROTOCOL, PROTOCOL_VERSION, "a record of another version")                \
	X(BAD_LENGTH, PROTOCOL, RECORD_OVERFLOW, "a record of an invalid length")                \
	X(TOO_LARGE, PROTOCOL, RECORD_OVERFLOW, "a record that is too large")                    \
	X(BAD_MAC, PROTOCOL, BAD_RECORD_MAC, "a record cannot be decrypted")                     \
	X(NO_RANDOM, INTERNAL, INTERNAL_ERROR, "no randomness")                                  \
	X(UNKNOWN_TYPE, PROTOCOL, UNEXPECTED_MESSAGE, "a record of unknown type")                \
	X(UNEXPECTED, PROTOCOL, UNEXPECTED_MESSAGE, "an unexpected message")                     \
	X(BAD_CCS, PROTOCOL, ILLEGAL_PARAMETER, "a malformed ChangeCipherSpec")                  \
	X(BAD_ALERT, PROTOCOL, DECODE_ERROR, "a malformed alert")                                \
	X(BAD_HANDSHAKE, PROTOCOL, DECODE_ERROR, "a malformed handshake message")                \
	X(OVERSIZED_ID, PROTOCOL, DECODE_ERROR, "a session id that is too long")                 \
	X(BAD_CIPHER_SUITE, PROTOCOL, ILLEGAL_PARAMETER, "a cipher suite that was not offered")  \
	X(BAD_COMPRESSION, PROTOCOL, ILLEGAL_PARAMETER, "a compression that was not offered")    \
	X(BAD_FRAGLEN, PROTOCOL, ILLEGAL_PARAMETER, "a bad max_fragment_length")                 \
	X(BAD_SECRENEG, PROTOCOL, HANDSHAKE_FAILURE, "a bad renegotiation_info")                 \
	X(EXTRA_EXTENSION, PROTOCOL, UNSUPPORTED_EXTENSION, "an extension that was not offered") \
	X(BAD_SNI, PROTOCOL, DECODE_ERROR, "a bad server_name")                                  \
	X(BAD_HELLO_DONE, PROTOCOL, DECODE_ERROR, "a bad ServerHelloDone")                       \
	X(LIMIT_EXCEEDED, PROTOCOL, ILLEGAL_PARAMETER, "a key or signature that is too large")   \
	X(BAD_FINISHED, PROTOCOL, DECRYPT_ERROR, "a Finished that does not fit")                 \
	X(RESUME_MISMATCH, PROTOCOL, ILLEGAL_PARAMETER, "a bad resumption")                      \
	X(INVALID_ALGORITHM, PROTOCOL, ILLEGAL_PARAMETER, "an unsupported algorithm or group")   \
	X(BAD_SIGNATURE, PROTOCOL, DECRYPT_ERROR, "a signature that does not fit")               \
	X(WRONG_KEY_USAGE, PROTOCOL, UNSUPPORTED_CERTIFICATE, "a key that is not for this use")  \
	X(NO_CLIENT_AUTH, PROTOCOL, HANDSHAKE_FAILURE, "no client certificate")

#define ENGINE_ROW(id, error_class, alert, text) \
	{BR_ERR_##id, UNITLS_ERROR_CLASS_##error_class, UNITLS_ALERT_##alert, text},
static const struct engine_row engine_rows[] = {ENGINE_ERRORS(ENGINE_ROW)};
#undef ENGINE_ROW

/* X(code, reason, text): what is not listed cannot be decoded. */
#define VALIDATOR_ERRORS(X)                                                         \
	X(UNSUPPORTED, OTHER, "an unsupported kind of key or signature")            \
	X(LIMIT_EXCEEDED, OTHER, "a key or signature that is too large")            \
	X(WRONG_KEY_TYPE, BAD_SIGNATURE, "a key of another kind than the issuer's") \
	X(BAD_SIGNATURE, BAD_SIGNATURE, "a signature that does not fit")            \
	X(TIME_UNKNOWN, OTHER, "no clock")                                          \
	X(EXPIRED, EXPIRED, "not within its validity")                              \
	X(DN_MISMATCH, UNKNOWN_CA, "not issued by the next one")                    \
	X(BAD_SERVER_NAME, NAME_MISMATCH, "another name")                           \
	X(CRITICAL_EXTENSION, OTHER, "an unknown critical extension")               \
	X(NOT_CA, BAD_PURPOSE, "not a CA's, or below too long a path")              \
	X(FORBIDDEN_KEY_USAGE, BAD_PURPOSE, "may not sign certificates")            \
	X(WEAK_PUBLIC_KEY, WEAK, "a key that is too short")                         \
	X(NOT_TRUSTED, BAD_SIGNATURE, "not signed by the trusted CA of that name")

static const struct {
	int native;
	enum unitls_verify_reason reason;
	const char *text;
} validator_rows[] = {
#define VALIDATOR_ROW(id, reason, text) {BR_ERR_X509_##id, UNITLS_VERIFY_##reason, text},
	VALIDATOR_ERRORS(VALIDATOR_ROW)
#undef VALIDATOR_ROW
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct engine_row *find(int native)
{
	for (size_t i = 0; i < COUNT(engine_rows); i++) {
		if (engine_rows[i].native == native)
			return &engine_rows[i];
	}
	return NULL;
}

enum unitls_error_class bear_error_class(int native)
{
	const struct engine_row *row = find(native);

	return row == NULL ? UNITLS_ERROR_CLASS_INTERNAL : row->error_class;
}

int bear_error_alert(int native)
{
	const struct engine_row *row = find(native);

	return row == NULL ? UNITLS_ALERT_INTERNAL_ERROR : row->alert;
}

const char *bear_error_text(int native)
{
	const struct engine_row *row = find(native);

	if (row != NULL)
		return row->text;
	for (size_t i = 0; i < COUNT(validator_rows); i++) {
		if (validator_rows[i].native == native)
			return validator_rows[i].text;
	}
	return native > BR_ERR_X509_OK && native <= BR_ERR_X509_NOT_TRUSTED ? "malformed" : "unknown error";
}

enum unitls_verify_reason bear_error_reason(int native)
{
	for (size_t i = 0; i < COUNT(validator_rows); i++) {
		if (validator_rows[i].native == native)
			return validator_rows[i].reason;
	}
	return UNITLS_VERIFY_MALFORMED;
}

int bear_error_set(struct unitls_error *error, int native, int alert)
{
	if (error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	error->native_code = native;
	return unitls_error_set_alert(error, bear_error_class(native), alert, "%s", bear_error_text(native));
}

int bear_error_set_field(struct unitls_error *error, int native, const char *field, const char *what)
{
	if (error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	error->native_code = native;
	return unitls_error_set_field(
		error, UNITLS_ERROR_CLASS_CONFIG, field, "BearSSL refuses %s: %s", what, bear_error_text(native));
}

int bear_error_memory(struct unitls_error *error)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
}
