/*
 * What GnuTLS's system configuration leaves and prefers: read once, when the module is loaded. Constant afterwards.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_POLICY_H
#define UNITLS_BACKENDS_GNUTLS_POLICY_H

#include <gnutls/gnutls.h>

#include "core/backend.h"

#define GTLS_POLICY_SUITES_MAX 256
#define GTLS_POLICY_LIST_MAX   64

struct gtls_policy {
	uint16_t min_version; /* of TLS 1.2 to 1.3 */
	uint16_t max_version;
	uint16_t usable[GTLS_POLICY_SUITES_MAX]; /* suites that can be asked for */
	size_t n_usable;
	uint16_t preferred[GTLS_POLICY_SUITES_MAX]; /* those that are used when none are asked for, in order */
	size_t n_preferred;
	gnutls_group_t groups[GTLS_POLICY_LIST_MAX];
	size_t n_groups;
	gnutls_sign_algorithm_t signatures[GTLS_POLICY_LIST_MAX]; /* without SHA-1 */
	size_t n_signatures;
};

/* Asks the library; once. UNITLS_ERROR when it leaves nothing to speak TLS with. */
int gtls_policy_init(struct unitls_error *error);
const struct gtls_policy *gtls_policy(void);

bool gtls_policy_has_suite(uint16_t number);
bool gtls_policy_has_signature(gnutls_sign_algorithm_t signature);
/* Whether a group that TLS gives this number is in the policy. */
bool gtls_policy_has_group(uint16_t number);
/* Write IANA's numbers of the groups and signature schemes, up to GTLS_POLICY_LIST_MAX; return how many. */
size_t gtls_policy_list_groups(uint16_t *numbers);
size_t gtls_policy_list_schemes(uint16_t *numbers);

#endif
