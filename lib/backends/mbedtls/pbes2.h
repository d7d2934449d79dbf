/*
 * Encrypted PKCS#8 keys as today's tools write them: PBES2 with AES-CBC (RFC 8018, 6.2), of which mbedTLS 2.28 knows only the DES variants.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_PBES2_H
#define UNITLS_BACKEND_MBEDTLS_PBES2_H

#include <unitls/common.h>

/*
 * Decrypts an EncryptedPrivateKeyInfo. The result (*ret_size bytes, to be wiped and freed) is a PKCS#8 key, or noise after a wrong
 * password. 0, MBEDTLS_ERR_PK_PASSWORD_MISMATCH when the padding is wrong, or another of the library's codes.
 */
int mbed_pbes2_decrypt(struct unitls_bytes encrypted, const char *password, uint8_t **ret_key, size_t *ret_size);

#endif
