/*
 * Names of statuses, classes, alerts and reasons, and the recording of errors.
 *
 * Pure but for the caller's record. Invariant: a record that holds an error is never overwritten, and its text is one line.
 */
#include "core/backend.h"

#include <stdarg.h>
#include <stdio.h>

#define TABLE_SIZE(table) (sizeof(table) / sizeof((table)[0]))

static const char unknown_name[] = "unknown";

const char *unitls_status_name(int status)
{
	switch (status) {
	case UNITLS_OK:
		return "ok";
	case UNITLS_WANT_READ:
		return "want_read";
	case UNITLS_WANT_WRITE:
		return "want_write";
	case UNITLS_WANT_APP:
		return "want_app";
	case UNITLS_EOF:
		return "eof";
	case UNITLS_ERROR:
		return "error";
	case UNITLS_RAGGED_EOF:
		return "ragged_eof";
	default:
		return unknown_name;
	}
}

const char *unitls_error_class_name(enum unitls_error_class error_class)
{
	static const char *const names[] = {
#define CLASS_NAME(id, name) name,
		UNITLS_ERROR_CLASSES(CLASS_NAME)
#undef CLASS_NAME
	};
	size_t i = (size_t)error_class;

	return i < TABLE_SIZE(names) ? names[i] : unknown_name;
}

const char *unitls_alert_name(int alert)
{
	switch (alert) {
#define ALERT_NAME(id, number, name) \
	case number:                 \
		return name;
		UNITLS_ALERTS(ALERT_NAME)
#undef ALERT_NAME
	default:
		return unknown_name;
	}
}

const char *unitls_verify_reason_name(enum unitls_verify_reason reason)
{
	static const char *const names[] = {
#define REASON_NAME(id, name) name,
		UNITLS_VERIFY_REASONS(REASON_NAME)
#undef REASON_NAME
	};
	size_t i = (size_t)reason;

	return i < TABLE_SIZE(names) ? names[i] : unknown_name;
}

/* Control bytes, a newline above all, would make the text more than one line. */
static void make_one_line(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* True when the record is there and was empty, so that the caller may fill in more. */
static bool UNITLS_PRINTF(3, 0) record(
	struct unitls_error *error, enum unitls_error_class error_class, const char *format, va_list arguments)
{
	if (error == NULL || error->error_class != UNITLS_ERROR_CLASS_NONE)
		return false;
	error->error_class = error_class;
	(void)vsnprintf(error->text, sizeof(error->text), format, arguments); /* cut at the record's size */
	make_one_line(error->text);
	return true;
}

int unitls_error_set(struct unitls_error *error, enum unitls_error_class error_class, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)record(error, error_class, format, arguments);
	va_end(arguments);
	return UNITLS_ERROR;
}

int unitls_error_set_field(struct unitls_error *error, enum unitls_error_class error_class, const char *field,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (record(error, error_class, format, arguments))
		(void)snprintf(error->field, sizeof(error->field), "%s", field);
	va_end(arguments);
	return UNITLS_ERROR;
}

int unitls_error_set_alert(
	struct unitls_error *error, enum unitls_error_class error_class, int alert, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (record(error, error_class, format, arguments))
		error->alert = alert;
	va_end(arguments);
	return UNITLS_ERROR;
}

int unitls_error_set_verify(struct unitls_error *error, enum unitls_verify_reason reason, int depth)
{
	if (error == NULL || error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	error->verify_reason = reason;
	error->verify_depth = depth;
	if (depth > 0)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_VERIFY, unitls_verify_alert(reason),
			"the peer's certificate was refused: %s (certificate %d of its chain)",
			unitls_verify_reason_name(reason), depth);
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_VERIFY, unitls_verify_alert(reason),
		"the peer's certificate was refused: %s", unitls_verify_reason_name(reason));
}

/* RFC 8446, 6.2: what each alert stands for. */
int unitls_verify_alert(enum unitls_verify_reason reason)
{
	switch (reason) {
	case UNITLS_VERIFY_NONE:
		return UNITLS_ALERT_NONE;
	case UNITLS_VERIFY_MISSING:
		return UNITLS_ALERT_CERTIFICATE_REQUIRED;
	case UNITLS_VERIFY_UNKNOWN_CA:
	case UNITLS_VERIFY_SELF_SIGNED:
		return UNITLS_ALERT_UNKNOWN_CA;
	case UNITLS_VERIFY_EXPIRED:
	case UNITLS_VERIFY_NOT_YET_VALID:
		return UNITLS_ALERT_CERTIFICATE_EXPIRED;
	case UNITLS_VERIFY_REVOKED:
		return UNITLS_ALERT_CERTIFICATE_REVOKED;
	case UNITLS_VERIFY_BAD_SIGNATURE:
		return UNITLS_ALERT_DECRYPT_ERROR;
	case UNITLS_VERIFY_BAD_PURPOSE:
		return UNITLS_ALERT_UNSUPPORTED_CERTIFICATE;
	case UNITLS_VERIFY_NAME_MISMATCH:
	case UNITLS_VERIFY_WEAK:
	case UNITLS_VERIFY_NAME_CONSTRAINTS:
	case UNITLS_VERIFY_MALFORMED:
		return UNITLS_ALERT_BAD_CERTIFICATE;
	case UNITLS_VERIFY_REVOCATION_UNKNOWN:
	case UNITLS_VERIFY_OTHER:
		return UNITLS_ALERT_CERTIFICATE_UNKNOWN;
	}
	return UNITLS_ALERT_CERTIFICATE_UNKNOWN;
}
