/*
 * Settings against capabilities, field by field; with best effort also what is left of them. Every check runs, so that all that is unmet
 * is listed.
 *
 * Two settings have no unmet state. session_tickets is a permission: a backend without tickets issues none. The IP address of a peer is not in a
 * configuration: the connection asks for IP_NAMES when it is made. Suites of a version that the configuration itself leaves out are not looked at.
 */
#include "core/validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/diagnostics.h"
#include "core/module.h"
#include "core/private_key.h"
#include "core/settings.h"
#include "core/signer.h"
#include <unitls/cipher_suite.h>

struct judgement {
	enum unitls_role role;
	const char *backend;
	const struct unitls_capabilities *capabilities;
	bool best_effort;
	struct unitls_diagnostics *diagnostics;
	struct unitls_error *error;
	struct unitls_settings left; /* what remains of the settings */
	bool unmet;
	bool out_of_memory;
};

static bool can(const struct judgement *judgement, enum unitls_capability capability)
{
	return (judgement->capabilities->bits & (uint64_t)capability) != 0;
}

/* Something was asked for that the backend cannot do. */
static void UNITLS_PRINTF(3, 4) unmet(struct judgement *judgement, const char *field, const char *format, ...)
{
	char reason[192];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(reason, sizeof(reason), format, arguments); /* cut when longer */
	va_end(arguments);
	if (unitls_diagnostics_add(judgement->diagnostics, field, "%s", reason) < 0)
		judgement->out_of_memory = true;
	(void)unitls_error_set_field(judgement->error, UNITLS_ERROR_CLASS_UNSUPPORTED, field, "%s: %s",
		judgement->backend, reason); /* the first one stays */
	judgement->unmet = true;
}

/* The same where best effort may go on without it. */
static void UNITLS_PRINTF(3, 4) dropped(struct judgement *judgement, const char *field, const char *format, ...)
{
	char reason[192];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(reason, sizeof(reason), format, arguments); /* cut when longer */
	va_end(arguments);
	if (!judgement->best_effort) {
		unmet(judgement, field, "%s", reason);
		return;
	}
	if (unitls_diagnostics_add(judgement->diagnostics, field, "%s", reason) < 0)
		judgement->out_of_memory = true;
}

static uint16_t resolve(uint16_t version, const struct unitls_capabilities *capabilities)
{
	if (version == UNITLS_TLS_MINIMUM_SUPPORTED)
		return capabilities->min_version;
	if (version == UNITLS_TLS_MAXIMUM_SUPPORTED)
		return capabilities->max_version;
	return version;
}

static const char *version_name(uint16_t version)
{
	const char *name = unitls_tls_version_name(version);

	return name ? name : "unknown";
}

static void judge_versions(struct judgement *judgement)
{
	const struct unitls_capabilities *capabilities = judgement->capabilities;
	struct unitls_settings *left = &judgement->left;
	uint16_t min = resolve(left->min_version, capabilities);
	uint16_t max = resolve(left->max_version, capabilities);

	if (max > capabilities->max_version)
		unmet(judgement, "max_version", "%s is above its highest version, %s", version_name(max),
			version_name(capabilities->max_version));
	else if (max < capabilities->min_version)
		unmet(judgement, "max_version", "%s is below its lowest version, %s", version_name(max),
			version_name(capabilities->min_version));
	if (min > capabilities->max_version)
		unmet(judgement, "min_version", "%s is above its highest version, %s", version_name(min),
			version_name(capabilities->max_version));
	else if (min > max)
		unmet(judgement, "min_version", "%s is above the maximum, %s", version_name(min),
			version_name(max));
	if (min < capabilities->min_version) {
		dropped(judgement, "min_version", "%s is below its lowest version, %s", version_name(min),
			version_name(capabilities->min_version));
		min = capabilities->min_version;
	}
	left->min_version = min;
	left->max_version = max;
}

static bool has_number(const uint16_t *numbers, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static bool has_suite(const struct unitls_capabilities *capabilities, uint16_t suite)
{
	return has_number(capabilities->cipher_suites, capabilities->n_cipher_suites, suite);
}

static size_t count_suites(const struct unitls_settings *settings, uint16_t version)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_cipher_suites; i++)
		n += unitls_cipher_suite_version(settings->cipher_suites[i]) == version;
	return n;
}

/* Whether a list says of one version what the backend does anyway: all its suites, in its own order. */
static bool names_the_default(
	const struct unitls_settings *settings, uint16_t version, const struct unitls_capabilities *capabilities)
{
	size_t at = 0;

	for (size_t i = 0; i < settings->n_cipher_suites; i++) {
		if (unitls_cipher_suite_version(settings->cipher_suites[i]) != version)
			continue;
		while (at < capabilities->n_cipher_suites &&
			unitls_cipher_suite_version(capabilities->cipher_suites[at]) != version)
			at++;
		if (at == capabilities->n_cipher_suites ||
			capabilities->cipher_suites[at++] != settings->cipher_suites[i])
			return false;
	}
	for (; at < capabilities->n_cipher_suites; at++)
		if (unitls_cipher_suite_version(capabilities->cipher_suites[at]) == version)
			return false;
	return true;
}

static void remove_suites(struct unitls_settings *settings, uint16_t version)
{
	size_t kept = 0;

	for (size_t i = 0; i < settings->n_cipher_suites; i++)
		if (unitls_cipher_suite_version(settings->cipher_suites[i]) != version)
			settings->cipher_suites[kept++] = settings->cipher_suites[i];
	settings->n_cipher_suites = kept;
}

/*
 * The suites of one version, which the configuration allows. None left of some means that the backend's default would be used where a list was
 * given, so that is never dropped, but where the backend does not have the version at all.
 */
static void judge_suites(
	struct judgement *judgement, uint16_t version, enum unitls_capability choosable, bool others_remain)
{
	struct unitls_settings *left = &judgement->left;
	const struct unitls_capabilities *capabilities = judgement->capabilities;
	bool in_range = version >= capabilities->min_version && version <= capabilities->max_version;
	size_t usable = 0;
	size_t kept = 0;

	if (in_range && !can(judgement, choosable) && count_suites(left, version) > 0) {
		if (names_the_default(left, version, capabilities))
			remove_suites(left, version);
		else
			unmet(judgement, "ciphers", "its suites for %s cannot be chosen", version_name(version));
		return;
	}
	for (size_t i = 0; i < left->n_cipher_suites; i++)
		usable += unitls_cipher_suite_version(left->cipher_suites[i]) == version &&
			has_suite(capabilities, left->cipher_suites[i]);
	for (size_t i = 0; i < left->n_cipher_suites; i++) {
		uint16_t suite = left->cipher_suites[i];

		if (unitls_cipher_suite_version(suite) != version || has_suite(capabilities, suite)) {
			left->cipher_suites[kept++] = suite;
			continue;
		}
		if (usable > 0 || (!in_range && others_remain))
			dropped(judgement, "ciphers", "it does not have %s", unitls_cipher_suite_name(suite));
		else
			unmet(judgement, "ciphers", "it does not have %s", unitls_cipher_suite_name(suite));
	}
	left->n_cipher_suites = kept;
}

/* Whether the configuration itself, not the backend, leaves a version out. */
static bool leaves_out(const struct judgement *judgement, const struct unitls_settings *asked, uint16_t version)
{
	uint16_t min = asked->min_version;
	uint16_t max = asked->max_version;

	if (min == UNITLS_TLS_MAXIMUM_SUPPORTED)
		min = judgement->capabilities->max_version;
	if (max == UNITLS_TLS_MINIMUM_SUPPORTED)
		max = judgement->capabilities->min_version;
	return version < min || version > max;
}

static void judge_ciphers(struct judgement *judgement, const struct unitls_settings *asked)
{
	size_t n_1_2 = count_suites(asked, UNITLS_TLS_1_2);
	size_t n_1_3 = count_suites(asked, UNITLS_TLS_1_3);

	if (!leaves_out(judgement, asked, UNITLS_TLS_1_2))
		judge_suites(judgement, UNITLS_TLS_1_2, UNITLS_CAP_CIPHERS_1_2, n_1_3 > 0);
	if (!leaves_out(judgement, asked, UNITLS_TLS_1_3))
		judge_suites(judgement, UNITLS_TLS_1_3, UNITLS_CAP_CIPHERS_1_3, n_1_2 > 0);
}

/* Why a name cannot be used, or NULL. */
static const char *alpn_fault(const struct unitls_capabilities *capabilities, struct unitls_bytes name)
{
	if (name.size > capabilities->alpn_max_name_bytes)
		return "is longer than it can take";
	if (!capabilities->alpn_binary && memchr(name.data, '\0', name.size))
		return "holds a NUL, which it cannot take";
	for (size_t i = 0; capabilities->alpn_excluded && i < name.size; i++)
		if (name.data[i] != '\0' && strchr(capabilities->alpn_excluded, name.data[i]))
			return "holds a byte that it cannot take";
	return NULL;
}

static void judge_alpn(struct judgement *judgement)
{
	const struct unitls_capabilities *capabilities = judgement->capabilities;
	struct unitls_settings *left = &judgement->left;
	size_t usable = 0;
	size_t kept = 0;

	if (left->n_alpn == 0)
		return;
	if (!can(judgement, UNITLS_CAP_ALPN)) {
		unmet(judgement, "alpn", "it does not have ALPN");
		return;
	}
	for (size_t i = 0; i < left->n_alpn; i++)
		usable += alpn_fault(capabilities, left->alpn[i]) == NULL;
	for (size_t i = 0; i < left->n_alpn; i++) {
		const char *fault = alpn_fault(capabilities, left->alpn[i]);

		if (!fault && kept == capabilities->alpn_max_names)
			dropped(judgement, "alpn", "protocol %zu is more than the %zu it can take", i + 1,
				capabilities->alpn_max_names);
		else if (!fault)
			left->alpn[kept++] = left->alpn[i];
		else if (usable > 0)
			dropped(judgement, "alpn", "protocol %zu %s", i + 1, fault);
		else
			unmet(judgement, "alpn", "protocol %zu %s", i + 1, fault);
	}
	left->n_alpn = kept;
}

static const char *key_type_name(enum unitls_key_type type)
{
	switch (type) {
	case UNITLS_KEY_RSA:
		return "RSA";
	case UNITLS_KEY_RSA_PSS:
		return "RSA-PSS";
	case UNITLS_KEY_ECDSA_P256:
		return "ECDSA P-256";
	case UNITLS_KEY_ECDSA_P384:
		return "ECDSA P-384";
	case UNITLS_KEY_ECDSA_P521:
		return "ECDSA P-521";
	case UNITLS_KEY_ED25519:
		return "Ed25519";
	case UNITLS_KEY_ED448:
		return "Ed448";
	case UNITLS_KEY_UNKNOWN:
		break;
	}
	return "unknown";
}

/* Why the key cannot be used, whatever its type; NULL when it can. */
static const char *key_fault(const struct judgement *judgement, const struct unitls_private_key *key)
{
	const struct unitls_external_key *external = unitls_private_key_external_part(key);
	enum unitls_key_format format;
	struct unitls_bytes bytes;
	const char *password;

	unitls_private_key_material(key, &format, &bytes, &password);
	switch (format) {
	case UNITLS_KEY_FORMAT_EXTERNAL:
		if (!can(judgement, UNITLS_CAP_EXTERNAL_KEYS))
			return "external keys cannot be used";
		if (external->signer.deferred && !can(judgement, UNITLS_CAP_EXTERNAL_KEYS_ASYNC))
			return "an external key's signer has to answer at once";
		return NULL;
	case UNITLS_KEY_FORMAT_URI:
		return can(judgement, UNITLS_CAP_PKCS11) ? NULL : "keys in PKCS#11 tokens cannot be used";
	case UNITLS_KEY_FORMAT_DER:
	case UNITLS_KEY_FORMAT_PEM:
		break;
	}
	if (password && !can(judgement, UNITLS_CAP_ENCRYPTED_KEYS))
		return "encrypted keys cannot be read";
	return NULL;
}

struct chain_fault {
	const char *field; /* NULL: none */
	char reason[96];
};

static void find_chain_fault(
	const struct judgement *judgement, const struct unitls_signing_chain *chain, struct chain_fault *fault)
{
	const struct unitls_capabilities *capabilities = judgement->capabilities;
	const struct unitls_certificate *leaf = unitls_signing_chain_at(chain, 0);
	enum unitls_key_type type = unitls_certificate_key_type(leaf);
	unsigned bits = unitls_certificate_key_bits(leaf);
	bool rsa = type == UNITLS_KEY_RSA || type == UNITLS_KEY_RSA_PSS;
	const char *unusable = key_fault(judgement, unitls_signing_chain_key(chain));
	bool staple = judgement->role == UNITLS_ROLE_SERVER && unitls_signing_chain_ocsp_response(chain).size > 0;

	fault->field = NULL;
	if ((capabilities->key_types & (1u << type)) == 0) {
		fault->field = "certificate";
		(void)snprintf(fault->reason, sizeof(fault->reason), "keys of type %s cannot be used",
			key_type_name(type));
	} else if (rsa && (bits < capabilities->rsa_min_bits || bits > capabilities->rsa_max_bits)) {
		fault->field = "certificate";
		(void)snprintf(fault->reason, sizeof(fault->reason), "RSA keys of %u bits; %u to %u can be used",
			bits, capabilities->rsa_min_bits, capabilities->rsa_max_bits);
	} else if (unusable) {
		fault->field = "key";
		(void)snprintf(fault->reason, sizeof(fault->reason), "%s", unusable);
	} else if (staple && !can(judgement, UNITLS_CAP_OCSP_STAPLE)) {
		fault->field = "ocsp_response";
		(void)snprintf(fault->reason, sizeof(fault->reason), "OCSP responses cannot be stapled");
	}
}

/* What to call a chain in a text: its leaf's first DNS name, else its common name; what is not printable ASCII as '?'. */
void unitls_chain_label(const struct unitls_signing_chain *chain, char label[UNITLS_CHAIN_LABEL_SIZE])
{
	const struct unitls_certificate *leaf = unitls_signing_chain_at(chain, 0);
	struct unitls_bytes name = unitls_certificate_common_name(leaf);
	struct unitls_bytes candidate;
	enum unitls_name_type type;
	size_t n;

	for (size_t i = 0; unitls_certificate_name_at(leaf, i, &type, &candidate); i++)
		if (type == UNITLS_NAME_DNS) {
			name = candidate;
			break;
		}
	n = name.size < UNITLS_CHAIN_LABEL_SIZE - 1 ? name.size : UNITLS_CHAIN_LABEL_SIZE - 1;
	for (size_t i = 0; i < n; i++)
		label[i] = name.data[i] > 0x20 && name.data[i] < 0x7f ? (char)name.data[i] : '?';
	label[n] = '\0';
}

static void judge_chains(struct judgement *judgement)
{
	struct unitls_settings *left = &judgement->left;
	struct chain_fault fault;
	size_t usable = 0;
	size_t kept = 0;

	for (size_t i = 0; i < left->n_chains; i++) {
		find_chain_fault(judgement, left->chains[i], &fault);
		usable += fault.field == NULL;
	}
	for (size_t i = 0; i < left->n_chains; i++) {
		struct unitls_signing_chain *chain = left->chains[i];
		char label[UNITLS_CHAIN_LABEL_SIZE];

		find_chain_fault(judgement, chain, &fault);
		if (!fault.field) {
			left->chains[kept++] = chain;
			continue;
		}
		unitls_chain_label(chain, label);
		if (usable > 0)
			dropped(judgement, fault.field, "chain %zu (%s): %s", i + 1, label, fault.reason);
		else
			unmet(judgement, fault.field, "chain %zu (%s): %s", i + 1, label, fault.reason);
		unitls_signing_chain_unref(chain);
	}
	left->n_chains = kept;
}

static void judge_authentication(struct judgement *judgement)
{
	const struct unitls_settings *left = &judgement->left;

	if (can(judgement, UNITLS_CAP_CLIENT_AUTH))
		return;
	if (judgement->role == UNITLS_ROLE_SERVER && left->client_auth != UNITLS_CLIENT_AUTH_NONE)
		unmet(judgement, "client_auth", "it does not have client certificates");
	if (judgement->role == UNITLS_ROLE_CLIENT && left->n_chains > 0)
		unmet(judgement, "certificate", "it does not have client certificates");
}

/*
 * A list of groups or signature schemes: what the backend has of it stays. None left would mean the library's default where a list was given, so that is
 * never dropped.
 */
static void judge_numbers(struct judgement *judgement, const char *field, enum unitls_capability choosable,
	const uint16_t *known, size_t n_known, uint16_t *list, size_t *n, const char *(*name)(uint16_t))
{
	size_t usable = 0;
	size_t kept = 0;

	if (*n == 0)
		return;
	if (!can(judgement, choosable)) {
		unmet(judgement, field, "they cannot be chosen");
		return;
	}
	for (size_t i = 0; i < *n; i++)
		usable += has_number(known, n_known, list[i]);
	for (size_t i = 0; i < *n; i++) {
		if (has_number(known, n_known, list[i]))
			list[kept++] = list[i];
		else if (usable > 0)
			dropped(judgement, field, "it does not have %s", name(list[i]));
		else
			unmet(judgement, field, "it does not have %s", name(list[i]));
	}
	*n = kept;
}

static void judge_lists(struct judgement *judgement)
{
	const struct unitls_capabilities *capabilities = judgement->capabilities;
	struct unitls_settings *left = &judgement->left;

	judge_numbers(judgement, "groups", UNITLS_CAP_GROUPS, capabilities->groups, capabilities->n_groups,
		left->groups, &left->n_groups, unitls_group_name);
	judge_numbers(judgement, "signature_schemes", UNITLS_CAP_SIGNATURE_SCHEMES,
		capabilities->signature_schemes, capabilities->n_signature_schemes, left->signature_schemes,
		&left->n_signature_schemes, unitls_signature_scheme_name);
}

/* What was said of revocation has to be done. */
static void judge_revocation(struct judgement *judgement)
{
	struct unitls_settings *left = &judgement->left;

	if (left->crls && !can(judgement, UNITLS_CAP_CRL))
		unmet(judgement, "crls", "it does not have revocation lists");
	if (left->ocsp == UNITLS_OCSP_REQUEST && !can(judgement, UNITLS_CAP_OCSP_REQUEST)) {
		dropped(judgement, "ocsp", "it cannot ask for OCSP responses");
		left->ocsp = UNITLS_OCSP_NONE;
	}
	if (left->ocsp == UNITLS_OCSP_REQUIRE && !can(judgement, UNITLS_CAP_OCSP_VERIFY))
		unmet(judgement, "ocsp", "it cannot verify OCSP responses");
}

static void judge_sessions(struct judgement *judgement)
{
	const struct unitls_settings *left = &judgement->left;

	if (left->ticket_keys && left->session_tickets && !can(judgement, UNITLS_CAP_TICKET_KEYS) &&
		!can(judgement, UNITLS_CAP_TICKETS_SELF_ROTATED))
		dropped(judgement, "ticket_keys", "it has no session tickets, or none with keys from outside");
	if (left->key_log && !can(judgement, UNITLS_CAP_KEY_LOG))
		unmet(judgement, "key_log", "it does not hand out secrets");
}

int unitls_validate(const struct unitls_settings *settings, enum unitls_role role,
	const struct unitls_backend_ops *ops, enum unitls_effort effort, struct unitls_diagnostics *diagnostics,
	struct unitls_settings *ret_settings, struct unitls_error *error)
{
	struct judgement judgement = {
		.role = role,
		.backend = ops->name,
		.capabilities = ops->capabilities(),
		.best_effort = effort == UNITLS_EFFORT_BEST,
		.diagnostics = diagnostics,
		.error = error,
	};

	if (unitls_settings_copy(settings, &judgement.left) < 0)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	judge_versions(&judgement);
	judge_ciphers(&judgement, settings);
	judge_alpn(&judgement);
	judge_chains(&judgement);
	judge_authentication(&judgement);
	judge_lists(&judgement);
	judge_revocation(&judgement);
	judge_sessions(&judgement);
	if (settings->clock && !can(&judgement, UNITLS_CAP_CLOCK))
		unmet(&judgement, "clock", "it judges certificates by the system's clock only");
	if (judgement.out_of_memory && !judgement.unmet)
		(void)unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	if (judgement.unmet || judgement.out_of_memory || !ret_settings) {
		unitls_settings_fini(&judgement.left);
		return judgement.unmet || judgement.out_of_memory ? UNITLS_ERROR : 0;
	}
	*ret_settings = judgement.left;
	return 0;
}

int unitls_backend_validate_client(struct unitls_backend *backend, const struct unitls_client_config *config,
	struct unitls_diagnostics *diagnostics)
{
	return unitls_validate(&config->settings, UNITLS_ROLE_CLIENT, backend->ops, UNITLS_EFFORT_STRICT,
		diagnostics, NULL, NULL);
}

int unitls_backend_validate_server(struct unitls_backend *backend, const struct unitls_server_config *config,
	struct unitls_diagnostics *diagnostics)
{
	return unitls_validate(&config->settings, UNITLS_ROLE_SERVER, backend->ops, UNITLS_EFFORT_STRICT,
		diagnostics, NULL, NULL);
}
