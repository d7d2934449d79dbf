/*
 * unitls: one TLS API with interchangeable backends.
 *
 * This header brings in all of the public API except <unitls/insecure.h>, which a program must name itself.
 * The model is PEP 543 and PEP 748; where C's word differs from the PEPs', the C word wins.
 *
 * Rules that hold everywhere:
 *  - 0 is success; a positive status is an expected condition; a negative one is a failure, described in the caller's
 *    struct unitls_error (which may be NULL).
 *  - ret_ parameters are set on success only, except the byte counts of read and write, which are always set.
 *  - Setters copy, getters lend. What a getter lends lives as long as the object it came from.
 *  - Immutable objects (backend, certificate, key, trust store, signing chain, configuration, context) may be shared by
 *    threads and are reference-counted atomically. Builders, connections and sockets belong to one thread at a time.
 *  - The library never prints, logs, exits, or touches errno-based state of its own; it opens no file but those its
 *    _from_file, _system and backend loading functions name.
 */
#ifndef UNITLS_UNITLS_H
#define UNITLS_UNITLS_H

#include <unitls/alpn.h>
#include <unitls/backend.h>
#include <unitls/certificate.h>
#include <unitls/cipher_suite.h>
#include <unitls/client_hello.h>
#include <unitls/config.h>
#include <unitls/connection.h>
#include <unitls/context.h>
#include <unitls/crl.h>
#include <unitls/error.h>
#include <unitls/exporter.h>
#include <unitls/group.h>
#include <unitls/peer_name.h>
#include <unitls/private_key.h>
#include <unitls/session.h>
#include <unitls/signature_scheme.h>
#include <unitls/signer.h>
#include <unitls/signing_chain.h>
#include <unitls/socket.h>
#include <unitls/ticket_keys.h>
#include <unitls/tls_version.h>
#include <unitls/trust_store.h>

#endif
