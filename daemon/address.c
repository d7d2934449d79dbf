/* Reading and writing addresses. Numeric forms go through inet_pton() alone, so nothing here ever asks a resolver. */

#include "daemon/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define FD_NAME_MAX 255 /* systemd's FDNAME_MAX */

static int refuse(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return -EINVAL;
}

static int parse_port(const char *text, enum address_role role, uint16_t *ret, const char **ret_reason)
{
	unsigned port = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return refuse(ret_reason, "the port is not a number from 1 to 65535");
	for (size_t i = 0; i < digits; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	if (port > UINT16_MAX || (port == 0 && role == ADDRESS_SERVER))
		return refuse(ret_reason, "the port is not a number from 1 to 65535");
	*ret = (uint16_t)port;
	return 0;
}

static int parse_unix(const char *path, struct address *address, const char **ret_reason)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	bool abstract = path[0] == '@';

	if (length < 2 || (!abstract && path[0] != '/'))
		return refuse(ret_reason, "a unix socket is unix:/PATH or unix:@NAME");
	if (length >= sizeof(local.sun_path))
		return refuse(ret_reason, "the path of a unix socket has at most 107 bytes");
	memcpy(local.sun_path, path, length);
	if (abstract)
		local.sun_path[0] = '\0';
	address->kind = ADDRESS_UNIX;
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
	memcpy(&address->storage, &local, sizeof(local));
	return 0;
}

static int parse_inherited(const char *name, struct address *address, const char **ret_reason)
{
	size_t length = strlen(name);

	if (length == 0 || length > FD_NAME_MAX)
		return refuse(ret_reason, "fd: takes the FileDescriptorName of a systemd socket");
	for (size_t i = 0; i < length; i++) {
		/* systemd.socket(5): ASCII without control characters and ":" */
		if (name[i] <= ' ' || name[i] > '~' || name[i] == ':')
			return refuse(ret_reason, "fd: takes the FileDescriptorName of a systemd socket");
	}
	address->kind = ADDRESS_INHERITED;
	memcpy(address->host, name, length + 1);
	return 0;
}

static void set_inet(struct address *address, struct in_addr ip, uint16_t port)
{
	struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = ip};

	address->kind = ADDRESS_INET;
	address->port = port;
	address->length = sizeof(inet);
	memcpy(&address->storage, &inet, sizeof(inet));
}

/* "fe80::1%eth0" without brackets; the zone is an interface's name or number. */
static int parse_inet6(char *text, uint16_t port, struct address *address, const char **ret_reason)
{
	struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	char *zone = strchr(text, '%');

	if (zone)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, text, &inet6.sin6_addr) != 1)
		return refuse(ret_reason, "not an IPv6 address");
	if (zone) {
		inet6.sin6_scope_id = if_nametoindex(zone);
		if (inet6.sin6_scope_id == 0)
			return refuse(ret_reason, "no network interface has the name after \"%\"");
	}
	address->kind = ADDRESS_INET;
	address->port = port;
	address->length = sizeof(inet6);
	memcpy(&address->storage, &inet6, sizeof(inet6));
	return 0;
}

static bool is_label_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* A host name of the usual form; an underscore is let through because internal names have it. */
static int parse_name(const char *text, struct address *address, const char **ret_reason)
{
	size_t length = strlen(text);
	size_t label = 0;
	bool numeric = true; /* the last label has digits only: a mistyped IPv4 address */

	if (length > 0 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > 253)
		return refuse(ret_reason, "the host name is empty or longer than 253 bytes");
	for (size_t i = 0; i < length; i++) {
		char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];

		address->host[i] = c;
		if (c == '.' ? label == 0 || label > 63 : !is_label_byte(c))
			return refuse(ret_reason, "not a host name");
		label = c == '.' ? 0 : label + 1;
		numeric = c == '.' || (numeric && c >= '0' && c <= '9');
	}
	if (label == 0 || label > 63)
		return refuse(ret_reason, "not a host name");
	if (numeric)
		return refuse(ret_reason, "neither an IPv4 address nor a host name");
	address->host[length] = '\0';
	address->kind = ADDRESS_NAME;
	return 0;
}

static int parse_host(char *host, enum address_role role, struct address *address, const char **ret_reason)
{
	struct in_addr ip;

	if (inet_pton(AF_INET, host, &ip) == 1) {
		set_inet(address, ip, address->port);
		return 0;
	}
	if (role == ADDRESS_LISTEN && strcmp(host, "*") == 0) {
		set_inet(address, (struct in_addr){.s_addr = htonl(INADDR_ANY)}, address->port);
		return 0;
	}
	if (role == ADDRESS_LISTEN)
		return refuse(ret_reason, "a listener takes an IP address, not a host name");
	return parse_name(host, address, ret_reason);
}

/* HOST:PORT or [V6]:PORT, in a copy that may be cut. */
static int parse_host_port(char *text, enum address_role role, struct address *address, const char **ret_reason)
{
	char *colon = strrchr(text, ':');
	char *bracket = strrchr(text, ']');
	int r;

	if (!colon || (bracket && colon < bracket))
		return refuse(ret_reason, "the port is missing");
	r = parse_port(colon + 1, role, &address->port, ret_reason);
	if (r < 0)
		return r;
	*colon = '\0';
	if (text[0] == '[') {
		if (!bracket || bracket + 1 != colon)
			return refuse(ret_reason, "an IPv6 address is written [ADDRESS]:PORT");
		*bracket = '\0';
		return parse_inet6(text + 1, address->port, address, ret_reason);
	}
	if (strchr(text, ':'))
		return refuse(ret_reason, "an IPv6 address is written [ADDRESS]:PORT");
	return parse_host(text, role, address, ret_reason);
}

int address_parse(const char *text, enum address_role role, struct address *ret, const char **ret_reason)
{
	struct address address = {0};
	char copy[ADDRESS_TEXT_MAX];
	size_t length = strlen(text);
	int r;

	if (length >= sizeof(copy))
		return refuse(ret_reason, "the address is too long");
	memcpy(copy, text, length + 1);
	if (strncmp(text, "unix:", 5) == 0)
		r = parse_unix(copy + 5, &address, ret_reason);
	else if (strncmp(text, "fd:", 3) == 0 && role == ADDRESS_LISTEN)
		r = parse_inherited(copy + 3, &address, ret_reason);
	else
		r = parse_host_port(copy, role, &address, ret_reason);
	if (r < 0)
		return r;
	*ret = address;
	return 0;
}

int address_from_sockaddr(const struct sockaddr *sockaddr, socklen_t length, struct address *ret)
{
	struct address address = {.length = length};

	if (length < sizeof(sa_family_t) || length > sizeof(address.storage))
		return -EAFNOSUPPORT;
	memcpy(&address.storage, sockaddr, length);
	switch (address.storage.ss_family) {
	case AF_INET:
		if (length < sizeof(struct sockaddr_in))
			return -EAFNOSUPPORT;
		address.kind = ADDRESS_INET;
		address.port = ntohs(((const struct sockaddr_in *)&address.storage)->sin_port);
		break;
	case AF_INET6:
		if (length < sizeof(struct sockaddr_in6))
			return -EAFNOSUPPORT;
		address.kind = ADDRESS_INET;
		address.port = ntohs(((const struct sockaddr_in6 *)&address.storage)->sin6_port);
		break;
	case AF_UNIX:
		address.kind = ADDRESS_UNIX;
		break;
	default:
		return -EAFNOSUPPORT;
	}
	*ret = address;
	return 0;
}

static void format_unix(const struct address *address, char *buffer, size_t size)
{
	struct sockaddr_un local;
	size_t length = address->length - offsetof(struct sockaddr_un, sun_path);

	memcpy(&local, &address->storage, sizeof(local));
	if (address->length <= offsetof(struct sockaddr_un, sun_path)) {
		(void)snprintf(buffer, size, "unix:"); /* a client that bound no name */
		return;
	}
	if (length > sizeof(local.sun_path))
		length = sizeof(local.sun_path);
	if (local.sun_path[0] == '\0')
		(void)snprintf(buffer, size, "unix:@%.*s", (int)length - 1, local.sun_path + 1);
	else
		(void)snprintf(buffer, size, "unix:%.*s", (int)length, local.sun_path);
}

const char *address_format_ip(const struct address *address, char *buffer, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (size == 0)
		return buffer;
	buffer[0] = '\0';
	if (address->kind != ADDRESS_INET)
		return buffer;
	if (address->storage.ss_family == AF_INET) {
		const struct sockaddr_in *inet = (const struct sockaddr_in *)&address->storage;

		(void)inet_ntop(AF_INET, &inet->sin_addr, text, sizeof(text));
	} else {
		const struct sockaddr_in6 *inet6 = (const struct sockaddr_in6 *)&address->storage;

		(void)inet_ntop(AF_INET6, &inet6->sin6_addr, text, sizeof(text));
	}
	(void)snprintf(buffer, size, "%s", text);
	return buffer;
}

static void format_inet6(const struct address *address, char *buffer, size_t size)
{
	const struct sockaddr_in6 *inet6 = (const struct sockaddr_in6 *)&address->storage;
	char ip[INET6_ADDRSTRLEN];
	char zone[IF_NAMESIZE];

	(void)address_format_ip(address, ip, sizeof(ip));
	if (inet6->sin6_scope_id == 0)
		(void)snprintf(buffer, size, "[%s]:%u", ip, address->port);
	else if (if_indextoname(inet6->sin6_scope_id, zone))
		(void)snprintf(buffer, size, "[%s%%%s]:%u", ip, zone, address->port);
	else
		(void)snprintf(buffer, size, "[%s%%%u]:%u", ip, inet6->sin6_scope_id, address->port);
}

const char *address_format(const struct address *address, char *buffer, size_t size)
{
	char ip[INET6_ADDRSTRLEN];

	switch (address->kind) {
	case ADDRESS_INET:
		if (address->storage.ss_family == AF_INET6)
			format_inet6(address, buffer, size);
		else
			(void)snprintf(
				buffer, size, "%s:%u", address_format_ip(address, ip, sizeof(ip)), address->port);
		break;
	case ADDRESS_UNIX:
		format_unix(address, buffer, size);
		break;
	case ADDRESS_NAME:
		(void)snprintf(buffer, size, "%s:%u", address->host, address->port);
		break;
	case ADDRESS_INHERITED:
		(void)snprintf(buffer, size, "fd:%s", address->host);
		break;
	}
	return buffer;
}

static bool inet_equal(const struct address *a, const struct address *b)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&a->storage;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)&b->storage;
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a->storage;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)&b->storage;

	if (a->storage.ss_family != b->storage.ss_family || a->port != b->port)
		return false;
	if (a->storage.ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0 &&
		a6->sin6_scope_id == b6->sin6_scope_id;
}

bool address_equal(const struct address *a, const struct address *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case ADDRESS_INET:
		return inet_equal(a, b);
	case ADDRESS_UNIX:
		return a->length == b->length && memcmp(&a->storage, &b->storage, a->length) == 0;
	case ADDRESS_NAME:
		return a->port == b->port && strcmp(a->host, b->host) == 0;
	case ADDRESS_INHERITED:
		return strcmp(a->host, b->host) == 0;
	}
	return false;
}
