/*
 * Judging the peer's certificates. The library builds the chain, checks signatures, key usage and validity, and reports each certificate with its
 * flags, from the anchor down to the peer's own; the callback turns the flags into one reason. The name check is the core's, revocation crl.c's.
 *
 * Invariant: with verification on, a handshake completes only when the callback has seen the peer's own certificate and found nothing wrong, or when a
 * client's session is resumed, which the core offers only where the same was to be verified.
 */
#include "backends/mbedtls/verify.h"

#include <string.h>
#include <time.h>

#include <mbedtls/oid.h>

#include "backends/mbedtls/crl.h"

/* Flag to reason, the most serious first: trust, purpose, strength, name, revocation, validity. */
static const struct {
	uint32_t flags;
	enum unitls_verify_reason reason;
} meanings[] = {
	{MBEDTLS_X509_BADCERT_NOT_TRUSTED, UNITLS_VERIFY_UNKNOWN_CA},
	{MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
		UNITLS_VERIFY_BAD_PURPOSE},
	{MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
		UNITLS_VERIFY_WEAK},
	{MBEDTLS_X509_BADCERT_CN_MISMATCH, UNITLS_VERIFY_NAME_MISMATCH},
	{MBEDTLS_X509_BADCERT_REVOKED, UNITLS_VERIFY_REVOKED},
	{0, UNITLS_VERIFY_REVOCATION_UNKNOWN}, /* the library has no such flag, as it sees no lists */
	{MBEDTLS_X509_BADCERT_EXPIRED, UNITLS_VERIFY_EXPIRED},
	{MBEDTLS_X509_BADCERT_FUTURE, UNITLS_VERIFY_NOT_YET_VALID},
};

#define N_MEANINGS (sizeof(meanings) / sizeof(meanings[0]))

/* How serious a reason is: smaller is more. */
static size_t rank(enum unitls_verify_reason reason)
{
	size_t i;

	if (reason == UNITLS_VERIFY_SELF_SIGNED || reason == UNITLS_VERIFY_BAD_SIGNATURE)
		reason = UNITLS_VERIFY_UNKNOWN_CA;
	for (i = 0; i < N_MEANINGS; i++) {
		if (meanings[i].reason == reason)
			break;
	}
	return reason == UNITLS_VERIFY_NONE ? N_MEANINGS + 1 : i;
}

static enum unitls_verify_reason reason_of(uint32_t flags)
{
	for (size_t i = 0; i < N_MEANINGS; i++) {
		if ((flags & meanings[i].flags) != 0)
			return meanings[i].reason;
	}
	return flags == 0 ? UNITLS_VERIFY_NONE : UNITLS_VERIFY_OTHER;
}

int64_t mbed_verify_seconds(const mbedtls_x509_time *moment)
{
	struct tm tm = {
		.tm_year = moment->year - 1900,
		.tm_mon = moment->mon - 1,
		.tm_mday = moment->day,
		.tm_hour = moment->hour,
		.tm_min = moment->min,
		.tm_sec = moment->sec,
	};

	return (int64_t)timegm(&tm);
}

/* Judges the validity by the configuration's clock; the library knows the system's only. */
static uint32_t judge_time(const struct mbed_context *context, const mbedtls_x509_crt *crt, uint32_t flags)
{
	int64_t now;

	if (context->clock == NULL)
		return flags;
	now = context->clock(context->clock_argument);
	flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
	if (now > mbed_verify_seconds(&crt->valid_to))
		flags |= MBEDTLS_X509_BADCERT_EXPIRED;
	if (now < mbed_verify_seconds(&crt->valid_from))
		flags |= MBEDTLS_X509_BADCERT_FUTURE;
	return flags;
}

/* The library checks the purpose of the peer's own certificate only. */
static uint32_t judge_purpose(const struct mbed_context *context, const mbedtls_x509_crt *crt, uint32_t flags)
{
	int ret;

	if (context->role == UNITLS_ROLE_CLIENT)
		ret = mbedtls_x509_crt_check_extended_key_usage(
			crt, MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH));
	else
		ret = mbedtls_x509_crt_check_extended_key_usage(
			crt, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH));
	return ret == 0 ? flags : flags | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
}

static bool same(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

/* The library trusts a listed certificate that is no CA only when it is self-issued; here every listed one is an anchor. */
static bool is_anchor(const struct mbed_context *context, const mbedtls_x509_crt *crt)
{
	const mbedtls_x509_crt *anchor = context->has_anchors ? &context->anchors : NULL;

	for (; anchor != NULL; anchor = anchor->next) {
		if (same(&anchor->raw, &crt->raw))
			return true;
	}
	return false;
}

/*
 * Neither 2.28 nor 3.6 can apply name constraints (RFC 5280, 4.2.1.10); a chain that has them is refused rather than believed. Where they are critical, the
 * library refuses already to read the certificate.
 */
bool mbed_verify_finds_name_constraints(struct unitls_bytes bytes)
{
	static const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, 0x1e};

	return bytes.size > 0 && memmem(bytes.data, bytes.size, oid, sizeof(oid)) != NULL;
}

static enum unitls_verify_reason reason_untrusted(const mbedtls_x509_crt *crt, bool has_parent)
{
	if (has_parent)
		return UNITLS_VERIFY_BAD_SIGNATURE; /* an issuer was found, its key does not fit */
	if (same(&crt->issuer_raw, &crt->subject_raw))
		return UNITLS_VERIFY_SELF_SIGNED;
	return UNITLS_VERIFY_UNKNOWN_CA;
}

/* The certificate that was judged before, as they come from the anchor down; the certificate itself where it is its own issuer. */
static mbedtls_x509_crt *issuer_of(const struct mbed_verdict *verdict, mbedtls_x509_crt *crt)
{
	if (verdict->issuer != NULL)
		return verdict->issuer;
	return same(&crt->issuer_raw, &crt->subject_raw) ? crt : NULL;
}

static void note(struct mbed_verdict *verdict, enum unitls_verify_reason reason, int depth)
{
	if (rank(reason) >= rank(verdict->reason))
		return;
	verdict->reason = reason;
	verdict->depth = depth;
}

int mbed_verify_certificate(void *argument, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct mbed_connection *connection = argument;
	const struct mbed_context *context = connection->context;
	struct mbed_verdict *verdict = &connection->verdict;
	struct unitls_bytes der = {crt->raw.p, crt->raw.len};
	bool has_parent = verdict->n_seen > 0;
	uint32_t found = *flags & ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
	mbedtls_x509_crt *issuer = issuer_of(verdict, crt);
	enum unitls_verify_reason reason;

	*flags = 0;
	verdict->n_seen++;
	if (depth == 0 && is_anchor(context, crt)) {
		*verdict = (struct mbed_verdict){.depth = -1, .n_seen = 1};
		found &= ~(uint32_t)MBEDTLS_X509_BADCERT_NOT_TRUSTED;
	}
	found = judge_time(context, crt, found);
	found = judge_purpose(context, crt, found);
	reason = reason_of(found);
	if (reason == UNITLS_VERIFY_UNKNOWN_CA)
		reason = reason_untrusted(crt, has_parent);
	note(verdict, reason, depth);
	if (depth > 0 && mbed_verify_finds_name_constraints((struct unitls_bytes){crt->v3_ext.p, crt->v3_ext.len}))
		note(verdict, UNITLS_VERIFY_NAME_CONSTRAINTS, depth);
	/* An anchor is trusted as it is; one that is the peer's own still has to be covered. */
	if (has_parent || depth == 0)
		note(verdict, mbed_crl_judge(context, crt, issuer, depth == 0), depth);
	verdict->issuer = crt;
	if (depth > 0)
		return 0;
	if (context->role == UNITLS_ROLE_CLIENT)
		note(verdict, unitls_backend_check_peer_name(connection->peer_name, der), 0);
	verdict->leaf_judged = true;
	return 0;
}

enum unitls_verify_reason mbed_verify_step(const struct mbed_connection *connection)
{
	uint32_t flags;

	if (connection->context->verify == UNITLS_VERIFY_MODE_NONE)
		return UNITLS_VERIFY_NONE;
	if (connection->verdict.reason != UNITLS_VERIFY_NONE)
		return connection->verdict.reason;
	flags = mbedtls_ssl_get_verify_result(&connection->ssl);
	if (flags == UINT32_MAX) /* no session yet */
		return UNITLS_VERIFY_NONE;
	if ((flags & MBEDTLS_X509_BADCERT_MISSING) != 0 &&
		connection->context->verify == UNITLS_VERIFY_MODE_REQUIRED)
		return UNITLS_VERIFY_MISSING;
	return reason_of(flags & ~(uint32_t)(MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY));
}

bool mbed_verify_complete(const struct mbed_connection *connection)
{
	switch (connection->context->verify) {
	case UNITLS_VERIFY_MODE_NONE:
		return true;
	case UNITLS_VERIFY_MODE_OPTIONAL:
		return connection->verdict.leaf_judged || mbedtls_ssl_get_peer_cert(&connection->ssl) == NULL;
	case UNITLS_VERIFY_MODE_REQUIRED:
		return connection->verdict.leaf_judged || (connection->offered && !connection->full);
	}
	return false;
}
