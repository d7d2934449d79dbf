#include "backends/gnutls/priorities.h"

#include <pthread.h>
#include <stdlib.h>

#include <unitls/cipher_suite.h>

#include "backends/gnutls/error.h"
#include "backends/gnutls/policy.h"
#include "backends/gnutls/priority_text.h"
#include "backends/gnutls/suites.h"

#define FFDHE_FIRST 0x0100 /* RFC 7919: groups of finite fields */
#define FFDHE_LAST  0x01ff
#define P256        23

struct gtls_priorities {
	struct gtls_priorities *next;
	size_t references;
	struct gtls_priority_spec spec; /* suites: those of TLS 1.3, then those of TLS 1.2 */
	uint16_t *suites;
	uint16_t groups[UNITLS_GROUP_LIST_MAX];
	uint16_t schemes[UNITLS_SCHEME_LIST_MAX];
	gnutls_priority_t *natives; /* a client: one; a server: one for each suite */
	size_t n_natives;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gtls_priorities *all; /* under lock, as are the references */

/*
 * Lists ------------------------------------------------------------------------------------------------------------------
 */

static bool has_cipher(const uint16_t *suites, size_t n, gnutls_cipher_algorithm_t cipher)
{
	for (size_t i = 0; i < n; i++) {
		if (gtls_suite_find(suites[i])->cipher == cipher)
			return true;
	}
	return false;
}

/*
 * The suites of one version: those asked for, else the preferred ones. A client that was given a list for the other version keeps to its ciphers
 * here, since with others the two lists are no product.
 */
static size_t collect(const struct unitls_context_params *params, uint16_t version, const uint16_t *asked,
	size_t n_asked, const uint16_t *other, size_t n_other, uint16_t *suites)
{
	const struct gtls_policy *policy = gtls_policy();
	bool keep = params->role == UNITLS_ROLE_CLIENT && n_other > 0;
	size_t n = 0;

	if (version < params->min_version || version > params->max_version)
		return 0;
	if (n_asked > 0) {
		memcpy(suites, asked, n_asked * sizeof(*suites));
		return n_asked;
	}
	for (size_t i = 0; i < policy->n_preferred; i++) {
		const struct gtls_suite *suite = gtls_suite_find(policy->preferred[i]);

		if (suite->version != version || (keep && !has_cipher(other, n_other, suite->cipher)))
			continue;
		/* A finite-field exchange costs a server far more than a client; it is offered, and taken only when asked for. */
		if (suite->kx == GNUTLS_KX_DHE_RSA && params->role == UNITLS_ROLE_SERVER)
			continue;
		suites[n++] = suite->number;
	}
	return n;
}

static int refuse_ciphers(struct unitls_error *error, const char *text, const char *name)
{
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "ciphers", "%s%s", text, name);
}

static int check_known(const uint16_t *suites, size_t n, struct unitls_error *error)
{
	for (size_t i = 0; i < n; i++) {
		if (gtls_suite_find(suites[i]) == NULL)
			return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "ciphers",
				"GnuTLS has no cipher suite 0x%04x", (unsigned)suites[i]);
	}
	return 0;
}

static int fill_spec(
	const struct unitls_context_params *params, struct gtls_priorities *priorities, struct unitls_error *error)
{
	struct gtls_priority_spec *spec = &priorities->spec;
	size_t n_1_3;
	size_t n_1_2;

	if (check_known(params->suites_1_2, params->n_suites_1_2, error) < 0 ||
		check_known(params->suites_1_3, params->n_suites_1_3, error) < 0)
		return UNITLS_ERROR;
	priorities->suites = calloc(params->n_suites_1_2 + params->n_suites_1_3 + gtls_policy()->n_preferred + 1,
		sizeof(*priorities->suites));
	if (!priorities->suites)
		return gtls_error_memory(error);
	n_1_3 = collect(params, UNITLS_TLS_1_3, params->suites_1_3, params->n_suites_1_3, params->suites_1_2,
		params->n_suites_1_2, priorities->suites);
	n_1_2 = collect(params, UNITLS_TLS_1_2, params->suites_1_2, params->n_suites_1_2, params->suites_1_3,
		params->n_suites_1_3, priorities->suites + n_1_3);
	if (params->n_groups > 0)
		memcpy(priorities->groups, params->groups, params->n_groups * sizeof(*params->groups));
	if (params->n_signature_schemes > 0)
		memcpy(priorities->schemes, params->signature_schemes,
			params->n_signature_schemes * sizeof(*params->signature_schemes));
	*spec = (struct gtls_priority_spec){.role = params->role,
		.min_version = params->min_version,
		.max_version = params->max_version,
		.suites = priorities->suites,
		.n_suites = n_1_3 + n_1_2,
		.groups = priorities->groups,
		.n_groups = params->n_groups,
		.schemes = priorities->schemes,
		.n_schemes = params->n_signature_schemes};
	if (n_1_3 == 0 && params->max_version >= UNITLS_TLS_1_3)
		return refuse_ciphers(error, "no suite is left for TLS 1.3", "");
	if (n_1_2 == 0 && params->min_version <= UNITLS_TLS_1_2)
		return refuse_ciphers(error, "no suite is left for TLS 1.2", "");
	return 0;
}

/*
 * Priorities ---------------------------------------------------------------------------------------------------------------
 */

static void free_priorities(struct gtls_priorities *priorities)
{
	for (size_t i = 0; i < priorities->n_natives; i++)
		gnutls_priority_deinit(priorities->natives[i]);
	free(priorities->natives);
	free(priorities->suites);
	free(priorities);
}

static int make_one(
	struct gtls_priorities *priorities, const struct gtls_priority_spec *spec, struct unitls_error *error)
{
	int ret = gtls_priority_make(spec, &priorities->natives[priorities->n_natives]);

	if (ret < 0)
		return gtls_error_set_field(error, ret, "ciphers", "the cipher suites");
	priorities->n_natives++;
	return 0;
}

static int make_client(struct gtls_priorities *priorities, struct unitls_error *error)
{
	uint16_t surplus = gtls_priority_surplus(&priorities->spec);

	if (surplus != 0)
		return refuse_ciphers(error,
			"a list of GnuTLS's client holds all that can be made of its key exchanges and ciphers, "
			"this one also ",
			unitls_cipher_suite_name(surplus));
	return make_one(priorities, &priorities->spec, error);
}

static int make_server(struct gtls_priorities *priorities, struct unitls_error *error)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < priorities->spec.n_suites; i++) {
		struct gtls_priority_spec spec = priorities->spec;

		spec.suites = &priorities->suites[i];
		spec.n_suites = 1;
		status = make_one(priorities, &spec, error);
	}
	return status;
}

static int fill_natives(struct gtls_priorities *priorities, struct unitls_error *error)
{
	priorities->natives = calloc(priorities->spec.n_suites, sizeof(gnutls_priority_t));
	if (!priorities->natives)
		return gtls_error_memory(error);
	return priorities->spec.role == UNITLS_ROLE_CLIENT ? make_client(priorities, error)
							   : make_server(priorities, error);
}

static bool is_same_list(const uint16_t *a, size_t n_a, const uint16_t *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof(*a)) == 0);
}

static bool is_same(const struct gtls_priority_spec *a, const struct gtls_priority_spec *b)
{
	return a->role == b->role && a->min_version == b->min_version && a->max_version == b->max_version &&
		is_same_list(a->suites, a->n_suites, b->suites, b->n_suites) &&
		is_same_list(a->groups, a->n_groups, b->groups, b->n_groups) &&
		is_same_list(a->schemes, a->n_schemes, b->schemes, b->n_schemes);
}

/* Under lock: the priorities that are there already take the place of the new ones, which have no natives yet. */
static int intern(
	struct gtls_priorities *fresh, struct gtls_priorities **ret_priorities, struct unitls_error *error)
{
	for (struct gtls_priorities *old = all; old; old = old->next) {
		if (!is_same(&old->spec, &fresh->spec))
			continue;
		old->references++;
		*ret_priorities = old;
		free_priorities(fresh);
		return 0;
	}
	if (fill_natives(fresh, error) < 0) {
		free_priorities(fresh);
		return UNITLS_ERROR;
	}
	fresh->references = 1;
	fresh->next = all;
	all = fresh;
	*ret_priorities = fresh;
	return 0;
}

int gtls_priorities_get(const struct unitls_context_params *params, struct gtls_priorities **ret_priorities,
	struct unitls_error *error)
{
	struct gtls_priorities *fresh = calloc(1, sizeof(*fresh));
	int status;

	if (!fresh)
		return gtls_error_memory(error);
	if (fill_spec(params, fresh, error) < 0) {
		free_priorities(fresh);
		return UNITLS_ERROR;
	}
	pthread_mutex_lock(&lock);
	status = intern(fresh, ret_priorities, error);
	pthread_mutex_unlock(&lock);
	return status;
}

void gtls_priorities_unref(struct gtls_priorities *priorities)
{
	struct gtls_priorities **link = &all;
	bool last;

	if (!priorities)
		return;
	pthread_mutex_lock(&lock);
	last = --priorities->references == 0;
	if (last) {
		while (*link != priorities)
			link = &(*link)->next;
		*link = priorities->next;
	}
	pthread_mutex_unlock(&lock);
	if (last)
		free_priorities(priorities);
}

/*
 * Choosing -----------------------------------------------------------------------------------------------------------------
 */

gnutls_priority_t gtls_priorities_client(const struct gtls_priorities *priorities)
{
	return priorities->natives[0];
}

static bool is_ffdhe(uint16_t group)
{
	return group >= FFDHE_FIRST && group <= FFDHE_LAST;
}

/* Whether a group was asked for, or where none was, is in the policy. */
static bool is_in_use(const struct gtls_priority_spec *spec, uint16_t group)
{
	for (size_t i = 0; i < spec->n_groups; i++) {
		if (spec->groups[i] == group)
			return true;
	}
	return spec->n_groups == 0 && gtls_policy_has_group(group);
}

/* Whether the client has a group of this kind that is in use; *ret_named: it named any of this kind. */
static bool has_group(
	const struct gtls_priority_spec *spec, const struct gtls_hello *hello, bool ffdhe, bool *ret_named)
{
	bool common = false;

	*ret_named = false;
	for (size_t i = 0; i + 2 <= hello->groups.size; i += 2) {
		uint16_t group = (uint16_t)(hello->groups.data[i] << 8 | hello->groups.data[i + 1]);

		if (is_ffdhe(group) != ffdhe)
			continue;
		*ret_named = true;
		common = common || is_in_use(spec, group);
	}
	return common;
}

/* RFC 8422, 4: a client that names no curve at all is taken to have P-256. RFC 7919, 4: one that names no field takes any. */
static bool can_exchange(
	const struct gtls_priority_spec *spec, const struct gtls_suite *suite, const struct gtls_hello *hello)
{
	bool named;
	bool common;

	switch (suite->kx) {
	case GNUTLS_KX_ECDHE_ECDSA:
	case GNUTLS_KX_ECDHE_RSA:
		common = has_group(spec, hello, false, &named);
		return common || (hello->groups.size == 0 && is_in_use(spec, P256));
	case GNUTLS_KX_DHE_RSA:
		common = has_group(spec, hello, true, &named);
		return common || !named;
	default:
		return true;
	}
}

static bool can_sign(const struct gtls_suite *suite, gnutls_pk_algorithm_t key)
{
	bool is_rsa = key == GNUTLS_PK_RSA || key == GNUTLS_PK_RSA_PSS;

	switch (suite->kx) {
	case GNUTLS_KX_ECDHE_ECDSA:
		return !is_rsa;
	case GNUTLS_KX_RSA:
		return key == GNUTLS_PK_RSA;
	case GNUTLS_KX_ECDHE_RSA:
	case GNUTLS_KX_DHE_RSA:
		return is_rsa;
	default:
		return true;
	}
}

gnutls_priority_t gtls_priorities_server(
	const struct gtls_priorities *priorities, const struct gtls_hello *hello, gnutls_pk_algorithm_t key)
{
	const struct gtls_priority_spec *spec = &priorities->spec;
	uint16_t version = spec->max_version;

	if (!gtls_hello_lists(hello->versions, UNITLS_TLS_1_3))
		version = UNITLS_TLS_1_2;
	for (size_t i = 0; i < spec->n_suites; i++) {
		const struct gtls_suite *suite = gtls_suite_find(spec->suites[i]);

		if (suite->version == version && gtls_hello_lists(hello->suites, suite->number) &&
			can_sign(suite, key) && can_exchange(spec, suite, hello))
			return priorities->natives[i];
	}
	return priorities->natives[0];
}

bool gtls_priorities_have_key_transport(const struct gtls_priorities *priorities)
{
	for (size_t i = 0; i < priorities->spec.n_suites; i++) {
		if (gtls_suite_find(priorities->suites[i])->kx == GNUTLS_KX_RSA)
			return true;
	}
	return false;
}
