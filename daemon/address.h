/* Addresses as the configuration writes them: what a listener binds and what an upstream connects to.
 *
 * Pure functions on text; nothing is resolved, no descriptor is touched.
 * Invariant: what address_format() writes, address_parse() reads back into an equal address. */

#ifndef UNITLSD_ADDRESS_H
#define UNITLSD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* The longest host name (RFC 1035), and the longest text of any address, each with its NUL. */
#define ADDRESS_HOST_MAX 256
#define ADDRESS_TEXT_MAX 272

enum address_kind {
	ADDRESS_INET,      /* storage is a sockaddr_in or sockaddr_in6 */
	ADDRESS_UNIX,      /* storage is a sockaddr_un (abstract: "unix:@NAME") */
	ADDRESS_NAME,      /* host and port; only an upstream's server */
	ADDRESS_INHERITED, /* host is the FileDescriptorName of a socket systemd passed; only a listener */
};

enum address_role {
	ADDRESS_LISTEN, /* 192.0.2.1:443, [::1]:443, *:443, unix:PATH, fd:NAME; port 0 lets the kernel choose */
	ADDRESS_SERVER, /* 192.0.2.1:443, [::1]:443, name:443, unix:PATH */
};

struct address {
	enum address_kind kind;
	socklen_t length;                /* of storage; 0 for ADDRESS_NAME and ADDRESS_INHERITED */
	struct sockaddr_storage storage; /* ready for bind() or connect() */
	uint16_t port;                   /* host order; INET and NAME */
	char host[ADDRESS_HOST_MAX];     /* NAME: lower case, no trailing dot; INHERITED; else "" */
};

/* Reads TEXT. Returns 0 and fills *ret, or -EINVAL and, in *ret_reason, a constant text that says what is wrong. */
int address_parse(const char *text, enum address_role role, struct address *ret, const char **ret_reason);

/* Takes a socket address of the kernel (getsockname, accept, a resolver). Returns 0, or -EAFNOSUPPORT for another family or a
 * bad length. */
int address_from_sockaddr(const struct sockaddr *sockaddr, socklen_t length, struct address *ret);

/* Writes ADDRESS as text, always terminated; ADDRESS_TEXT_MAX holds every one. Returns BUFFER. */
const char *address_format(const struct address *address, char *buffer, size_t size);

/* The IP address alone, without port and brackets, "" for other kinds. Returns BUFFER. */
const char *address_format_ip(const struct address *address, char *buffer, size_t size);

bool address_equal(const struct address *a, const struct address *b);

#endif
