#include "backends/libssl/crl.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "backends/libssl/error.h"

static int add_crl(X509_STORE *store, struct unitls_bytes der, struct unitls_error *error)
{
	const unsigned char *end = der.data;
	X509_CRL *crl = der.size > LONG_MAX ? NULL : d2i_X509_CRL(NULL, &end, (long)der.size);
	int r = 0;

	if (!crl || end != der.data + der.size)
		r = libssl_error_refused(error, "crls", "cannot read a revocation list");
	else if (!X509_STORE_add_crl(store, crl))
		r = libssl_error_refused(error, "crls", "cannot add a revocation list");
	X509_CRL_free(crl);
	return r;
}

int libssl_crl_setup(X509_STORE *store, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t i;

	for (i = 0; i < params->n_crls; i++) {
		if (add_crl(store, params->crls[i], error) < 0)
			return UNITLS_ERROR;
	}
	return 0;
}

/* Only "no list was found" is forgiven, and not for the peer's own certificate: a list that is bad in any way refuses. */
static int on_fault(int ok, X509_STORE_CTX *store)
{
	if (ok || X509_STORE_CTX_get_error(store) != X509_V_ERR_UNABLE_TO_GET_CRL ||
		X509_STORE_CTX_get_error_depth(store) == 0)
		return ok;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

void libssl_crl_prepare(X509_STORE_CTX *store)
{
	/* Not on the X509_STORE: whatever else verifies with that would inherit them without on_fault. Cannot fail. */
	(void)X509_VERIFY_PARAM_set_flags(
		X509_STORE_CTX_get0_param(store), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	X509_STORE_CTX_set_verify_cb(store, on_fault);
}
