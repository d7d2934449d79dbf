/*
 * The library's two ends: its I/O callbacks over the core's transport.
 *
 * The library's output is always taken whole. It keeps what a callback leaves it, but appends the next record at the wrong place when a part was taken
 * (5.5.4: GrowOutputBuffer and its callers forget the index). What the transport has no room for waits here, and the library gets nothing to read
 * meanwhile, so that it cannot make more.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_IO_H
#define UNITLS_BACKEND_WOLFSSL_IO_H

#include "backends/wolfssl/library.h"
#include "backends/wolfssl/records.h"
#include "core/backend.h"

struct wolf_io {
	struct unitls_transport *transport;
	uint8_t *unsent; /* [head, tail): what waits for room in the transport */
	size_t unsent_head;
	size_t unsent_tail;
	size_t unsent_capacity;
	struct wolf_records sent;
	struct wolf_records received;
	bool muted; /* our last record is out (a fatal alert, close_notify): what the library still makes is dropped */
	bool out_of_memory;
	bool misfit;     /* a record came whose type is none */
	int fatal_alert; /* of the library, as the library knows it; UNITLS_ALERT_NONE */
	int plain_alert; /* of the peer, in the clear among protected records; UNITLS_ALERT_NONE */
};

void wolf_io_init(struct wolf_io *io, struct unitls_transport *transport);
void wolf_io_fini(struct wolf_io *io);
/* Makes io the connection's. */
void wolf_io_attach(struct wolf_io *io, WOLFSSL *ssl);
/* Sends what waited. True when nothing waits any more. */
bool wolf_io_flush(struct wolf_io *io);
/* Queues bytes for the peer behind what waits. False without memory. */
bool wolf_io_write(struct wolf_io *io, const uint8_t *data, size_t size);

/* The callbacks, for contexts. */
int wolf_io_on_send(WOLFSSL *ssl, char *data, int size, void *io);
int wolf_io_on_receive(WOLFSSL *ssl, char *buffer, int size, void *io);

#endif
