/*
 * Fatal alerts of the module's own. The library has no call that sends one, sends none for many failures, and for a refused certificate has four
 * to choose from; so the module writes the record, with the connection's keys once there are some.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_ALERT_H
#define UNITLS_BACKEND_WOLFSSL_ALERT_H

#include "backends/wolfssl/connection.h"

/* Sends a fatal alert and mutes what the library still sends. False when our last record is out already, or no record could be made. */
bool wolf_alert_send(struct wolf_connection *connection, int alert);

#endif
