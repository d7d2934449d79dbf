/* The tables of advice. */

#include "tool/hint.h"

#include <stddef.h>

struct advice {
	const char *client; /* to who connects */
	const char *server; /* to who serves */
};

#define TRUST_IT \
	"trust the authority that issued it: --ca FILE; or have the peer send the intermediate certificates it leaves out"

static const struct advice verify_advice[] = {
	[UNITLS_VERIFY_MISSING] = {NULL,
		"the client needs a certificate; --client-auth optional lets it in without one"},
	[UNITLS_VERIFY_UNKNOWN_CA] = {TRUST_IT "; --insecure shows what it sends", TRUST_IT},
	[UNITLS_VERIFY_SELF_SIGNED] =
		{"if that is meant to be, trust this very certificate: --ca FILE; --insecure shows it",
			"if that is meant to be, trust this very certificate: --ca FILE"},
	[UNITLS_VERIFY_EXPIRED] = {"the server needs a new certificate; or the clock of this machine is ahead",
		"the client needs a new certificate; or the clock of this machine is ahead"},
	[UNITLS_VERIFY_NOT_YET_VALID] =
		{"look at the clock of this machine; --insecure shows from when the certificate is valid",
			"look at the clock of this machine"},
	[UNITLS_VERIFY_NAME_MISMATCH] =
		{"say by --server-name which name is meant; --insecure shows the names it has", NULL},
	[UNITLS_VERIFY_REVOKED] = {"do not trust it: the server needs another certificate", "do not trust it"},
	[UNITLS_VERIFY_BAD_SIGNATURE] =
		{"a certificate of the chain was changed, or another authority of the same name signed it",
			"a certificate of the chain was changed, or another authority of the same name signed it"},
	[UNITLS_VERIFY_BAD_PURPOSE] = {"the server needs a certificate whose key usages allow TLS servers",
		"the client needs a certificate whose key usages allow TLS clients"},
	[UNITLS_VERIFY_WEAK] = {"the server needs a larger key or a newer signature algorithm in its chain",
		"the client needs a larger key or a newer signature algorithm in its chain"},
	[UNITLS_VERIFY_NAME_CONSTRAINTS] =
		{"its authority may not issue for that name; the server needs a certificate of another",
			"its authority may not issue for that name"},
	[UNITLS_VERIFY_MALFORMED] = {NULL, NULL},
	[UNITLS_VERIFY_OTHER] = {NULL, NULL},
};

/* What the peer may have meant by a fatal alert. */
static const struct {
	int alert;
	struct advice advice;
} alert_advice[] = {
	{UNITLS_ALERT_HANDSHAKE_FAILURE,
		{"nothing in common: try other --ciphers, --max-version or --backend; a server may also want --cert",
			"nothing in common with the client: try other --ciphers, --min-version or --backend"}},
	{UNITLS_ALERT_PROTOCOL_VERSION,
		{"the server has none of these versions: look at --min-version and --max-version; or is it TLS that this port speaks?",
			"the client has none of these versions: look at --min-version and --max-version"}},
	{UNITLS_ALERT_UNKNOWN_CA,
		{"the server does not trust the authority of our certificate (--cert)",
			"the client does not trust the authority of our certificate (--cert)"}},
	{UNITLS_ALERT_BAD_CERTIFICATE,
		{"the server refuses our certificate (--cert)", "the client refuses our certificate (--cert)"}},
	{UNITLS_ALERT_CERTIFICATE_EXPIRED,
		{"our certificate (--cert) has expired for the server",
			"our certificate (--cert) has expired for the client"}},
	{UNITLS_ALERT_CERTIFICATE_REQUIRED,
		{"the server wants a client certificate: --cert FILE --key FILE", NULL}},
	{UNITLS_ALERT_UNRECOGNIZED_NAME, {"the server does not know that name: --server-name NAME", NULL}},
	{UNITLS_ALERT_NO_APPLICATION_PROTOCOL,
		{"the server has none of the protocols offered by --alpn",
			"no protocol of --alpn is one of the client's"}},
};

static const char *pick(const struct advice *advice, bool server)
{
	return server ? advice->server : advice->client;
}

static const char *for_alert(const struct unitls_error *error, bool server)
{
	for (size_t i = 0; i < sizeof(alert_advice) / sizeof(alert_advice[0]); i++)
		if (alert_advice[i].alert == error->alert)
			return pick(&alert_advice[i].advice, server);
	return NULL;
}

const char *hint_for(const struct unitls_error *error, bool server, bool handshake)
{
	switch (error->error_class) {
	case UNITLS_ERROR_CLASS_VERIFY:
		return (size_t)error->verify_reason < sizeof(verify_advice) / sizeof(verify_advice[0])
			? pick(&verify_advice[error->verify_reason], server)
			: NULL;
	case UNITLS_ERROR_CLASS_PEER_ALERT:
	case UNITLS_ERROR_CLASS_LOCAL_ALERT:
		return for_alert(error, server);
	case UNITLS_ERROR_CLASS_PROTOCOL:
		if (!handshake)
			return NULL;
		if (for_alert(error, server))
			return for_alert(error, server);
		return server ? "the client may not speak TLS"
			      : "is it TLS that this port speaks, and from the first byte?";
	case UNITLS_ERROR_CLASS_NONE:
	case UNITLS_ERROR_CLASS_CONFIG:
	case UNITLS_ERROR_CLASS_UNSUPPORTED:
	case UNITLS_ERROR_CLASS_IO:
	case UNITLS_ERROR_CLASS_MEMORY:
	case UNITLS_ERROR_CLASS_USAGE:
	case UNITLS_ERROR_CLASS_INTERNAL:
		break;
	}
	return NULL;
}
