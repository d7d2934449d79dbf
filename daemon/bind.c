/* Making listening sockets. */

#include "daemon/bind.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/tcp_options.h"

#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif

#define BACKLOG 4096 /* the kernel takes net.core.somaxconn when that is less */

/* TCP flags, in the byte at that offset of the header. */
#define TCP_FLAGS_OFFSET 13
#define TCP_FLAG_SYN     0x02
#define TCP_FLAG_ACK     0x10

static const struct sockaddr *sockaddr_of(const struct address *address)
{
	return (const struct sockaddr *)&address->storage;
}

static int set_flag(int fd, int level, int option)
{
	int one = 1;

	return setsockopt(fd, level, option, &one, sizeof(one)) == 0 ? 0 : -errno;
}

static int new_tcp(const struct address *address, int *ret_fd)
{
	int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
	if (r == 0 && address->storage.ss_family == AF_INET6)
		r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int bind_tcp(const struct address *address, int *ret_fd)
{
	int fd;
	int r;

	r = new_tcp(address, &fd);
	if (r < 0)
		return r;
	r = set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
	if (r == 0 && bind(fd, sockaddr_of(address), address->length) != 0)
		r = -errno;
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int bind_probe(const struct address *address)
{
	int fd;
	int r;

	r = new_tcp(address, &fd);
	if (r < 0)
		return r;
	if (bind(fd, sockaddr_of(address), address->length) != 0)
		r = -errno;
	(void)close(fd);
	return r;
}

static const char *path_of(const struct address *address)
{
	const struct sockaddr_un *name = (const struct sockaddr_un *)(const void *)&address->storage;

	return name->sun_path;
}

/* Takes away the file of a socket on which nobody answers. Returns 0 when the path is free now. */
static int clear_stale(const struct address *address)
{
	struct stat status;
	int fd;
	int r;

	if (path_of(address)[0] == '\0' || lstat(path_of(address), &status) != 0)
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, sockaddr_of(address), address->length) == 0 ? 0 : -errno;
	(void)close(fd);
	if (r == 0 || r == -EAGAIN)
		return -EADDRINUSE;
	if (r != -ECONNREFUSED)
		return r;
	return unlink(path_of(address)) == 0 || errno == ENOENT ? 0 : -errno;
}

int bind_unix(const struct address *address, int *ret_fd)
{
	int fd;
	int r;

	r = clear_stale(address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, sockaddr_of(address), address->length) != 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

ino_t bind_inode(const struct address *address)
{
	struct stat status;

	if (path_of(address)[0] == '\0' || lstat(path_of(address), &status) != 0)
		return 0;
	return status.st_ino;
}

void bind_unlink(const struct address *address, ino_t inode)
{
	if (inode != 0 && bind_inode(address) == inode)
		(void)unlink(path_of(address));
}

int bind_listen(int fd)
{
	int family = AF_UNSPEC;
	socklen_t size = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0)
		tcp_options_set(fd, family);
	return listen(fd, BACKLOG) == 0 ? 0 : -errno;
}

int bind_steer(int fd, unsigned count)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (count == 0)
		return -EINVAL;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0 ? 0 : -errno;
}

int bind_unsteer(int fd)
{
	int none = 0;

	return setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none)) == 0 ? 0 : -errno;
}

int bind_deafen(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_OFFSET),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TCP_FLAG_SYN | TCP_FLAG_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_FLAG_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 ? 0 : -errno;
}
