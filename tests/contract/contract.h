/*
 * The contract suite: what every backend must do alike, run for every client x server pair and version (docs/contract.md).
 * This header is what a scenario needs: the pair it runs for, the way the bytes are cut, contexts from a short description, a link of two connections in
 * memory, and the check that ends a scenario with its reason.
 */
#ifndef UNITLS_TESTS_CONTRACT_H
#define UNITLS_TESTS_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unitls/unitls.h>

/* ---- Backends: one line each in main.c -------------------------------------------------------------------------------- */

struct contract_backend {
	const char *name;
	struct unitls_backend *backend; /* NULL: its module is not there */
	const struct unitls_capabilities *capabilities;
	bool added; /* not of this tree: no table here knows its differences */
};

/* Backend i of the table, also one whose module is not there; NULL past the end. */
const struct contract_backend *contract_backend_at(size_t i);

struct pair {
	const struct contract_backend *client;
	const struct contract_backend *server;
	uint16_t version; /* both ends are held to it, unless a scenario says otherwise */
};

/* ---- Cuts -------------------------------------------------------------------------------------------------------------- */

enum cut_kind {
	CUT_WHOLE,    /* what is there is delivered at once */
	CUT_ONE_BYTE, /* one byte at a time, and drained so too */
	CUT_AT,       /* whole, but for one cut at an offset of each direction's stream */
	CUT_RANDOM,   /* pieces of random length, by seed */
};

struct cut {
	enum cut_kind kind;
	size_t offset;
	uint64_t seed;
};

/* ---- Checks ------------------------------------------------------------------------------------------------------------ */

/* How a scenario ended. */
enum outcome {
	OUTCOME_PASSED,
	OUTCOME_FAILED,
	OUTCOME_NOT_APPLICABLE
};

enum outcome contract_failed(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
enum outcome contract_not_applicable(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Puts before the reason of a failure which of several cases it was; answers outcome. */
enum outcome contract_within(enum outcome outcome, const char *what);

/* Ends the scenario as failed, with what was expected; the link and contexts are freed by the runner. */
#define CHECK(condition)                                                              \
	do {                                                                          \
		if (!(condition))                                                     \
			return contract_failed(__FILE__, __LINE__, "%s", #condition); \
	} while (0)
#define CHECK_EQUAL(actual, expected)                                                                             \
	do {                                                                                                      \
		long long actual_ = (long long)(actual);                                                          \
		long long expected_ = (long long)(expected);                                                      \
		if (actual_ != expected_)                                                                         \
			return contract_failed(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", #actual, actual_, \
				#expected, expected_);                                                            \
	} while (0)
/* Passes a failure of a helper on. */
#define CHECK_PASSED(call)                      \
	do {                                    \
		enum outcome outcome_ = (call); \
		if (outcome_ != OUTCOME_PASSED) \
			return outcome_;        \
	} while (0)

/* ---- Material ---------------------------------------------------------------------------------------------------------- */

/* The path of a file in the suite's folder; lent, one of a few rotating buffers. */
const char *pki_path(const char *file);
/* Makes all certificates (pki.c lists them); exits the program when the openssl command fails. */
void pki_make(void);
void pki_remove(void);

/* ---- Contexts from a short description ---------------------------------------------------------------------------------- */

#define WANT_CHAINS_MAX 6
#define WANT_LIST_MAX   8

/* What one end is to be; zero is the ordinary case. */
struct want {
	uint16_t min_version; /* 0: the pair's version */
	uint16_t max_version;
	uint16_t suites[WANT_LIST_MAX];
	size_t n_suites;
	struct unitls_bytes alpn[WANT_LIST_MAX];
	size_t n_alpn;
	enum unitls_alpn_policy alpn_policy;
	const char *trust; /* NULL: the suite's root for a client, none for a server; "": empty; else a file */
	const char *chains
		[WANT_CHAINS_MAX]; /* NAME: NAME.pem (chain) and NAME.key; a server without any has "server" */
	const char *password;      /* of their keys */
	enum unitls_client_auth client_auth;
	enum unitls_sni_policy sni_policy;
	unitls_hello_callback hello_callback;
	void *hello_argument;
	unitls_clock clock;
	bool skip_verification;
	bool no_tickets;
	struct unitls_ticket_keys *ticket_keys;
	uint16_t groups[WANT_LIST_MAX];
	size_t n_groups;
	uint16_t schemes[WANT_LIST_MAX];
	size_t n_schemes;
	const char *crls; /* a file */
	enum unitls_ocsp ocsp;
	const char *staple; /* a file, for the first chain */
	unitls_key_log_callback key_log;
	void *key_log_argument;
	const struct unitls_signer *signer; /* signs for the chains in the place of their keys */
	void *signer_argument;
};

/* Everything a scenario makes is registered with the run and freed after it. NULL: *error says why. */
struct unitls_client_context *contract_client(
	const struct pair *pair, const struct want *want, struct unitls_error *error);
struct unitls_server_context *contract_server(
	const struct pair *pair, const struct want *want, struct unitls_error *error);

/* Lets go of them before that: for scenarios that make many, or that free a context under its connections. */
void contract_release(void);

/* ---- Links --------------------------------------------------------------------------------------------------------------- */

enum end_name {
	CLIENT,
	SERVER
};

struct end {
	struct unitls_connection *connection;
	int status;                /* of the handshake */
	struct unitls_error error; /* of the handshake */
	uint8_t *received;         /* plaintext read so far */
	size_t n_received;
	int read_status; /* of the last read that gave nothing; UNITLS_OK before */
	struct unitls_error read_error;
	size_t sent; /* ciphertext taken out so far */
	bool closed; /* its transport was ended */
};

struct link {
	struct end ends[2];
	struct cut cut;
	uint64_t random;
};

/* Two connections; peer: the name the client expects (NULL: "server.example"). */
enum outcome link_open(struct link *link, struct unitls_client_context *client,
	struct unitls_server_context *server, const char *peer, const struct cut *cut);
/* open with contexts made from the descriptions. */
enum outcome link_between(struct link *link, const struct pair *pair, const struct want *client,
	const struct want *server, const struct cut *cut);
void link_close(struct link *link);
/* Runs the handshake to its end on both sides: done, or failed with the alert delivered. When one failed, the other is told the end of the transport. */
void link_handshake(struct link *link);
/* One turn of it at each end; false when it is at its end. */
bool link_turn(struct link *link);
/* Whether it succeeded on both sides. */
enum outcome link_check_connected(const struct link *link);
/* The same, and both must have succeeded. */
enum outcome link_connect(struct link *link);
/* Moves the next piece from one end to the other; how many bytes. */
size_t link_move(struct link *link, enum end_name from);
/* Moves all that is outgoing from one end, reading at the other as it comes. */
void link_deliver(struct link *link, enum end_name from);
/* Writes all of it and delivers it; CHECKs that it all arrived. */
enum outcome link_send(struct link *link, enum end_name from, const void *data, size_t size);
/* Reads until nothing more comes: end->received grows, end->read_status says why it stopped. */
void link_read(struct end *end);
/* Tells one end that its transport has ended. */
void link_end(struct link *link, enum end_name at);
/* Seeded pseudo-random numbers, for tests that must be repeatable. */
uint64_t contract_random(uint64_t *state);

/* ---- Scenarios ------------------------------------------------------------------------------------------------------------- */

enum scenario_scope {
	PER_CUT,    /* run for every pair, version and cut, all offsets included */
	PER_PAIR,   /* for every pair and version: whole, one byte at a time, a few random cuts */
	PER_SERVER, /* for every server backend and version: the client is made of bytes, or does not matter */
	ONCE,       /* once for all */
};

struct scenario {
	const char *name;
	const char *items; /* numbers of conformance items, such as "1 2 7" */
	enum scenario_scope scope;
	enum outcome (*run)(const struct pair *pair, const struct cut *cut);
};

/* One table a file, ended by a NULL name. */
extern const struct scenario close_scenarios[];
extern const struct scenario progress_scenarios[];
extern const struct scenario failure_scenarios[];
extern const struct scenario hello_scenarios[];
extern const struct scenario alpn_scenarios[];
extern const struct scenario certificate_scenarios[];
extern const struct scenario cipher_scenarios[];
extern const struct scenario lifetime_scenarios[];
extern const struct scenario peer_scenarios[];
extern const struct scenario session_scenarios[];
extern const struct scenario exporter_scenarios[];
extern const struct scenario negotiation_scenarios[];
extern const struct scenario revocation_scenarios[];
extern const struct scenario external_scenarios[];
extern const struct scenario differential_scenarios[];

#endif
