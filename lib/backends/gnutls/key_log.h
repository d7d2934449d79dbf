/*
 * The secrets of a connection as lines of a key log.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_KEY_LOG_H
#define UNITLS_BACKENDS_GNUTLS_KEY_LOG_H

#include <gnutls/gnutls.h>

/* What the library is to call with each secret; without it, it writes them to the file that SSLKEYLOGFILE names. */
int gtls_key_log_on_secret(gnutls_session_t session, const char *label, const gnutls_datum_t *secret);

#endif
