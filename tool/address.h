/* HOST:PORT: reading it, connecting to it, listening on it. */

#ifndef UNITLS_TOOL_ADDRESS_H
#define UNITLS_TOOL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_HOST_SIZE 256
#define ADDRESS_PORT_SIZE 32
#define ADDRESS_TEXT_SIZE 80 /* an IPv6 address with zone, brackets and port */

struct address {
	char host[ADDRESS_HOST_SIZE]; /* without brackets; "" when left out */
	char port[ADDRESS_PORT_SIZE]; /* a number or the name of a service */
};

/* Reads "HOST:PORT" or "[IPV6]:PORT"; with may_lack_host also "PORT" and ":PORT". NULL, or what is wrong. */
const char *address_parse(const char *text, bool may_lack_host, struct address *ret_address);

/*
 * Connects to the first of the host's addresses that answers before the deadline (monotonic milliseconds), each of which gets its share of
 * the time. Returns a non-blocking descriptor and writes its peer as text; or -1, and writes the reason to why. Names are resolved by the
 * system's resolver, whose own limits of time apply.
 */
int address_connect(
	const struct address *address, int64_t deadline_ms, char peer[ADDRESS_TEXT_SIZE], char why[256]);

/* Listens on the first of the host's addresses that can be bound, "" = 127.0.0.1, "*" = all. As above, with the address that it got. */
int address_listen(const struct address *address, char bound[ADDRESS_TEXT_SIZE], char why[256]);

/* Takes a waiting connection, non-blocking. Returns -1 with errno when there is none. */
int address_accept(int listener, char peer[ADDRESS_TEXT_SIZE]);

#endif
