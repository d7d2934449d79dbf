/*
 * Which of a server's signing chains answers a ClientHello: an index from the names of the chains' leaves, and the choice among several by what
 * the client can use. Built once, then only read, by any number of threads. Makes nothing native.
 *
 * Order of the choice: chains with the exact name, then chains with a wildcard for it, each in the order of the configuration, the first that the client
 * can use. None usable: the first of them, so that the library finds out why and says so. A name that fits none, or none at all: the
 * default chain, or one that shares its first name and that the client can use.
 */
#ifndef UNITLS_CORE_IDENTITY_H
#define UNITLS_CORE_IDENTITY_H

#include "core/backend.h"
#include "core/client_hello.h"
#include "core/config.h"
#include "core/context.h"

struct unitls_identity_index;

/* settings: after unitls_validate (versions resolved); lent to the index for its life. UNITLS_ERROR without memory. */
int unitls_identity_index_new(const struct unitls_settings *settings,
	const struct unitls_capabilities *capabilities, struct unitls_identity_index **ret_index,
	struct unitls_error *error);
void unitls_identity_index_free(struct unitls_identity_index *index);

/*
 * The signing chain for a hello. UNITLS_ERROR with the alert protocol_version when no version is common, unrecognized_name when the policy is strict and
 * no chain has the name.
 */
int unitls_identity_select(const struct unitls_identity_index *index, const struct unitls_client_hello *hello,
	size_t *ret_chain, struct unitls_error *error);

/*
 * The ALPN protocol for a hello: the server's preference among the client's. {NULL, 0} when either has none, or nothing is common and the policy is
 * to go on. UNITLS_ERROR with the alert no_application_protocol when it is not (RFC 7301, 3.2). What is returned belongs to the settings.
 */
int unitls_alpn_select(const struct unitls_settings *settings, const struct unitls_client_hello *hello,
	struct unitls_bytes *ret_protocol, struct unitls_error *error);

#endif
