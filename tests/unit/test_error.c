/*
 * Names of errors, the error record, verify alerts, diagnostics lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/backend.h"
#include "core/diagnostics.h"
#include "tests/unit/alloc_fail.h"

static void names_cover_the_tables(void **state)
{
	(void)state;
	assert_string_equal(unitls_status_name(UNITLS_OK), "ok");
	assert_string_equal(unitls_status_name(UNITLS_WANT_READ), "want_read");
	assert_string_equal(unitls_status_name(UNITLS_WANT_WRITE), "want_write");
	assert_string_equal(unitls_status_name(UNITLS_WANT_APP), "want_app");
	assert_string_equal(unitls_status_name(UNITLS_EOF), "eof");
	assert_string_equal(unitls_status_name(UNITLS_ERROR), "error");
	assert_string_equal(unitls_status_name(UNITLS_RAGGED_EOF), "ragged_eof");
	assert_string_equal(unitls_error_class_name(UNITLS_ERROR_CLASS_NONE), "none");
	assert_string_equal(unitls_error_class_name(UNITLS_ERROR_CLASS_INTERNAL), "internal");
	assert_string_equal(unitls_alert_name(UNITLS_ALERT_CLOSE_NOTIFY), "close_notify");
	assert_string_equal(unitls_alert_name(120), "no_application_protocol");
	assert_string_equal(unitls_verify_reason_name(UNITLS_VERIFY_OTHER), "refused");
}

static void numbers_outside_the_tables_are_unknown(void **state)
{
	(void)state;
	assert_string_equal(unitls_status_name(77), "unknown");
	assert_string_equal(unitls_status_name(-3), "unknown");
	assert_string_equal(unitls_error_class_name((enum unitls_error_class)99), "unknown");
	assert_string_equal(unitls_error_class_name((enum unitls_error_class) - 1), "unknown");
	assert_string_equal(unitls_alert_name(-1), "unknown");
	assert_string_equal(unitls_alert_name(255), "unknown");
	assert_string_equal(unitls_verify_reason_name((enum unitls_verify_reason)99), "unknown");
}

static void a_fresh_record_is_empty(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_NONE);
	assert_int_equal(error.alert, UNITLS_ALERT_NONE);
	assert_int_equal(error.verify_depth, -1);
	assert_string_equal(error.text, "");
}

static void the_first_error_wins(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(
		unitls_error_set_field(&error, UNITLS_ERROR_CLASS_CONFIG, "key", "number %d", 1), UNITLS_ERROR);
	assert_int_equal(unitls_error_set_alert(&error, UNITLS_ERROR_CLASS_PROTOCOL, 40, "second"), UNITLS_ERROR);
	assert_int_equal(unitls_error_set_verify(&error, UNITLS_VERIFY_EXPIRED, 0), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "key");
	assert_string_equal(error.text, "number 1");
	assert_int_equal(error.alert, UNITLS_ALERT_NONE);
	assert_int_equal(error.verify_reason, UNITLS_VERIFY_NONE);
}

static void no_record_is_fine(void **state)
{
	(void)state;
	assert_int_equal(unitls_error_set(NULL, UNITLS_ERROR_CLASS_IO, "x"), UNITLS_ERROR);
	assert_int_equal(unitls_error_set_field(NULL, UNITLS_ERROR_CLASS_IO, "f", "x"), UNITLS_ERROR);
	assert_int_equal(unitls_error_set_alert(NULL, UNITLS_ERROR_CLASS_IO, 1, "x"), UNITLS_ERROR);
	assert_int_equal(unitls_error_set_verify(NULL, UNITLS_VERIFY_OTHER, 0), UNITLS_ERROR);
}

static void the_text_is_one_line_and_is_cut(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	char longer[400];

	(void)state;
	(void)unitls_error_set(&error, UNITLS_ERROR_CLASS_IO, "a\nb\rc\x7f\x1b%s", "d\n");
	assert_string_equal(error.text, "a?b?c??d?");

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	(void)unitls_error_set_field(&error, UNITLS_ERROR_CLASS_IO, longer, "%s", longer);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_int_equal(strlen(error.field), sizeof(error.field) - 1);
}

static void a_refused_certificate_has_its_alert(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_error_set_verify(&error, UNITLS_VERIFY_EXPIRED, 2), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_VERIFY);
	assert_int_equal(error.alert, UNITLS_ALERT_CERTIFICATE_EXPIRED);
	assert_int_equal(error.verify_reason, UNITLS_VERIFY_EXPIRED);
	assert_int_equal(error.verify_depth, 2);
	assert_string_equal(
		error.text, "the peer's certificate was refused: expired (certificate 2 of its chain)");
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_error_set_verify(&error, UNITLS_VERIFY_SELF_SIGNED, -1), UNITLS_ERROR);
	assert_int_equal(error.verify_depth, -1);
	assert_string_equal(error.text, "the peer's certificate was refused: self-signed certificate");
}

static void every_verify_reason_has_an_alert(void **state)
{
	(void)state;
	assert_int_equal(unitls_verify_alert(UNITLS_VERIFY_NONE), UNITLS_ALERT_NONE);
	assert_int_equal(unitls_verify_alert(UNITLS_VERIFY_MISSING), UNITLS_ALERT_CERTIFICATE_REQUIRED);
	assert_int_equal(unitls_verify_alert(UNITLS_VERIFY_SELF_SIGNED), UNITLS_ALERT_UNKNOWN_CA);
	assert_int_equal(unitls_verify_alert(UNITLS_VERIFY_REVOKED), UNITLS_ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(unitls_verify_alert(UNITLS_VERIFY_NAME_MISMATCH), UNITLS_ALERT_BAD_CERTIFICATE);
	for (int reason = UNITLS_VERIFY_MISSING; reason <= (int)UNITLS_VERIFY_OTHER; reason++)
		assert_string_not_equal(
			unitls_alert_name(unitls_verify_alert((enum unitls_verify_reason)reason)), "unknown");
}

static void diagnostics_keep_their_entries_in_order(void **state)
{
	struct unitls_diagnostics *diagnostics = unitls_diagnostics_new();

	(void)state;
	assert_non_null(diagnostics);
	for (int i = 0; i < 100; i++)
		assert_int_equal(unitls_diagnostics_add(diagnostics, "ciphers", "number %d", i), 0);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 100);
	assert_string_equal(unitls_diagnostics_field(diagnostics, 99), "ciphers");
	assert_string_equal(unitls_diagnostics_reason(diagnostics, 99), "number 99");
	assert_string_equal(unitls_diagnostics_field(diagnostics, 100), "");
	assert_string_equal(unitls_diagnostics_reason(diagnostics, 100), "");
	unitls_diagnostics_free(diagnostics);
}

static void no_list_of_diagnostics_is_fine(void **state)
{
	(void)state;
	assert_int_equal(unitls_diagnostics_add(NULL, "a", "b"), 0);
	assert_int_equal(unitls_diagnostics_count(NULL), 0);
	assert_string_equal(unitls_diagnostics_field(NULL, 0), "");
	unitls_diagnostics_free(NULL);
}

static void diagnostics_survive_failing_allocations(void **state)
{
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct unitls_diagnostics *diagnostics;
		int status = 0;

		alloc_fail_start(n);
		diagnostics = unitls_diagnostics_new();
		if (diagnostics != NULL)
			status = unitls_diagnostics_add(diagnostics, "field", "reason %d", 1);
		failed = alloc_fail_stop();
		/* libc's vasprintf can do without its last allocation, so a failed one need not show. */
		assert_true(failed || (diagnostics != NULL && status == 0));
		assert_int_equal(
			unitls_diagnostics_count(diagnostics), diagnostics != NULL && status == 0 ? 1 : 0);
		unitls_diagnostics_free(diagnostics);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_cover_the_tables),
		cmocka_unit_test(numbers_outside_the_tables_are_unknown),
		cmocka_unit_test(a_fresh_record_is_empty),
		cmocka_unit_test(the_first_error_wins),
		cmocka_unit_test(no_record_is_fine),
		cmocka_unit_test(the_text_is_one_line_and_is_cut),
		cmocka_unit_test(a_refused_certificate_has_its_alert),
		cmocka_unit_test(every_verify_reason_has_an_alert),
		cmocka_unit_test(diagnostics_keep_their_entries_in_order),
		cmocka_unit_test(no_list_of_diagnostics_is_fine),
		cmocka_unit_test(diagnostics_survive_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
