#include "backends/gnutls/policy.h"

#include "backends/gnutls/error.h"
#include "backends/gnutls/numbers.h"
#include "backends/gnutls/priority_text.h"
#include "backends/gnutls/suites.h"

/* Written by gtls_policy_init alone, before any other thread can see the module. */
static struct gtls_policy policy;

const struct gtls_policy *gtls_policy(void)
{
	return &policy;
}

bool gtls_policy_has_suite(uint16_t number)
{
	for (size_t i = 0; i < policy.n_usable; i++) {
		if (policy.usable[i] == number)
			return true;
	}
	return false;
}

bool gtls_policy_has_signature(gnutls_sign_algorithm_t signature)
{
	for (size_t i = 0; i < policy.n_signatures; i++) {
		if (policy.signatures[i] == signature)
			return true;
	}
	return false;
}

size_t gtls_policy_list_groups(uint16_t *numbers)
{
	size_t n = 0;

	for (size_t i = 0; i < policy.n_groups; i++) {
		uint16_t number = gtls_group_number(policy.groups[i]);

		if (number != 0)
			numbers[n++] = number;
	}
	return n;
}

size_t gtls_policy_list_schemes(uint16_t *numbers)
{
	size_t n = 0;

	for (size_t i = 0; i < policy.n_signatures; i++) {
		uint16_t number = gtls_signature_scheme(policy.signatures[i]);

		/* The scheme's own algorithm, not the library's other name for the hash alone. */
		if (number != 0 && gtls_signature_of(number) == policy.signatures[i])
			numbers[n++] = number;
	}
	return n;
}

static bool has_group(gnutls_group_t group)
{
	for (size_t i = 0; i < policy.n_groups; i++) {
		if (policy.groups[i] == group)
			return true;
	}
	return false;
}

bool gtls_policy_has_group(uint16_t number)
{
	return has_group(gtls_group_of(number));
}

/* The suites of a priority that the table has, in its order. */
static size_t read_suites(gnutls_priority_t priority, uint16_t numbers[GTLS_POLICY_SUITES_MAX])
{
	unsigned index;
	uint8_t id[2];
	size_t n = 0;
	int ret;

	for (unsigned i = 0; n < GTLS_POLICY_SUITES_MAX; i++) {
		ret = gnutls_priority_get_cipher_suite_index(priority, i, &index);
		if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (ret < 0 || gnutls_cipher_suite_info(index, id, NULL, NULL, NULL, NULL) == NULL)
			continue;
		if (gtls_suite_find((uint16_t)(id[0] << 8 | id[1])) != NULL)
			numbers[n++] = (uint16_t)(id[0] << 8 | id[1]);
	}
	return n;
}

static void read_versions(gnutls_priority_t priority)
{
	const unsigned *list = NULL;
	int n = gnutls_priority_protocol_list(priority, &list);
	bool has_1_2 = false;
	bool has_1_3 = false;

	for (int i = 0; i < n; i++) {
		has_1_2 = has_1_2 || list[i] == GNUTLS_TLS1_2;
		has_1_3 = has_1_3 || list[i] == GNUTLS_TLS1_3;
	}
	policy.min_version = has_1_2 ? UNITLS_TLS_1_2 : has_1_3 ? UNITLS_TLS_1_3 : 0;
	policy.max_version = has_1_3 ? UNITLS_TLS_1_3 : policy.min_version;
}

/* The list also holds what the configuration calls insecure. */
static bool is_good(gnutls_sign_algorithm_t signature)
{
	return gnutls_sign_is_secure(signature) != 0 &&
		gnutls_sign_get_hash_algorithm(signature) != GNUTLS_DIG_SHA1;
}

static void read_groups_and_signatures(gnutls_priority_t priority)
{
	const unsigned *list = NULL;
	int n = gnutls_priority_group_list(priority, &list);

	for (int i = 0; i < n && policy.n_groups < GTLS_POLICY_LIST_MAX; i++)
		policy.groups[policy.n_groups++] = (gnutls_group_t)list[i];
	n = gnutls_priority_sign_list(priority, &list);
	for (int i = 0; i < n && policy.n_signatures < GTLS_POLICY_LIST_MAX; i++) {
		if (is_good((gnutls_sign_algorithm_t)list[i]))
			policy.signatures[policy.n_signatures++] = (gnutls_sign_algorithm_t)list[i];
	}
}

/* Without a list of the configuration's TLS 1.2 has forward secrecy and authenticated encryption. */
static bool is_preferred(const struct gtls_suite *suite)
{
	return suite->version == UNITLS_TLS_1_3 || (suite->mac == GNUTLS_MAC_AEAD && suite->kx != GNUTLS_KX_RSA);
}

static void read_preferred(gnutls_priority_t priority)
{
	uint16_t all[GTLS_POLICY_SUITES_MAX];
	size_t n = read_suites(priority, all);

	for (size_t i = 0; i < n; i++) {
		if (is_preferred(gtls_suite_find(all[i])))
			policy.preferred[policy.n_preferred++] = all[i];
	}
}

/* What a priority of everything has is what the system's configuration has not disabled. */
static int read_usable(struct unitls_error *error)
{
	uint16_t all[GTLS_POLICY_SUITES_MAX];
	struct gtls_priority_spec spec = {
		.min_version = policy.min_version, .max_version = policy.max_version, .suites = all};
	gnutls_priority_t priority;
	int ret;

	while (spec.n_suites < GTLS_POLICY_SUITES_MAX && gtls_suite_at(spec.n_suites) != NULL) {
		all[spec.n_suites] = gtls_suite_at(spec.n_suites)->number;
		spec.n_suites++;
	}
	ret = gtls_priority_make(&spec, &priority);
	if (ret < 0)
		return gtls_error_set(error, ret, UNITLS_ALERT_NONE);
	policy.n_usable = read_suites(priority, policy.usable);
	gnutls_priority_deinit(priority);
	return 0;
}

/*
 * The library takes TLS 1.3 away from a priority that has TLS 1.1 but not 1.2, so where only older versions are left the library is asked again without those.
 * The library's code.
 */
static int read_older_versions(void)
{
	gnutls_priority_t priority;
	int ret = gnutls_priority_init2(
		&priority, "-VERS-TLS1.1:-VERS-TLS1.0:-VERS-DTLS-ALL", NULL, GNUTLS_PRIORITY_INIT_DEF_APPEND);

	if (ret < 0)
		return ret;
	read_versions(priority);
	gnutls_priority_deinit(priority);
	return 0;
}

static int read_preferences(void)
{
	gnutls_priority_t priority;
	/* NULL: the system's own, whatever that file calls it. */
	int ret = gnutls_priority_init2(&priority, NULL, NULL, 0);

	if (ret < 0)
		return ret;
	read_versions(priority);
	read_groups_and_signatures(priority);
	read_preferred(priority);
	gnutls_priority_deinit(priority);
	return policy.min_version == 0 ? read_older_versions() : 0;
}

int gtls_policy_init(struct unitls_error *error)
{
	int ret;

	policy = (struct gtls_policy){0};
	ret = read_preferences();
	if (gtls_error_is_memory(ret))
		return gtls_error_memory(error);
	if (ret < 0 || policy.min_version == 0 || policy.n_groups == 0 || policy.n_signatures == 0)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"GnuTLS's system configuration (%s) leaves neither TLS 1.2 nor TLS 1.3",
			gnutls_get_system_config_file());
	return read_usable(error);
}
