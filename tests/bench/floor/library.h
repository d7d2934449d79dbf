/*
 * What the floor asks of a TLS library: both ends of a connection in memory, with the library's own calls and nothing of ours above them.
 * One file a library implements it; errors end the program, as there is nobody to go on for.
 */
#ifndef UNITLS_BENCH_FLOOR_LIBRARY_H
#define UNITLS_BENCH_FLOOR_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOOR_PIPE_BYTES 131072

/* One direction between the ends. */
struct floor_pipe {
	uint8_t bytes[FLOOR_PIPE_BYTES];
	size_t head;
	size_t tail;
};

/* What a case asks for. */
struct floor_params {
	const char *certificate; /* PEM files */
	const char *key;
	bool tls_1_2;     /* else TLS 1.3; never anything else */
	bool resume;      /* the client offers the session that it saw before */
	unsigned tickets; /* that a TLS 1.3 server sends */
};

struct floor_context; /* of one role; made once a case */
struct floor_end;     /* one end of one connection */

const char *floor_library_name(void);
const char *floor_library_version(void);

struct floor_context *floor_context_new(const struct floor_params *params, bool server);
void floor_context_free(struct floor_context *context);

/* The pipes are the caller's and are shared by both ends. */
struct floor_end *floor_end_new(struct floor_context *context, struct floor_pipe *in, struct floor_pipe *out);
void floor_end_free(struct floor_end *end);
/* True when the handshake is complete; false: more has to come in. */
bool floor_end_handshake(struct floor_end *end);
bool floor_end_resumed(struct floor_end *end);
void floor_end_write(struct floor_end *end, const void *data, size_t size);
/* How much was read; 0: nothing is there. A client keeps the session that comes with a ticket, for its context. */
size_t floor_end_read(struct floor_end *end, void *data, size_t size);

/* For implementations. */
size_t floor_pipe_take(struct floor_pipe *pipe, void *data, size_t size);
size_t floor_pipe_put(struct floor_pipe *pipe, const void *data, size_t size);
_Noreturn void floor_die(const char *what);

#endif
