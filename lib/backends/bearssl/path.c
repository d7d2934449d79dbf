/*
 * Looking for a path, and the judgement of one: what the validator does not look at (purpose, name constraints, all of the anchor but its key) here, the rest
 * by the validator.
 */
#include "backends/bearssl/path.h"

#include <time.h>

#include "backends/bearssl/error.h"

#define RSA_BYTES_MIN 256
#define DAY_SECONDS   86400
#define DAYS_TO_1970  719528 /* BearSSL counts days from the year 0 */

struct search {
	const struct bear_context *context;
	int64_t now;
	struct bear_certificate certificates[BEAR_CHAIN_MAX];
	bool used[BEAR_CHAIN_MAX];
	size_t n;
	const struct bear_certificate *path[BEAR_PATH_MAX]; /* leaf first */
	size_t length;
	unsigned attempts;
	unsigned steps;
	struct bear_verdict verdict; /* of the first path that was refused */
};

static struct bear_verdict refuse(enum unitls_verify_reason reason, size_t depth, int native)
{
	return (struct bear_verdict){reason, (int)depth, native};
}

static const struct bear_verdict accepted = {UNITLS_VERIFY_NONE, -1, 0};

static bool has_purpose(const struct search *search, const struct bear_certificate *certificate)
{
	return search->context->role == UNITLS_ROLE_CLIENT ? certificate->for_servers : certificate->for_clients;
}

/* Extended key usage counts in the whole chain, as in OpenSSL. */
static struct bear_verdict judge_purpose(const struct search *search, const struct bear_anchor *anchor)
{
	for (size_t i = 0; i < search->length; i++) {
		if (!has_purpose(search, search->path[i]))
			return refuse(UNITLS_VERIFY_BAD_PURPOSE, i, 0);
	}
	if (!has_purpose(search, &anchor->certificate))
		return refuse(UNITLS_VERIFY_BAD_PURPOSE, search->length, 0);
	return accepted;
}

/* The library does not know name constraints (RFC 5280, 4.2.1.10): a path that has them is refused rather than believed. */
static struct bear_verdict judge_constraints(const struct search *search, const struct bear_anchor *anchor)
{
	for (size_t i = 1; i < search->length; i++) {
		if (search->path[i]->name_constraints)
			return refuse(UNITLS_VERIFY_NAME_CONSTRAINTS, i, 0);
	}
	if (anchor->certificate.name_constraints)
		return refuse(UNITLS_VERIFY_NAME_CONSTRAINTS, search->length, 0);
	return accepted;
}

static enum unitls_verify_reason judge_time(const struct search *search, const struct bear_subject *subject)
{
	if (search->now < subject->not_before)
		return UNITLS_VERIFY_NOT_YET_VALID;
	return search->now > subject->not_after ? UNITLS_VERIFY_EXPIRED : UNITLS_VERIFY_NONE;
}

/* Of an anchor the validator sees name and key only. issued: how many certificates of the path are below it, intermediates and leaf. */
static struct bear_verdict judge_anchor(
	const struct search *search, const struct bear_anchor *anchor, size_t issued)
{
	const br_x509_pkey *key = &anchor->subject.key;
	enum unitls_verify_reason reason = judge_time(search, &anchor->subject);

	if (reason == UNITLS_VERIFY_NONE && key->key_type == BR_KEYTYPE_RSA && key->key.rsa.nlen < RSA_BYTES_MIN)
		reason = UNITLS_VERIFY_WEAK;
	if (reason == UNITLS_VERIFY_NONE && anchor->certificate.has_path_length &&
		issued > (size_t)anchor->certificate.path_length + 1)
		reason = UNITLS_VERIFY_BAD_PURPOSE;
	return reason == UNITLS_VERIFY_NONE ? accepted : refuse(reason, issued, 0);
}

static void set_time(br_x509_minimal_context *validator, int64_t now)
{
	int64_t days = now / DAY_SECONDS - (now % DAY_SECONDS < 0);
	int64_t seconds = now - days * DAY_SECONDS;

	days += DAYS_TO_1970;
	if (days < 1) /* the year 0: before all validity, and not the library's "ask the system" */
		days = seconds = 1;
	br_x509_minimal_set_time(validator, (uint32_t)days, (uint32_t)seconds);
}

static void set_algorithms(br_x509_minimal_context *validator)
{
	br_x509_minimal_set_rsa(validator, br_rsa_pkcs1_vrfy_get_default());
	br_x509_minimal_set_ecdsa(validator, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
	br_x509_minimal_set_hash(validator, br_sha256_ID, &br_sha256_vtable);
	br_x509_minimal_set_hash(validator, br_sha384_ID, &br_sha384_vtable);
	br_x509_minimal_set_hash(validator, br_sha512_ID, &br_sha512_vtable);
	br_x509_minimal_set_minrsa(validator, RSA_BYTES_MIN);
}

/* The path by the library's validator. 0, or its code and how far it came. */
static int validate(const struct search *search, const br_x509_trust_anchor *anchor, size_t *ret_depth)
{
	br_x509_minimal_context validator;
	const br_x509_class **class = &validator.vtable;
	int native;

	br_x509_minimal_init(&validator, &br_sha256_vtable, anchor, 1);
	set_algorithms(&validator);
	set_time(&validator, search->now);
	br_x509_minimal_vtable.start_chain(class, NULL);
	*ret_depth = 0;
	for (size_t i = 0; i < search->length; i++) {
		struct unitls_bytes der = search->path[i]->der;

		br_x509_minimal_vtable.start_cert(class, (uint32_t)der.size);
		br_x509_minimal_vtable.append(class, der.data, der.size);
		br_x509_minimal_vtable.end_cert(class);
		*ret_depth = i;
		if (validator.err != 0) /* a verdict, the good one too */
			break;
	}
	native = (int)br_x509_minimal_vtable.end_chain(class);
	return native;
}

/* The library has one code for a certificate that is no longer and one that is not yet valid. */
static struct bear_verdict judge_times(const struct search *search, int native)
{
	for (size_t i = search->length; i-- > 0;) {
		struct bear_subject subject;
		enum unitls_verify_reason reason;

		if (bear_subject_read(search->path[i]->der, &subject) != 0)
			continue;
		reason = judge_time(search, &subject);
		if (reason != UNITLS_VERIFY_NONE)
			return refuse(reason, i, native);
	}
	return refuse(UNITLS_VERIFY_EXPIRED, 0, native);
}

static struct bear_verdict verdict_of(const struct search *search, int native, size_t depth)
{
	if (native == 0)
		return accepted;
	if (native == BR_ERR_X509_EXPIRED)
		return judge_times(search, native);
	for (size_t i = 0; native == BR_ERR_X509_UNSUPPORTED && i < search->length; i++) {
		if (bear_certificate_is_weakly_signed(search->path[i]))
			return refuse(UNITLS_VERIFY_WEAK, i, native);
	}
	return refuse(bear_error_reason(native), depth, native);
}

/* The path that was found, below an anchor; issued: 0 when its one certificate is the anchor itself. */
static struct bear_verdict judge_path(const struct search *search, const struct bear_anchor *anchor, size_t issued)
{
	struct unitls_bytes name = anchor->certificate.subject;
	br_x509_trust_anchor trusted = {
		.dn = {(unsigned char *)(uintptr_t)name.data, name.size}, /* the library does not write it */
		.flags = issued > 0 ? BR_X509_TA_CA : 0,
		.pkey = anchor->subject.key,
	};
	struct bear_verdict verdict = judge_purpose(search, anchor);
	size_t depth;
	int native;

	if (verdict.reason == UNITLS_VERIFY_NONE && issued > 0)
		verdict = judge_constraints(search, anchor);
	if (verdict.reason == UNITLS_VERIFY_NONE)
		verdict = judge_anchor(search, anchor, issued);
	if (verdict.reason != UNITLS_VERIFY_NONE)
		return verdict;
	native = validate(search, &trusted, &depth);
	return verdict_of(search, native, depth);
}

/* True when the path below this anchor is good. The first refusal is kept: what follows are detours. */
static bool attempt(struct search *search, const struct bear_anchor *anchor)
{
	struct bear_verdict verdict = judge_path(search, anchor, search->length);

	search->attempts++;
	if (verdict.reason == UNITLS_VERIFY_NONE) {
		search->verdict = verdict;
		return true;
	}
	if (search->attempts == 1)
		search->verdict = verdict;
	return false;
}

/* All anchors that bear the name of the path's last issuer. */
static bool try_anchors(struct search *search)
{
	const struct bear_anchors *anchors = &search->context->anchors;
	struct unitls_bytes issuer = search->path[search->length - 1]->issuer;

	for (size_t i = 0; i < anchors->n && search->attempts < BEAR_ATTEMPTS_MAX; i++) {
		if (bear_bytes_equal(anchors->list[i]->certificate.subject, issuer) &&
			bear_anchor_is_issuer(anchors->list[i]) && attempt(search, anchors->list[i]))
			return true;
	}
	return false;
}

/* Depth first, the shortest way at each turn; bounded by BEAR_PATH_MAX, BEAR_ATTEMPTS_MAX and BEAR_STEPS_MAX. */
static bool find(struct search *search)
{
	struct unitls_bytes issuer = search->path[search->length - 1]->issuer;
	bool found = try_anchors(search);

	if (found || search->length == BEAR_PATH_MAX)
		return found;
	for (size_t i = 0;
		!found && i < search->n && search->attempts < BEAR_ATTEMPTS_MAX && search->steps < BEAR_STEPS_MAX;
		i++) {
		if (search->used[i] || !bear_bytes_equal(search->certificates[i].subject, issuer))
			continue;
		search->steps++;
		search->used[i] = true;
		search->path[search->length++] = &search->certificates[i];
		found = find(search);
		search->length--;
		search->used[i] = false;
	}
	return found;
}

/* What cannot be read is no part of any path, unless it is the peer's own. */
static void read_chain(struct search *search, const struct unitls_bytes *chain, size_t n_chain)
{
	for (size_t i = 1; i < n_chain; i++) {
		if (bear_certificate_read(chain[i], &search->certificates[search->n]) == 0)
			search->n++;
	}
}

struct bear_verdict bear_path_judge(
	const struct bear_context *context, const struct unitls_bytes *chain, size_t n_chain)
{
	struct search search = {.context = context, .n = 1, .length = 1};
	const struct bear_anchor *itself = bear_anchors_find(&context->anchors, chain[0]);

	search.now = context->clock == NULL ? (int64_t)time(NULL) : context->clock(context->clock_argument);
	if (bear_certificate_read(chain[0], &search.certificates[0]) < 0)
		return refuse(UNITLS_VERIFY_MALFORMED, 0, 0);
	search.used[0] = true;
	search.path[0] = &search.certificates[0];
	if (itself != NULL)
		return judge_path(&search, itself, 0);
	read_chain(&search, chain, n_chain);
	if (find(&search) || search.attempts > 0)
		return search.verdict;
	return refuse(bear_certificate_is_self_issued(search.path[0]) ? UNITLS_VERIFY_SELF_SIGNED
								      : UNITLS_VERIFY_UNKNOWN_CA,
		0, 0);
}
