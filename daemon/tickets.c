/* The secrets of session tickets. */

#include "daemon/tickets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Up to 256 bytes come whole (getrandom(2)). */
static int fill_random(void *data, size_t size)
{
	ssize_t n = getrandom(data, size, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

static int store(int fd, const struct unitls_ticket_secrets *set)
{
	ssize_t n = write(fd, set, sizeof(*set));

	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(*set))
		return -EIO;
	return fcntl(fd, F_ADD_SEALS, SEALS) != 0 ? -errno : 0;
}

static int seal(const struct unitls_ticket_secrets *set, int *ret_fd)
{
	int fd = memfd_create("unitls-tickets", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = store(fd, set);
	if (r < 0)
		(void)close(fd);
	else
		*ret_fd = fd;
	return r;
}

int tickets_init(struct tickets *tickets, uint64_t now_ms)
{
	struct unitls_ticket_secrets set;
	int r;

	*tickets = (struct tickets){.fd = -1, .since_ms = now_ms};
	/* Not an initialiser: padding goes to other processes too. */
	memset(&set, 0, sizeof(set));
	set.n = 2; /* nothing was sealed before */
	r = fill_random(set.secrets, 2 * sizeof(set.secrets[0]));
	if (r == 0)
		r = fill_random(set.stable, sizeof(set.stable));
	if (r == 0)
		r = seal(&set, &tickets->fd);
	explicit_bzero(&set, sizeof(set));
	return r;
}

void tickets_fini(struct tickets *tickets)
{
	if (tickets->fd >= 0)
		(void)close(tickets->fd);
	tickets->fd = -1;
}

bool tickets_due(const struct tickets *tickets, uint64_t now_ms, uint64_t period_ms)
{
	return now_ms - tickets->since_ms >= period_ms;
}

void tickets_advance(struct unitls_ticket_secrets *set, const uint8_t fresh[UNITLS_TICKET_SECRET_SIZE])
{
	memcpy(set->secrets[2], set->secrets[0], UNITLS_TICKET_SECRET_SIZE);
	memcpy(set->secrets[0], set->secrets[1], UNITLS_TICKET_SECRET_SIZE);
	memcpy(set->secrets[1], fresh, UNITLS_TICKET_SECRET_SIZE);
	set->n = 3;
}

int tickets_rotate(struct tickets *tickets, uint64_t now_ms)
{
	struct unitls_ticket_secrets set;
	uint8_t fresh[UNITLS_TICKET_SECRET_SIZE];
	int fd = -1;
	int r = tickets_read(tickets->fd, &set);

	if (r == 0)
		r = fill_random(fresh, sizeof(fresh));
	if (r == 0) {
		tickets_advance(&set, fresh);
		r = seal(&set, &fd);
	}
	explicit_bzero(&set, sizeof(set));
	explicit_bzero(fresh, sizeof(fresh));
	if (r < 0)
		return r;
	(void)close(tickets->fd);
	*tickets = (struct tickets){.fd = fd, .since_ms = now_ms, .last_rotated = time(NULL)};
	return 0;
}

int tickets_parse(const void *data, size_t size, struct unitls_ticket_secrets *ret)
{
	struct unitls_ticket_secrets set;
	int r = -EBADMSG;

	if (size != sizeof(set))
		return r;
	memcpy(&set, data, sizeof(set));
	if (set.n >= 1 && set.n <= UNITLS_TICKET_SECRETS_MAX) {
		*ret = set;
		r = 0;
	}
	explicit_bzero(&set, sizeof(set));
	return r;
}

int tickets_read(int fd, struct unitls_ticket_secrets *ret)
{
	/* One byte more than a set, to see one that is too long. */
	uint8_t data[sizeof(struct unitls_ticket_secrets) + 1];
	ssize_t n = pread(fd, data, sizeof(data), 0);
	int r = n < 0 ? -errno : tickets_parse(data, (size_t)n, ret);

	explicit_bzero(data, sizeof(data));
	return r;
}
