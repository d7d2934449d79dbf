#include "backends/boringssl/strength.h"

#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/obj.h>

#define DIGEST_MIN_BYTES 28

bool boringssl_key_is_strong(X509 *certificate)
{
	EVP_PKEY *key = X509_get_pubkey(certificate);
	bool strong =
		key && (EVP_PKEY_id(key) != EVP_PKEY_RSA || EVP_PKEY_bits(key) >= (int)BORINGSSL_RSA_MIN_BITS);

	EVP_PKEY_free(key);
	return strong;
}

bool boringssl_signature_is_strong(const X509 *certificate)
{
	const EVP_MD *digest;
	int digest_nid;
	int key_nid;

	if (!OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest_nid, &key_nid))
		return false;
	/* Those that name no digest have a strong one in themselves (Ed25519), or the library has seen to that (RSA-PSS). */
	if (digest_nid == NID_undef)
		return true;
	digest = EVP_get_digestbynid(digest_nid);
	return digest && EVP_MD_size(digest) >= DIGEST_MIN_BYTES;
}
