#include "backends/wolfssl/chain.h"

#include <stdlib.h>

#include "backends/wolfssl/certificate.h"
#include "backends/wolfssl/error.h"

/* One certificate of the peer, and what became of it. */
struct member {
	struct unitls_bytes der;
	DecodedCert *decoded; /* NULL: the library cannot read it */
	bool accepted;        /* it is in the store, as an issuer */
	enum unitls_verify_reason fault;
	int native;
};

/* What of an issuer the library does not apply. */
struct issuer {
	uint8_t subject[KEYID_SIZE];
	bool constrained; /* it has name constraints */
	int room;         /* CA certificates that may follow below it (RFC 5280, 4.2.1.9) */
};

#define ROOM_UNLIMITED 255

struct trial {
	const struct wolf_anchors *anchors;
	enum unitls_role role;
	int64_t now;
	struct member members[WOLF_CHAIN_MAX];
	size_t n;
	WOLFSSL_CTX *store;
	enum unitls_verify_reason anchor_fault;    /* of an anchor that would have been used */
	struct issuer issuers[2 * WOLF_CHAIN_MAX]; /* those in the store */
	size_t n_issuers;
	int memory; /* the library's error, when memory ran out */
};

/* The library's verdict on a certificate. X(error, reason) */
#define VERDICTS(X)                             \
	X(ASN_NO_SIGNER_E, UNKNOWN_CA)          \
	X(ASN_SELF_SIGNED_E, SELF_SIGNED)       \
	X(ASN_BEFORE_DATE_E, NOT_YET_VALID)     \
	X(ASN_AFTER_DATE_E, EXPIRED)            \
	X(ASN_SIG_CONFIRM_E, BAD_SIGNATURE)     \
	X(ASN_SIG_HASH_E, BAD_SIGNATURE)        \
	X(ASN_SIG_KEY_E, BAD_SIGNATURE)         \
	X(ASN_SIG_OID_E, BAD_SIGNATURE)         \
	X(SIG_VERIFY_E, BAD_SIGNATURE)          \
	X(ASN_NAME_INVALID_E, NAME_CONSTRAINTS) \
	X(ASN_PATHLEN_INV_E, BAD_PURPOSE)       \
	X(ASN_PATHLEN_SIZE_E, BAD_PURPOSE)      \
	X(NOT_CA_ERROR, BAD_PURPOSE)            \
	X(RSA_KEY_SIZE_E, WEAK)                 \
	X(ECC_KEY_SIZE_E, WEAK)                 \
	X(ASN_CRIT_EXT_E, OTHER)

enum unitls_verify_reason wolf_chain_reason(int native)
{
	switch (native) {
#define VERDICT(error, reason) \
	case error:            \
		return UNITLS_VERIFY_##reason;
		VERDICTS(VERDICT)
#undef VERDICT
	default:
		return UNITLS_VERIFY_MALFORMED;
	}
}

/* Validity and strength, which the library would judge by its own clock and with other limits. */
static enum unitls_verify_reason judge_alone(const struct trial *trial, const DecodedCert *decoded)
{
	enum unitls_verify_reason reason = wolf_certificate_judge_time(decoded, trial->now);

	if (reason != UNITLS_VERIFY_NONE)
		return reason;
	if (!wolf_certificate_has_purpose(decoded, trial->role))
		return UNITLS_VERIFY_BAD_PURPOSE;
	return wolf_certificate_has_strong_key(decoded) ? UNITLS_VERIFY_NONE : UNITLS_VERIFY_WEAK;
}

static bool is_subject_of(const uint8_t *subject, const DecodedCert *decoded)
{
	return memcmp(subject, decoded->issuerHash, KEYID_SIZE) == 0;
}

/* What an issuer says of itself. Of name constraints the library knows three kinds of names, and passes over the others. */
static enum unitls_verify_reason describe(const DecodedCert *decoded, struct issuer *ret_issuer)
{
	struct issuer issuer = {.constrained = wolf_certificate_is_constrained(decoded), .room = ROOM_UNLIMITED};

	memcpy(issuer.subject, decoded->subjectHash, KEYID_SIZE);
	if (decoded->pathLengthSet)
		issuer.room = decoded->pathLength;
	if (issuer.constrained && !wolf_certificate_has_known_constraints(decoded))
		return UNITLS_VERIFY_NAME_CONSTRAINTS;
	*ret_issuer = issuer;
	return UNITLS_VERIFY_NONE;
}

/*
 * What those above leave to it. Of several of one name the strictest counts, and a CA's certificate for its own name and another key is bound as the CA is; but it
 * takes no room (RFC 5280, 4.2.1.9). The library does not look at the path length of a self-signed root, nor at the name constraints of others than the direct
 * issuer: such a chain is refused rather than believed.
 */
static enum unitls_verify_reason inherit(
	const struct trial *trial, const DecodedCert *decoded, struct issuer *issuer)
{
	int cost = decoded->selfSigned ? 0 : 1; /* which the library calls whoever has his own name as issuer's */

	for (size_t i = 0; i < trial->n_issuers; i++) {
		const struct issuer *above = &trial->issuers[i];

		if (!is_subject_of(above->subject, decoded))
			continue;
		if (above->room < cost)
			return UNITLS_VERIFY_BAD_PURPOSE;
		if (above->constrained)
			return UNITLS_VERIFY_NAME_CONSTRAINTS;
		if (above->room != ROOM_UNLIMITED && above->room - cost < issuer->room)
			issuer->room = above->room - cost;
	}
	return UNITLS_VERIFY_NONE;
}

/* Adds an issuer to the store, whose validity was judged already. The library's error is left in *ret_native. */
static enum unitls_verify_reason store_issuer(
	struct trial *trial, struct unitls_bytes der, const struct issuer *issuer, int *ret_native)
{
	if (trial->n_issuers == sizeof(trial->issuers) / sizeof(trial->issuers[0]))
		return UNITLS_VERIFY_UNKNOWN_CA;
	*ret_native = wolfSSL_CTX_load_verify_buffer_ex(
		trial->store, der.data, (long)der.size, WOLFSSL_FILETYPE_ASN1, 0, WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY);
	if (wolf_error_is_memory(*ret_native))
		trial->memory = *ret_native;
	if (*ret_native != WOLFSSL_SUCCESS)
		return wolf_chain_reason(*ret_native);
	*ret_native = 0;
	trial->issuers[trial->n_issuers++] = *issuer;
	return UNITLS_VERIFY_NONE;
}

static void add_anchor(struct trial *trial, const struct wolf_anchor *anchor)
{
	enum unitls_verify_reason reason;
	DecodedCert *decoded = NULL;
	struct issuer issuer;
	int native;
	int ret = wolf_certificate_decode(anchor->der, &decoded);

	if (ret != 0) {
		if (wolf_error_is_memory(ret))
			trial->memory = ret;
		return;
	}
	reason = judge_alone(trial, decoded);
	if (reason == UNITLS_VERIFY_NONE)
		reason = describe(decoded, &issuer);
	if (reason == UNITLS_VERIFY_NONE)
		reason = store_issuer(trial, anchor->der, &issuer, &native);
	if (reason != UNITLS_VERIFY_NONE)
		trial->anchor_fault = reason;
	wolf_certificate_free(decoded);
}

/* The anchors that have issued something here. */
static void add_anchors(struct trial *trial)
{
	for (size_t a = 0; a < trial->anchors->n; a++) {
		const struct wolf_anchor *anchor = &trial->anchors->list[a];
		bool wanted = false;

		for (size_t i = 0; i < trial->n && anchor->can_issue && !wanted; i++)
			wanted = trial->members[i].decoded != NULL &&
				is_subject_of(anchor->subject, trial->members[i].decoded);
		if (wanted)
			add_anchor(trial, anchor);
	}
}

/* 0 when the store verifies it; a date that the library does not like is not its business. */
static int verify(struct trial *trial, const struct member *member)
{
	int ret = wolfSSL_CertManagerVerifyBuffer(wolfSSL_CTX_GetCertManager(trial->store), member->der.data,
		(long)member->der.size, WOLFSSL_FILETYPE_ASN1);

	if (wolf_error_is_memory(ret))
		trial->memory = ret;
	return ret == WOLFSSL_SUCCESS || ret == ASN_BEFORE_DATE_E || ret == ASN_AFTER_DATE_E ? 0 : ret;
}

static enum unitls_verify_reason judge_verified(const struct trial *trial, const DecodedCert *decoded)
{
	if (!wolf_certificate_has_strong_signature(decoded))
		return UNITLS_VERIFY_WEAK;
	return judge_alone(trial, decoded);
}

/* Whether an intermediate certificate became an issuer; its fault is noted when it cannot. */
static bool accept_issuer(struct trial *trial, struct member *member)
{
	struct issuer issuer;

	member->native = verify(trial, member);
	if (member->native == ASN_NO_SIGNER_E || member->native == ASN_SELF_SIGNED_E)
		return false;
	member->fault =
		member->native != 0 ? wolf_chain_reason(member->native) : judge_verified(trial, member->decoded);
	if (member->fault == UNITLS_VERIFY_NONE && !wolf_certificate_is_ca(member->decoded))
		member->fault = UNITLS_VERIFY_BAD_PURPOSE;
	if (member->fault == UNITLS_VERIFY_NONE)
		member->fault = describe(member->decoded, &issuer);
	if (member->fault == UNITLS_VERIFY_NONE)
		member->fault = inherit(trial, member->decoded, &issuer);
	if (member->fault == UNITLS_VERIFY_NONE)
		member->fault = store_issuer(trial, member->der, &issuer, &member->native);
	member->accepted = member->fault == UNITLS_VERIFY_NONE;
	return member->accepted;
}

/* Whatever order they were sent in: until a round adds nothing. */
static void accept_intermediates(struct trial *trial)
{
	bool progress = true;

	while (progress && trial->memory == 0) {
		progress = false;
		for (size_t i = 1; i < trial->n; i++) {
			struct member *member = &trial->members[i];

			if (member->decoded != NULL && !member->accepted && member->fault == UNITLS_VERIFY_NONE)
				progress = accept_issuer(trial, member) || progress;
		}
	}
}

/* The member that has issued another, by name, and is no issuer in the store. */
static const struct member *find_issuer(const struct trial *trial, const struct member *of)
{
	for (size_t i = 1; i < trial->n; i++) {
		const struct member *member = &trial->members[i];

		if (member != of && member->decoded != NULL && !member->accepted &&
			is_subject_of(member->decoded->subjectHash, of->decoded))
			return member;
	}
	return NULL;
}

/* Why the leaf has no issuer: what is wrong with one of those above it, or that there is none. */
static void find_cause(const struct trial *trial, struct wolf_verdict *verdict)
{
	const struct member *member = &trial->members[0];

	for (size_t step = 0; step < trial->n; step++) {
		member = find_issuer(trial, member);
		if (member == NULL)
			break;
		if (member->fault == UNITLS_VERIFY_NONE)
			continue;
		verdict->reason = member->fault;
		verdict->native = member->native;
		verdict->depth = (int)(member - trial->members);
		return;
	}
	if (trial->anchor_fault != UNITLS_VERIFY_NONE) {
		verdict->reason = trial->anchor_fault;
		verdict->native = 0;
		verdict->depth = -1;
	}
}

static void judge_leaf(struct trial *trial, struct wolf_verdict *verdict)
{
	const struct member *leaf = &trial->members[0];

	verdict->native = verify(trial, leaf);
	if (verdict->native != 0) {
		verdict->reason = wolf_chain_reason(verdict->native);
		if (verdict->native == ASN_NO_SIGNER_E)
			find_cause(trial, verdict);
		return;
	}
	verdict->reason = judge_verified(trial, leaf->decoded);
}

static void judge(struct trial *trial, struct wolf_verdict *verdict)
{
	if (wolf_anchors_contain(trial->anchors, trial->members[0].der)) {
		verdict->reason = judge_alone(trial, trial->members[0].decoded);
		return;
	}
	trial->store = wolfSSL_CTX_new(wolfTLS_client_method());
	if (trial->store == NULL) {
		trial->memory = MEMORY_E;
		return;
	}
	add_anchors(trial);
	accept_intermediates(trial);
	judge_leaf(trial, verdict);
	wolfSSL_CTX_free(trial->store);
}

/* False when the peer's own certificate cannot be read. */
static bool decode(struct trial *trial, const struct unitls_bytes *certificates, size_t n)
{
	trial->n = n;
	for (size_t i = 0; i < n; i++) {
		struct member *member = &trial->members[i];

		member->der = certificates[i];
		member->native = wolf_certificate_decode(member->der, &member->decoded);
		if (wolf_error_is_memory(member->native))
			trial->memory = member->native;
	}
	return trial->memory == 0 && trial->members[0].decoded != NULL;
}

void wolf_chain_judge(const struct wolf_anchors *anchors, const struct unitls_bytes *certificates, size_t n,
	enum unitls_role role, int64_t now, struct wolf_verdict *ret_verdict)
{
	struct wolf_verdict verdict = {UNITLS_VERIFY_OTHER, 0, 0, false};
	struct trial *trial = calloc(1, sizeof(*trial));

	*ret_verdict = verdict;
	ret_verdict->out_of_memory = trial == NULL;
	if (trial == NULL)
		return;
	trial->anchors = anchors;
	trial->role = role;
	trial->now = now;
	if (decode(trial, certificates, n)) {
		judge(trial, &verdict);
	} else {
		verdict.native = trial->members[0].native;
		verdict.reason = wolf_chain_reason(verdict.native);
	}
	verdict.out_of_memory = trial->memory != 0;
	for (size_t i = 0; i < trial->n; i++)
		wolf_certificate_free(trial->members[i].decoded);
	free(trial);
	*ret_verdict = verdict;
}
