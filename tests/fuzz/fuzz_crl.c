/*
 * Feeds bytes to the reader of revocation lists, PEM or DER. What is accepted is made of lists that are accepted alone, each with an issuer within it.
 */
#include <stdlib.h>

#include <unitls/unitls.h>

#include "core/backend.h"
#include "core/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unitls_crl_list *list = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_crl_list_from_mem(data, size, &list, &error) < 0) {
		check(error.error_class == UNITLS_ERROR_CLASS_CONFIG && error.text[0] != '\0');
		return 0;
	}
	check(unitls_crl_list_count(list) > 0);
	for (size_t i = 0; i < unitls_crl_list_count(list); i++) {
		struct unitls_bytes der = unitls_crl_list_at(list, i);
		struct unitls_crl crl;

		check(unitls_crl_parse(der, &crl) == NULL);
		check(crl.issuer.size > 0 && crl.issuer.data >= der.data &&
			crl.issuer.data + crl.issuer.size <= der.data + der.size);
		/* Read as a certificate it may be anything, but is looked at. */
		(void)unitls_backend_crls_cover(&der, 1, (struct unitls_bytes){data, size});
	}
	unitls_crl_list_unref(list);
	return 0;
}
