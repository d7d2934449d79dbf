/* What "unitlsctl status" says: one "KEY VALUE..." a line, for people and for scripts.
 *
 * It reads and changes nothing. */

#ifndef UNITLSD_STATUS_H
#define UNITLSD_STATUS_H

struct control_client;
struct counters;
struct pool;
struct reload;
struct sockets;
struct tickets;

void status_tell(struct control_client *client, const struct reload *reload, const struct pool *pool,
	const struct sockets *sockets, const struct tickets *tickets, const struct counters *counters);

#endif
