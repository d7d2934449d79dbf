#include "backends/gnutls/verify.h"

#include <stdlib.h>
#include <time.h>

#include <gnutls/x509.h>

#include "backends/gnutls/error.h"
#include "backends/gnutls/ocsp.h"
#include "backends/gnutls/trust.h"

#define WAY_MAX   16  /* certificates on a way, as the library takes at most */
#define JUDGE_MAX 32  /* ways that are judged for one peer */
#define STEP_MAX  256 /* certificates that are looked at as issuers for one peer */

/* The library judges without a clock; RSA of 2048 bits and SHA-256, or what is as strong, is the least, as in the handshake. */
#define LIBRARY_FLAGS                                                                    \
	(GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_UNSORTED_CHAIN | \
		GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM))

/* One way up: the peer's own certificate first, without the anchor. */
struct way {
	gnutls_x509_crt_t certificates[WAY_MAX];
	unsigned n;
};

struct search {
	const struct gtls_context *context;
	gnutls_x509_crt_t *sent;
	unsigned n_sent;
	struct way way;
	unsigned judged;
	unsigned steps;
	struct unitls_bytes staple;
	int64_t now;
	struct gtls_verdict verdict; /* of the first way that was judged, or of where the search ended */
};

/*
 * Judging one way ----------------------------------------------------------------------------------------------------------
 */

/* Asks the library about this way and no other: the list of trusted certificates holds its anchor alone. The library's code. */
static int ask(gnutls_x509_crt_t *certificates, unsigned n, gnutls_x509_crt_t anchor, unsigned *ret_status)
{
	gnutls_x509_trust_list_t list;
	int ret = gnutls_x509_trust_list_init(&list, 1);

	if (ret < 0)
		return ret;
	if (gnutls_x509_trust_list_add_cas(list, &anchor, 1, 0) == 1)
		ret = gnutls_x509_trust_list_verify_crt2(
			list, certificates, n, NULL, 0, LIBRARY_FLAGS, ret_status, NULL);
	else
		ret = GNUTLS_E_MEMORY_ERROR;
	gnutls_x509_trust_list_deinit(list, 0);
	return ret;
}

/* Whether every issuer on the way may sign certificates; the library has one flag for that and for names outside of constraints. */
static bool may_all_sign(const struct way *way, gnutls_x509_crt_t anchor)
{
	for (unsigned i = 1; i <= way->n; i++) {
		unsigned usage = 0;
		int ret = gnutls_x509_crt_get_key_usage(i < way->n ? way->certificates[i] : anchor, &usage, NULL);

		if (ret == 0 && (usage & GNUTLS_KEY_KEY_CERT_SIGN) == 0)
			return false;
	}
	return true;
}

static bool has_constraints(gnutls_x509_crt_t certificate)
{
	gnutls_datum_t extension = {NULL, 0};
	int ret = gnutls_x509_crt_get_extension_by_oid2(certificate, "2.5.29.30", 0, &extension, NULL);

	gnutls_free(extension.data);
	return ret == 0;
}

static bool has_any_constraints(const struct way *way, gnutls_x509_crt_t anchor)
{
	for (unsigned i = 1; i < way->n; i++) {
		if (has_constraints(way->certificates[i]))
			return true;
	}
	return has_constraints(anchor);
}

static enum unitls_verify_reason reason_of(unsigned status, const struct way *way, gnutls_x509_crt_t anchor)
{
	if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
		return UNITLS_VERIFY_UNKNOWN_CA;
	if ((status & GNUTLS_CERT_SIGNATURE_FAILURE) != 0)
		return UNITLS_VERIFY_BAD_SIGNATURE;
	if ((status & (GNUTLS_CERT_SIGNER_NOT_CA | GNUTLS_CERT_PURPOSE_MISMATCH)) != 0)
		return UNITLS_VERIFY_BAD_PURPOSE;
	if ((status & GNUTLS_CERT_INSECURE_ALGORITHM) != 0)
		return UNITLS_VERIFY_WEAK;
	if ((status & GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE) != 0)
		return may_all_sign(way, anchor) && has_any_constraints(way, anchor)
			? UNITLS_VERIFY_NAME_CONSTRAINTS
			: UNITLS_VERIFY_BAD_PURPOSE;
	return UNITLS_VERIFY_OTHER;
}

/* The highest certificate that the library refuses, by asking about ever longer parts of the way from its upper end. */
static int depth_of_refusal(struct way *way, gnutls_x509_crt_t anchor)
{
	for (unsigned depth = way->n; depth-- > 0;) {
		unsigned status = 0;

		if (ask(way->certificates + depth, way->n - depth, anchor, &status) < 0 || status != 0)
			return (int)depth;
	}
	return 0;
}

static enum unitls_verify_reason judge_time(gnutls_x509_crt_t certificate, int64_t now)
{
	time_t from = gnutls_x509_crt_get_activation_time(certificate);
	time_t to = gnutls_x509_crt_get_expiration_time(certificate);

	if (from == (time_t)-1 || to == (time_t)-1)
		return UNITLS_VERIFY_MALFORMED;
	if (now < from)
		return UNITLS_VERIFY_NOT_YET_VALID;
	return now > to ? UNITLS_VERIFY_EXPIRED : UNITLS_VERIFY_NONE;
}

static enum unitls_verify_reason judge_purpose(gnutls_x509_crt_t certificate, enum unitls_role role)
{
	const char *purpose = role == UNITLS_ROLE_CLIENT ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;

	return gnutls_x509_crt_check_key_purpose(certificate, purpose, 0) != 0 ? UNITLS_VERIFY_NONE
									       : UNITLS_VERIFY_BAD_PURPOSE;
}

static void refuse(struct gtls_verdict *verdict, enum unitls_verify_reason reason, int depth)
{
	if (verdict->reason != UNITLS_VERIFY_NONE)
		return;
	verdict->reason = reason;
	verdict->depth = depth;
}

/* Purposes, then times, from the anchor down, as OpenSSL does. */
static void judge_rest(const struct search *search, gnutls_x509_crt_t anchor, struct gtls_verdict *verdict)
{
	const struct way *way = &search->way;
	bool is_own = way->n == 1 && gnutls_x509_crt_equals(way->certificates[0], anchor) != 0;
	unsigned top = is_own ? 0 : way->n;

	for (unsigned i = top + 1; i-- > 0;)
		refuse(verdict, judge_purpose(i < way->n ? way->certificates[i] : anchor, search->context->role),
			(int)i);
	for (unsigned i = top + 1; i-- > 0;)
		refuse(verdict, judge_time(i < way->n ? way->certificates[i] : anchor, search->now), (int)i);
}

/* Who issued certificate i of the way; itself, when the peer's own certificate is the anchor. */
static gnutls_x509_crt_t issuer_of(const struct way *way, gnutls_x509_crt_t anchor, unsigned i)
{
	return i + 1 < way->n ? way->certificates[i + 1] : anchor;
}

/* The peer's own certificate must be covered by a list, the others are judged where one covers them. */
static void judge_revocation(const struct search *search, gnutls_x509_crt_t anchor, struct gtls_verdict *verdict)
{
	const struct way *way = &search->way;
	const struct gtls_crls *crls = &search->context->crls;

	for (unsigned i = way->n; crls->n > 0 && i-- > 0;) {
		bool covered;
		enum unitls_verify_reason reason = gtls_crls_judge(
			crls, way->certificates[i], issuer_of(way, anchor, i), search->now, &covered);

		if (covered || i == 0)
			refuse(verdict, reason, (int)i);
	}
}

static void judge_staple(const struct search *search, gnutls_x509_crt_t anchor, struct gtls_verdict *verdict)
{
	const struct way *way = &search->way;
	enum unitls_verify_reason reason;

	if (search->context->ocsp == UNITLS_OCSP_NONE)
		return;
	reason = gtls_ocsp_judge(search->staple, way->certificates[0], issuer_of(way, anchor, 0), search->now);
	if (reason == UNITLS_VERIFY_REVOCATION_UNKNOWN && search->context->ocsp == UNITLS_OCSP_REQUEST)
		return;
	refuse(verdict, reason, 0);
}

/* Judges the search's way with this anchor; true when it holds. */
static bool judge(struct search *search, gnutls_x509_crt_t anchor)
{
	struct gtls_verdict verdict = {.depth = -1, .judged = true};
	unsigned status = 0;
	int ret = ask(search->way.certificates, search->way.n, anchor, &status);

	if (gtls_error_is_memory(ret))
		verdict.out_of_memory = true;
	if (ret < 0)
		refuse(&verdict, UNITLS_VERIFY_OTHER, -1);
	else if (status != 0)
		refuse(&verdict, reason_of(status, &search->way, anchor), depth_of_refusal(&search->way, anchor));
	else
		judge_rest(search, anchor, &verdict);
	judge_revocation(search, anchor, &verdict);
	judge_staple(search, anchor, &verdict);
	/* The last word is that of the way that holds, else of the first. */
	if (search->judged++ == 0 || verdict.reason == UNITLS_VERIFY_NONE)
		search->verdict = verdict;
	return verdict.reason == UNITLS_VERIFY_NONE;
}

/*
 * Finding ways -------------------------------------------------------------------------------------------------------------
 */

static bool is_exhausted(const struct search *search)
{
	return search->judged >= JUDGE_MAX || search->steps >= STEP_MAX || search->verdict.out_of_memory;
}

static bool is_on_way(const struct way *way, gnutls_x509_crt_t certificate)
{
	for (unsigned i = 0; i < way->n; i++) {
		if (gnutls_x509_crt_equals(way->certificates[i], certificate) != 0)
			return true;
	}
	return false;
}

/* The anchors that the last certificate of the way names as its issuer; with itself: those that are that certificate. */
static bool try_anchors(struct search *search, const gnutls_datum_t *name, bool itself)
{
	gnutls_x509_crt_t last = search->way.certificates[search->way.n - 1];
	const struct gtls_trust *trust = search->context->trust;
	size_t first;
	size_t end = gtls_trust_find(trust, name, &first);

	for (size_t i = first; i < end && !is_exhausted(search); i++) {
		gnutls_x509_crt_t anchor = trust->anchors[i].certificate;
		bool fits = itself ? gnutls_x509_crt_equals(last, anchor) != 0
				   : gnutls_x509_crt_check_issuer(last, anchor) != 0;

		if (fits && judge(search, anchor))
			return true;
	}
	return false;
}

/* The peer's own certificate may itself be an anchor; one further up then is the issuer of the one below it, and found so. */
static bool try_itself(struct search *search)
{
	gnutls_datum_t subject = {NULL, 0};
	bool found;

	if (gnutls_x509_crt_get_raw_dn(search->way.certificates[0], &subject) < 0)
		return false;
	found = try_anchors(search, &subject, true);
	gnutls_free(subject.data);
	return found;
}

static bool try_issuers(struct search *search)
{
	gnutls_datum_t issuer = {NULL, 0};
	bool found;

	if (gnutls_x509_crt_get_raw_issuer_dn(search->way.certificates[search->way.n - 1], &issuer) < 0)
		return false;
	found = try_anchors(search, &issuer, false);
	gnutls_free(issuer.data);
	return found;
}

/* Goes up from the last certificate of the way: anchors first, then what the peer sent along. Depth first, bounded. */
static bool climb(struct search *search)
{
	struct way *way = &search->way;
	gnutls_x509_crt_t last = way->certificates[way->n - 1];

	if (try_issuers(search))
		return true;
	for (unsigned i = 1; i < search->n_sent && way->n < WAY_MAX && !is_exhausted(search); i++) {
		search->steps++;
		if (gnutls_x509_crt_check_issuer(last, search->sent[i]) == 0 || is_on_way(way, search->sent[i]))
			continue;
		way->certificates[way->n++] = search->sent[i];
		if (climb(search))
			return true;
		way->n--;
	}
	/* Nothing was judged: the reason is that no way led to an anchor, and the highest certificate says where it broke off. */
	if (search->judged == 0 && (int)way->n - 1 > search->verdict.depth)
		search->verdict.depth = (int)way->n - 1;
	return false;
}

static void find_way(struct search *search)
{
	gnutls_x509_crt_t own = search->sent[0];

	search->way.certificates[0] = own;
	search->way.n = 1;
	search->verdict = (struct gtls_verdict){.reason = UNITLS_VERIFY_UNKNOWN_CA, .depth = -1, .judged = true};
	if (try_itself(search) || climb(search) || search->judged > 0)
		return;
	if (gnutls_x509_crt_check_issuer(own, own) != 0) {
		search->verdict.reason = UNITLS_VERIFY_SELF_SIGNED;
		search->verdict.depth = 0;
	}
}

/*
 * The peer -----------------------------------------------------------------------------------------------------------------
 */

static void free_certificates(gnutls_x509_crt_t *certificates, unsigned n)
{
	for (unsigned i = 0; certificates && i < n; i++)
		gnutls_x509_crt_deinit(certificates[i]);
	free(certificates);
}

/* The library's code; *ret_n is how many were read, to be freed also after a failure. */
static int read_certificates(
	const gnutls_datum_t *ders, unsigned n, gnutls_x509_crt_t **ret_certificates, unsigned *ret_n)
{
	gnutls_x509_crt_t *certificates = calloc(n, sizeof(gnutls_x509_crt_t));
	int ret = 0;

	*ret_n = 0;
	*ret_certificates = certificates;
	if (!certificates)
		return GNUTLS_E_MEMORY_ERROR;
	for (unsigned i = 0; ret == 0 && i < n; i++) {
		ret = gnutls_x509_crt_init(&certificates[i]);
		if (ret < 0)
			break;
		*ret_n = i + 1;
		ret = gnutls_x509_crt_import(certificates[i], &ders[i], GNUTLS_X509_FMT_DER);
	}
	return ret;
}

static struct gtls_verdict refusal(enum unitls_verify_reason reason, bool out_of_memory)
{
	return (struct gtls_verdict){
		.reason = reason, .depth = -1, .judged = true, .out_of_memory = out_of_memory};
}

static struct gtls_verdict judge_chain(
	const struct gtls_context *context, const gnutls_datum_t *ders, unsigned n, struct unitls_bytes staple)
{
	struct search search = {.context = context, .staple = staple};
	int ret = read_certificates(ders, n, &search.sent, &search.n_sent);

	search.now = context->clock ? context->clock(context->clock_argument) : (int64_t)time(NULL);
	if (ret < 0)
		search.verdict = refusal(UNITLS_VERIFY_MALFORMED, gtls_error_is_memory(ret));
	else
		find_way(&search);
	free_certificates(search.sent, search.n_sent);
	return search.verdict;
}

struct gtls_verdict gtls_verify_peer(
	const struct gtls_context *context, gnutls_session_t session, const struct unitls_peer_name *peer_name)
{
	struct gtls_verdict verdict = {.depth = -1, .judged = true};
	gnutls_datum_t staple = {NULL, 0};
	unsigned n = 0;
	const gnutls_datum_t *ders;

	if (context->verify == UNITLS_VERIFY_MODE_NONE)
		return verdict;
	ders = gnutls_certificate_get_peers(session, &n);
	if (!ders || n == 0) {
		if (context->verify == UNITLS_VERIFY_MODE_REQUIRED)
			refuse(&verdict, UNITLS_VERIFY_MISSING, -1);
		return verdict;
	}
	(void)gnutls_ocsp_status_request_get(session, &staple); /* stays empty when none came */
	verdict = judge_chain(context, ders, n, (struct unitls_bytes){staple.data, staple.size});
	if (context->role == UNITLS_ROLE_CLIENT)
		refuse(&verdict,
			unitls_backend_check_peer_name(
				peer_name, (struct unitls_bytes){ders[0].data, ders[0].size}),
			0);
	return verdict;
}
