#include "backends/libssl/error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "backends/libssl/library.h"

struct libssl_failure libssl_failure_of_code(uint32_t code)
{
	struct libssl_failure failure = {code, UNITLS_ERROR_CLASS_NONE, UNITLS_ALERT_NONE, UNITLS_VERIFY_NONE};
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
	for (i = 0; i < libssl_library.n_reason_rules; i++) {
		const struct libssl_reason_rule *rule = &libssl_library.reason_rules[i];

		if (rule->reason != reason)
			continue;
		failure.error_class = rule->error_class;
		failure.alert = rule->alert;
		failure.verify_reason = rule->verify_reason;
		break;
	}
	return failure;
}

/* Memory says most, then what libssl says itself (its first word: later ones are consequences), then whatever came first. */
static int weight(uint32_t code)
{
	if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
		return 3;
	return ERR_GET_LIB(code) == ERR_LIB_SSL ? 2 : 1;
}

struct libssl_failure libssl_failure_take(void)
{
	uint32_t best = 0;
	uint32_t code;

	while ((code = (uint32_t)ERR_get_error()) != 0) {
		if (best == 0 || weight(code) > weight(best))
			best = code;
	}
	return libssl_failure_of_code(best);
}

const char *libssl_failure_text(uint32_t code)
{
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	return text ? text : "no reason given";
}

bool libssl_error_is_free(const struct unitls_error *error)
{
	return error->error_class == UNITLS_ERROR_CLASS_NONE;
}

void libssl_error_sign(struct unitls_error *error, uint32_t code)
{
	size_t length = strnlen(libssl_library.name, sizeof(error->backend) - 1);

	memcpy(error->backend, libssl_library.name, length);
	error->backend[length] = '\0';
	error->native_code = (int64_t)code;
}

void libssl_error_clear(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

int libssl_error_memory(struct unitls_error *error)
{
	bool is_free = libssl_error_is_free(error);

	ERR_clear_error();
	(void)unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	if (is_free)
		libssl_error_sign(error, 0);
	return UNITLS_ERROR;
}

/* subject: whose doing it is, or "". */
static int error_take(struct unitls_error *error, enum unitls_error_class error_class, const char *field,
	const char *subject, const char *what)
{
	struct libssl_failure failure = libssl_failure_take();
	bool is_free = libssl_error_is_free(error);
	const char *space = subject[0] ? " " : "";

	if (failure.error_class == UNITLS_ERROR_CLASS_MEMORY)
		return libssl_error_memory(error);
	if (failure.code)
		(void)unitls_error_set_field(error, error_class, field, "%s%s%s: %s", subject, space, what,
			libssl_failure_text(failure.code));
	else
		(void)unitls_error_set_field(error, error_class, field, "%s%s%s", subject, space, what);
	if (is_free)
		libssl_error_sign(error, failure.code);
	return UNITLS_ERROR;
}

int libssl_error_config(struct unitls_error *error, const char *field, const char *what)
{
	return error_take(error, UNITLS_ERROR_CLASS_CONFIG, field, "", what);
}

int libssl_error_refused(struct unitls_error *error, const char *field, const char *what)
{
	return error_take(error, UNITLS_ERROR_CLASS_CONFIG, field, libssl_library.title, what);
}

int libssl_error_internal(struct unitls_error *error, const char *what)
{
	return error_take(error, UNITLS_ERROR_CLASS_INTERNAL, "", libssl_library.title, what);
}
