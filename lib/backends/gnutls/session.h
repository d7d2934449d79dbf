/*
 * Sessions of a client.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_SESSION_H
#define UNITLS_BACKENDS_GNUTLS_SESSION_H

#include "core/backend.h"

/* Slots of the table: core/backend.h. */
int gtls_session_export(void *connection, int (*add)(void *argument, struct unitls_bytes session), void *argument,
	struct unitls_error *error);
int gtls_session_resume(void *connection, struct unitls_bytes session, struct unitls_error *error);

#endif
