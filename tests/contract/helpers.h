/*
 * What the scenarios share: links that are closed whatever happens, and the checks of how a handshake ended.
 */
#ifndef UNITLS_TESTS_CONTRACT_HELPERS_H
#define UNITLS_TESTS_CONTRACT_HELPERS_H

#include "contract.h"

#include <string.h>

typedef enum outcome (*link_steps)(struct link *link, const struct pair *pair, const struct cut *cut);

/* Runs the steps on an empty link and closes it. */
enum outcome link_run(link_steps steps, const struct pair *pair, const struct cut *cut);

/* A link from two descriptions (NULL: the ordinary ones) whose handshake is complete, with what the server sent behind it read. */
enum outcome link_connected(struct link *link, const struct pair *pair, const struct want *client,
	const struct want *server, const struct cut *cut);
/* A link from two descriptions whose handshake was run to its end, whatever that is. peer: NULL for "server.example". */
enum outcome link_tried(struct link *link, const struct pair *pair, const struct want *client,
	const struct want *server, const char *peer, const struct cut *cut);

/* Whether a backend's suites of a version can be chosen; whether those of the pair's version can be at both ends. */
bool chooses_suites(const struct contract_backend *backend, uint16_t version);
bool pair_chooses_suites(const struct pair *pair);
/* Each end that cannot refuses a list of this one suite when the context is built, by the field. */
enum outcome check_suite_refused(const struct pair *pair, uint16_t suite);

/* How one end must have failed. */
struct failure {
	enum end_name at;
	enum unitls_error_class error_class;
	int alert;
	enum unitls_verify_reason reason;
};

/* This end failed so, and the other was told by that alert: in its handshake, or in its first read. */
enum outcome check_failure(struct link *link, const struct failure *expected);
/* Details of a failure, as one line; lent, one of a few rotating buffers. */
const char *error_text(int status, const struct unitls_error *error);

struct peer_ops;

/* The peer of tests/contract/peer, loaded on first use from beside the suite's program; NULL: this build has none. */
const struct peer_ops *peer_module(void);

static inline struct unitls_bytes text_bytes(const char *text)
{
	return (struct unitls_bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bytes_are(struct unitls_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && (bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

static inline bool has(const struct contract_backend *backend, enum unitls_capability capability)
{
	return (backend->capabilities->bits & capability) != 0;
}

#endif
