/*
 * Ticket keys: what is derived for whom, and how it rotates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "core/ticket_keys.h"
#include "tests/unit/alloc_fail.h"

static const uint8_t scope_a[UNITLS_DIGEST_SIZE] = {'a'};
static const uint8_t scope_b[UNITLS_DIGEST_SIZE] = {'b'};

/* Each letter is a secret; the first seals. */
static struct unitls_ticket_secrets secrets_of(const char *letters)
{
	struct unitls_ticket_secrets secrets = {.n = strlen(letters)};

	for (size_t i = 0; i < secrets.n; i++)
		memset(secrets.secrets[i], letters[i], sizeof(secrets.secrets[i]));
	memset(secrets.stable, '!', sizeof(secrets.stable));
	return secrets;
}

static struct unitls_ticket_keys *keys_of(const char *letters)
{
	struct unitls_ticket_secrets secrets = secrets_of(letters);
	struct unitls_ticket_keys *keys = NULL;

	assert_int_equal(unitls_ticket_keys_from_secrets(&secrets, &keys, NULL), 0);
	return keys;
}

static void rotate(struct unitls_ticket_keys *keys, const char *letters)
{
	struct unitls_ticket_secrets secrets = secrets_of(letters);

	assert_int_equal(unitls_ticket_keys_rotate(keys, &secrets, NULL), 0);
}

static void test_a_scope_derives_the_same_keys_wherever_the_secrets_are(void **state)
{
	struct unitls_ticket_keys *here = keys_of("ab");
	struct unitls_ticket_keys *there = keys_of("bac");
	struct unitls_ticket_source *a = unitls_ticket_source_new(here, scope_a);
	struct unitls_ticket_source *b = unitls_ticket_source_new(there, scope_a);
	struct unitls_ticket_key of_a[UNITLS_TICKET_KEYS_MAX];
	struct unitls_ticket_key of_b[UNITLS_TICKET_KEYS_MAX];

	(void)state;
	assert_int_equal(unitls_ticket_source_keys(a, of_a), 2);
	assert_int_equal(unitls_ticket_source_keys(b, of_b), 3);
	assert_memory_equal(&of_a[0], &of_b[1], sizeof(of_a[0]));
	assert_memory_equal(&of_a[1], &of_b[0], sizeof(of_a[0]));
	assert_memory_not_equal(&of_a[0], &of_a[1], sizeof(of_a[0]));
	unitls_ticket_source_free(a);
	unitls_ticket_source_free(b);
	unitls_ticket_keys_unref(here);
	unitls_ticket_keys_unref(there);
}

/* Name, cipher key and MAC key: none of them may be shared. */
static void test_scopes_share_no_key(void **state)
{
	struct unitls_ticket_keys *keys = keys_of("a");
	struct unitls_ticket_source *a = unitls_ticket_source_new(keys, scope_a);
	struct unitls_ticket_source *b = unitls_ticket_source_new(keys, scope_b);
	struct unitls_ticket_key of_a[UNITLS_TICKET_KEYS_MAX];
	struct unitls_ticket_key of_b[UNITLS_TICKET_KEYS_MAX];
	uint8_t master_a[UNITLS_TICKET_MASTER_SIZE];
	uint8_t master_b[UNITLS_TICKET_MASTER_SIZE];

	(void)state;
	(void)unitls_ticket_source_keys(a, of_a);
	(void)unitls_ticket_source_keys(b, of_b);
	assert_memory_not_equal(of_a[0].name, of_b[0].name, sizeof(of_a[0].name));
	assert_memory_not_equal(of_a[0].cipher_key, of_b[0].cipher_key, sizeof(of_a[0].cipher_key));
	assert_memory_not_equal(of_a[0].mac_key, of_b[0].mac_key, sizeof(of_a[0].mac_key));
	assert_memory_not_equal(of_a[0].cipher_key, of_a[0].mac_key, sizeof(of_a[0].mac_key));
	unitls_ticket_source_master(a, master_a);
	unitls_ticket_source_master(b, master_b);
	assert_memory_not_equal(master_a, master_b, sizeof(master_a));
	unitls_ticket_source_free(a);
	unitls_ticket_source_free(b);
	unitls_ticket_keys_unref(keys);
}

static void test_a_rotation_reaches_the_sources_that_are_there(void **state)
{
	struct unitls_ticket_keys *keys = keys_of("a");
	struct unitls_ticket_source *source = unitls_ticket_source_new(keys, scope_a);
	struct unitls_ticket_key before[UNITLS_TICKET_KEYS_MAX];
	struct unitls_ticket_key after[UNITLS_TICKET_KEYS_MAX];
	uint8_t master[UNITLS_TICKET_MASTER_SIZE];
	uint8_t master_after[UNITLS_TICKET_MASTER_SIZE];

	(void)state;
	unitls_ticket_source_master(source, master);
	assert_int_equal(unitls_ticket_source_keys(source, before), 1);
	rotate(keys, "ba");
	assert_int_equal(unitls_ticket_source_keys(source, after), 2);
	assert_memory_equal(&after[1], &before[0], sizeof(before[0]));
	assert_memory_not_equal(&after[0], &before[0], sizeof(before[0]));
	rotate(keys, "a");
	assert_int_equal(unitls_ticket_source_keys(source, after), 1);
	assert_memory_equal(&after[0], &before[0], sizeof(before[0]));
	unitls_ticket_source_master(source, master_after);
	assert_memory_equal(master, master_after, sizeof(master));
	unitls_ticket_keys_unref(keys); /* the source has its own reference */
	assert_int_equal(unitls_ticket_source_keys(source, after), 1);
	unitls_ticket_source_free(source);
	unitls_ticket_source_free(NULL);
	unitls_ticket_keys_unref(NULL);
}

/* Whether an allocated object, whatever it is, has these bytes somewhere. */
static bool holds(void *object, const void *bytes, size_t size)
{
	return memmem(object, malloc_usable_size(object), bytes, size) != NULL;
}

static void test_fewer_keys_leave_none_behind(void **state)
{
	struct unitls_ticket_keys *keys = keys_of("abc");
	struct unitls_ticket_source *source = unitls_ticket_source_new(keys, scope_a);
	struct unitls_ticket_key before[UNITLS_TICKET_KEYS_MAX];
	struct unitls_ticket_key after[UNITLS_TICKET_KEYS_MAX];

	(void)state;
	assert_int_equal(unitls_ticket_source_keys(source, before), 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(holds(source, before[i].cipher_key, sizeof(before[i].cipher_key)));
	rotate(keys, "d");
	assert_int_equal(unitls_ticket_source_keys(source, after), 1);
	for (size_t i = 0; i < 3; i++)
		assert_false(holds(source, before[i].cipher_key, sizeof(before[i].cipher_key)));
	unitls_ticket_source_free(source);
	unitls_ticket_keys_unref(keys);
}

/* Forward secrecy does not depend on who asks for a ticket next. */
static void test_a_rotation_wipes_what_idle_sources_derived(void **state)
{
	struct unitls_ticket_secrets secrets = secrets_of("ba");
	struct unitls_ticket_keys *keys = keys_of("ba");
	struct unitls_ticket_source *sources[3];
	struct unitls_ticket_key of[3][UNITLS_TICKET_KEYS_MAX];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		sources[i] = unitls_ticket_source_new(keys, i == 0 ? scope_a : scope_b);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(unitls_ticket_source_keys(sources[i], of[i]), 2);
	unitls_ticket_source_free(sources[1]);
	secrets.n = 1; /* the old one still stands behind it */
	assert_int_equal(unitls_ticket_keys_rotate(keys, &secrets, NULL), 0);
	assert_false(holds(keys, secrets.secrets[1], sizeof(secrets.secrets[1])));
	for (size_t i = 0; i < 3; i += 2) {
		for (size_t k = 0; k < 2; k++)
			assert_false(holds(sources[i], of[i][k].cipher_key, sizeof(of[i][k].cipher_key)));
		assert_int_equal(unitls_ticket_source_keys(sources[i], of[1]), 1);
		assert_memory_equal(&of[1][0], &of[i][0], sizeof(of[i][0]));
		unitls_ticket_source_free(sources[i]);
	}
	unitls_ticket_keys_unref(keys);
}

static void test_the_number_of_secrets_is_checked(void **state)
{
	struct unitls_ticket_keys *keys = keys_of("a");
	struct unitls_ticket_secrets secrets = {.n = 0};
	struct unitls_ticket_keys *none = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_ticket_keys_from_secrets(&secrets, &none, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	secrets.n = UNITLS_TICKET_SECRETS_MAX + 1;
	assert_int_equal(unitls_ticket_keys_rotate(keys, &secrets, NULL), UNITLS_ERROR);
	assert_null(none);
	unitls_ticket_keys_unref(keys);
}

static void test_random_keys_differ(void **state)
{
	struct unitls_ticket_keys *a = NULL;
	struct unitls_ticket_keys *b = NULL;
	struct unitls_ticket_key of_a[UNITLS_TICKET_KEYS_MAX];
	struct unitls_ticket_key of_b[UNITLS_TICKET_KEYS_MAX];
	struct unitls_ticket_source *source;

	(void)state;
	assert_int_equal(unitls_ticket_keys_new(&a, NULL), 0);
	assert_int_equal(unitls_ticket_keys_new(&b, NULL), 0);
	source = unitls_ticket_source_new(a, scope_a);
	assert_int_equal(unitls_ticket_source_keys(source, of_a), 1);
	unitls_ticket_source_free(source);
	source = unitls_ticket_source_new(b, scope_a);
	assert_int_equal(unitls_ticket_source_keys(source, of_b), 1);
	unitls_ticket_source_free(source);
	assert_memory_not_equal(&of_a[0], &of_b[0], sizeof(of_a[0]));
	unitls_ticket_keys_unref(a);
	unitls_ticket_keys_unref(unitls_ticket_keys_ref(b));
	unitls_ticket_keys_unref(b);
}

/* Machines with one root agree on an epoch's secret; what it is may never change, or a fleet of two versions does not agree. */
static void test_secrets_by_epoch(void **state)
{
	static const uint8_t root[] = "a root that is shared";
	struct unitls_bytes bytes = {root, sizeof(root) - 1};
	uint8_t first[UNITLS_TICKET_SECRET_SIZE];
	uint8_t again[UNITLS_TICKET_SECRET_SIZE];
	uint8_t next[UNITLS_TICKET_SECRET_SIZE];

	(void)state;
	unitls_ticket_secret_derive(bytes, 490000, first);
	unitls_ticket_secret_derive(bytes, 490000, again);
	unitls_ticket_secret_derive(bytes, 490001, next);
	assert_memory_equal(first, again, sizeof(first));
	assert_memory_not_equal(first, next, sizeof(first));
	bytes.size--;
	unitls_ticket_secret_derive(bytes, 490000, again);
	assert_memory_not_equal(first, again, sizeof(first));
}

static void test_without_memory(void **state)
{
	struct unitls_ticket_secrets secrets = secrets_of("a");
	struct unitls_ticket_keys *keys = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	alloc_fail_start(0);
	assert_int_equal(unitls_ticket_keys_from_secrets(&secrets, &keys, &error), UNITLS_ERROR);
	assert_true(alloc_fail_stop());
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_MEMORY);
	keys = keys_of("a");
	alloc_fail_start(0);
	assert_null(unitls_ticket_source_new(keys, scope_a));
	assert_true(alloc_fail_stop());
	unitls_ticket_keys_unref(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_scope_derives_the_same_keys_wherever_the_secrets_are),
		cmocka_unit_test(test_scopes_share_no_key),
		cmocka_unit_test(test_a_rotation_reaches_the_sources_that_are_there),
		cmocka_unit_test(test_fewer_keys_leave_none_behind),
		cmocka_unit_test(test_a_rotation_wipes_what_idle_sources_derived),
		cmocka_unit_test(test_the_number_of_secrets_is_checked),
		cmocka_unit_test(test_random_keys_differ),
		cmocka_unit_test(test_secrets_by_epoch),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
