#include "backends/openssl/error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#define REASON(id, class_id, alert_id, verify_id)                                                             \
	{                                                                                                     \
		SSL_R_##id, UNITLS_ERROR_CLASS_##class_id, UNITLS_ALERT_##alert_id, UNITLS_VERIFY_##verify_id \
	}

/*
 * What libssl's reasons mean. A reason that is not here is PROTOCOL when an alert was sent and INTERNAL when none was (or internal_error), so the
 * table holds only what that rule would get wrong. The alert counts only where the library sends none.
 */
static const struct reason_rule {
	int reason;
	enum unitls_error_class error_class;
	int alert;
	enum unitls_verify_reason verify_reason;
} reason_rules[] = {
	REASON(CERTIFICATE_VERIFY_FAILED, VERIFY, NONE, OTHER),
	REASON(PEER_DID_NOT_RETURN_A_CERTIFICATE, VERIFY, NONE, MISSING),
	REASON(NO_CERTIFICATES_RETURNED, VERIFY, NONE, MISSING),
	REASON(UNKNOWN_CERTIFICATE_TYPE, VERIFY, NONE, MALFORMED),
	REASON(UNABLE_TO_FIND_PUBLIC_KEY_PARAMETERS, VERIFY, NONE, MALFORMED),
	REASON(CA_KEY_TOO_SMALL, VERIFY, NONE, WEAK),
	REASON(CA_MD_TOO_WEAK, VERIFY, NONE, WEAK),
	REASON(EE_KEY_TOO_SMALL, VERIFY, NONE, WEAK),
	/* What is no TLS at all, where OpenSSL keeps silent: a record of unknown type (RFC 8446, 5). */
	REASON(WRONG_VERSION_NUMBER, PROTOCOL, UNEXPECTED_MESSAGE, NONE),
	REASON(HTTP_REQUEST, PROTOCOL, UNEXPECTED_MESSAGE, NONE),
	REASON(HTTPS_PROXY_REQUEST, PROTOCOL, UNEXPECTED_MESSAGE, NONE),
	REASON(APPLICATION_DATA_AFTER_CLOSE_NOTIFY, PROTOCOL, NONE, NONE),
	REASON(UNEXPECTED_EOF_WHILE_READING, IO, NONE, NONE),
	REASON(NO_PROTOCOLS_AVAILABLE, CONFIG, NONE, NONE),
	REASON(NO_CIPHERS_AVAILABLE, CONFIG, NONE, NONE),
	REASON(PROTOCOL_IS_SHUTDOWN, USAGE, NONE, NONE),
	REASON(SHUTDOWN_WHILE_IN_INIT, USAGE, NONE, NONE),
	REASON(UNINITIALIZED, INTERNAL, NONE, NONE),
	REASON(BAD_WRITE_RETRY, INTERNAL, NONE, NONE),
};

struct openssl_failure openssl_failure_of_code(unsigned long code)
{
	struct openssl_failure failure = {code, UNITLS_ERROR_CLASS_NONE, UNITLS_ALERT_NONE, UNITLS_VERIFY_NONE};
	int reason = ERR_GET_REASON(code);
	size_t i;

	if (reason == ERR_R_MALLOC_FAILURE) {
		failure.error_class = UNITLS_ERROR_CLASS_MEMORY;
		return failure;
	}
	if (ERR_GET_LIB(code) != ERR_LIB_SSL)
		return failure;
	if (reason >= SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
		failure.error_class = UNITLS_ERROR_CLASS_PEER_ALERT;
		failure.alert = reason - SSL_AD_REASON_OFFSET;
		return failure;
	}
	for (i = 0; i < sizeof(reason_rules) / sizeof(reason_rules[0]); i++) {
		if (reason_rules[i].reason != reason)
			continue;
		failure.error_class = reason_rules[i].error_class;
		failure.alert = reason_rules[i].alert;
		failure.verify_reason = reason_rules[i].verify_reason;
		break;
	}
	return failure;
}

/* Memory says most, then what libssl says itself (its first word: later ones are consequences), then whatever came first. */
static int weight(unsigned long code)
{
	if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
		return 3;
	return ERR_GET_LIB(code) == ERR_LIB_SSL ? 2 : 1;
}

struct openssl_failure openssl_failure_take(void)
{
	unsigned long best = 0;
	unsigned long code;

	while ((code = ERR_get_error()) != 0) {
		if (best == 0 || weight(code) > weight(best))
			best = code;
	}
	return openssl_failure_of_code(best);
}

const char *openssl_failure_text(unsigned long code)
{
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	return text ? text : "no reason given";
}

bool openssl_error_is_free(const struct unitls_error *error)
{
	return error->error_class == UNITLS_ERROR_CLASS_NONE;
}

void openssl_error_sign(struct unitls_error *error, unsigned long code)
{
	static const char name[] = "openssl";

	_Static_assert(sizeof(name) <= sizeof(error->backend), "the backend's name fits");
	memcpy(error->backend, name, sizeof(name));
	error->native_code = (int64_t)code;
}

int openssl_error_memory(struct unitls_error *error)
{
	bool is_free = openssl_error_is_free(error);

	ERR_clear_error();
	(void)unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	if (is_free)
		openssl_error_sign(error, 0);
	return UNITLS_ERROR;
}

static int error_take(
	struct unitls_error *error, enum unitls_error_class error_class, const char *field, const char *what)
{
	struct openssl_failure failure = openssl_failure_take();
	bool is_free = openssl_error_is_free(error);

	if (failure.error_class == UNITLS_ERROR_CLASS_MEMORY)
		return openssl_error_memory(error);
	if (failure.code)
		(void)unitls_error_set_field(
			error, error_class, field, "%s: %s", what, openssl_failure_text(failure.code));
	else
		(void)unitls_error_set_field(error, error_class, field, "%s", what);
	if (is_free)
		openssl_error_sign(error, failure.code);
	return UNITLS_ERROR;
}

int openssl_error_config(struct unitls_error *error, const char *field, const char *what)
{
	return error_take(error, UNITLS_ERROR_CLASS_CONFIG, field, what);
}

int openssl_error_internal(struct unitls_error *error, const char *what)
{
	return error_take(error, UNITLS_ERROR_CLASS_INTERNAL, "", what);
}
