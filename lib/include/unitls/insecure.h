/*
 * The switches that take security away, kept out of <unitls/unitls.h> so that a search for this header's name finds every use.
 */
#ifndef UNITLS_INSECURE_H
#define UNITLS_INSECURE_H

#include <unitls/config.h>
#include <unitls/peer_name.h>

UNITLS_BEGIN_DECLS

/*
 * A peer name that is not checked: whoever holds any certificate the trust store accepts passes. sni: the DNS name to send, or NULL.
 * UNITLS_ERROR, class CONFIG, field "server_name" when sni is no DNS name.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_insecure_peer_name_unchecked(
	const char *sni, struct unitls_peer_name *ret_name, struct unitls_error *error);
/* Client only: the server's certificate is not verified at all, by chain or by name. Anyone can read and change the traffic. */
UNITLS_API int unitls_insecure_config_builder_skip_verification(struct unitls_config_builder *builder);
/*
 * Hands out the secrets of every connection in the format of NSS (SSLKEYLOGFILE; RFC 9850), a line a call: whoever has them and a capture of the traffic can
 * read it. NULL: off (the default). Needs UNITLS_CAP_KEY_LOG.
 */
UNITLS_API int unitls_insecure_config_builder_set_key_log(
	struct unitls_config_builder *builder, unitls_key_log_callback callback, void *argument);

UNITLS_END_DECLS

#endif
