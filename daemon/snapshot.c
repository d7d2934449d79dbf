/* Writing and mapping snapshots. The reader trusts the seals for "does not change" and nothing else: every offset is checked
 * once, when it is opened. */

#include "daemon/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct snapshot_header {
	char magic[16];
	uint64_t count;
	uint64_t size; /* of the whole snapshot */
};

struct snapshot_entry {
	char name[SNAPSHOT_NAME_MAX];
	uint64_t offset; /* from the start of the snapshot */
	uint64_t size;
};

_Static_assert(sizeof(struct snapshot_header) == 32, "the header has no padding");
_Static_assert(sizeof(struct snapshot_entry) == SNAPSHOT_NAME_MAX + 16, "an entry has no padding");

static const char snapshot_magic[16] = "unitls-snap-001";

struct pending {
	char name[SNAPSHOT_NAME_MAX];
	uint8_t *data;
	size_t size;
};

struct snapshot_writer {
	struct pending *items; /* in the order of adding */
	size_t *slots;         /* open addressing: index in items plus one; a power of two of them */
	size_t count;
	size_t capacity;
	size_t slot_count;
	uint64_t size;
};

struct snapshot {
	const uint8_t *data;
	const struct snapshot_entry *entries;
	size_t count;
	size_t size;
};

int snapshot_writer_new(struct snapshot_writer **ret)
{
	struct snapshot_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return -ENOMEM;
	writer->size = sizeof(struct snapshot_header);
	*ret = writer;
	return 0;
}

void snapshot_writer_free(struct snapshot_writer *writer)
{
	if (!writer)
		return;
	for (size_t i = 0; i < writer->count; i++) {
		if (writer->items[i].data)
			explicit_bzero(writer->items[i].data, writer->items[i].size); /* may be a private key */
		free(writer->items[i].data);
	}
	free(writer->items);
	free(writer->slots);
	free(writer);
}

/* FNV-1a: names are digests already, so nothing better is needed. */
static size_t hash_name(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	return (size_t)(hash ^ hash >> 32);
}

static size_t *find_slot(const struct snapshot_writer *writer, const char *name)
{
	size_t at = hash_name(name) & (writer->slot_count - 1);

	while (writer->slots[at] != 0 && strcmp(writer->items[writer->slots[at] - 1].name, name) != 0)
		at = (at + 1) & (writer->slot_count - 1);
	return &writer->slots[at];
}

static int grow(struct snapshot_writer *writer)
{
	size_t capacity = writer->capacity ? writer->capacity * 2 : 64;
	struct pending *items = reallocarray(writer->items, capacity, sizeof(*items));

	if (!items)
		return -ENOMEM;
	writer->items = items;
	size_t *slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(writer->slots);
	writer->slots = slots;
	writer->slot_count = capacity * 2;
	writer->capacity = capacity;
	for (size_t i = 0; i < writer->count; i++)
		*find_slot(writer, writer->items[i].name) = i + 1;
	return 0;
}

int snapshot_writer_add(struct snapshot_writer *writer, const char *name, const void *data, size_t size)
{
	size_t name_length = strlen(name);
	uint64_t added = sizeof(struct snapshot_entry) + (uint64_t)size;
	struct pending *item;
	int r;

	if (name_length == 0 || name_length >= SNAPSHOT_NAME_MAX)
		return -ENAMETOOLONG;
	if (writer->count >= SNAPSHOT_ENTRIES_MAX || added > SNAPSHOT_SIZE_MAX - writer->size)
		return -E2BIG;
	if (writer->count == writer->capacity) {
		r = grow(writer);
		if (r < 0)
			return r;
	}
	size_t *slot = find_slot(writer, name);
	if (*slot != 0)
		return 1;
	item = &writer->items[writer->count];
	memset(item, 0, sizeof(*item));
	memcpy(item->name, name, name_length + 1);
	item->data = malloc(size ? size : 1);
	if (!item->data)
		return -ENOMEM;
	if (size > 0)
		memcpy(item->data, data, size);
	item->size = size;
	writer->size += added;
	writer->count++;
	*slot = writer->count;
	return 0;
}

static int compare_pending(const void *left, const void *right)
{
	const struct pending *const *a = left;
	const struct pending *const *b = right;

	return strcmp((*a)->name, (*b)->name);
}

static void fill(const struct snapshot_writer *writer, const struct pending *const *sorted, uint8_t *out)
{
	struct snapshot_header header = {.count = writer->count, .size = writer->size};
	uint64_t offset = sizeof(header) + writer->count * sizeof(struct snapshot_entry);

	memcpy(header.magic, snapshot_magic, sizeof(header.magic));
	memcpy(out, &header, sizeof(header));
	for (size_t i = 0; i < writer->count; i++) {
		struct snapshot_entry entry = {.offset = offset, .size = sorted[i]->size};

		memcpy(entry.name, sorted[i]->name, sizeof(entry.name));
		memcpy(out + sizeof(header) + i * sizeof(entry), &entry, sizeof(entry));
		memcpy(out + offset, sorted[i]->data, sorted[i]->size);
		offset += sorted[i]->size;
	}
}

/* Sizes the memfd, fills it through a mapping that is gone before the seal, and seals it. */
static int write_out(const struct snapshot_writer *writer, const struct pending *const *sorted, int fd)
{
	void *out;

	if (fallocate(fd, 0, 0, (off_t)writer->size) < 0) /* memory is promised now, not by a signal later */
		return -errno;
	out = mmap(NULL, (size_t)writer->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (out == MAP_FAILED)
		return -errno;
	fill(writer, sorted, out);
	if (munmap(out, (size_t)writer->size) < 0)
		return -errno;
	return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : 0;
}

int snapshot_writer_finish(struct snapshot_writer *writer, int *ret_fd)
{
	const struct pending **sorted = calloc(writer->count + 1, sizeof(const struct pending *));
	int fd = -1;
	int r;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < writer->count; i++)
		sorted[i] = &writer->items[i];
	qsort(sorted, writer->count, sizeof(const struct pending *), compare_pending);
	fd = memfd_create("unitls-snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		r = -errno;
		goto out;
	}
	r = write_out(writer, sorted, fd);
	if (r < 0)
		goto out;
	*ret_fd = fd;
	fd = -1;
out:
	if (fd >= 0)
		(void)close(fd);
	free(sorted);
	return r;
}

static bool entry_is_good(const struct snapshot *snapshot, size_t index)
{
	const struct snapshot_entry *entry = &snapshot->entries[index];
	size_t first = sizeof(struct snapshot_header) + snapshot->count * sizeof(*entry);

	if (entry->name[0] == '\0' || !memchr(entry->name, '\0', sizeof(entry->name)))
		return false;
	if (index > 0 && strcmp(snapshot->entries[index - 1].name, entry->name) >= 0)
		return false;
	return entry->offset >= first && entry->offset <= snapshot->size &&
		entry->size <= snapshot->size - entry->offset;
}

static int check(struct snapshot *snapshot)
{
	struct snapshot_header header;

	memcpy(&header, snapshot->data, sizeof(header));
	if (memcmp(header.magic, snapshot_magic, sizeof(header.magic)) != 0 || header.size != snapshot->size)
		return -EBADMSG;
	if (header.count > SNAPSHOT_ENTRIES_MAX ||
		header.count > (snapshot->size - sizeof(header)) / sizeof(struct snapshot_entry))
		return -EBADMSG;
	snapshot->count = (size_t)header.count;
	snapshot->entries = (const struct snapshot_entry *)(const void *)(snapshot->data + sizeof(header));
	for (size_t i = 0; i < snapshot->count; i++) {
		if (!entry_is_good(snapshot, i))
			return -EBADMSG;
	}
	return 0;
}

int snapshot_open(int fd, struct snapshot **ret)
{
	struct snapshot *snapshot;
	struct stat status;
	void *data;
	int seals = fcntl(fd, F_GET_SEALS);
	int r;

	if (seals < 0)
		return errno == EINVAL ? -EPERM : -errno;
	if ((seals & SEALS) != SEALS)
		return -EPERM;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size < (off_t)sizeof(struct snapshot_header) || (uint64_t)status.st_size > SNAPSHOT_SIZE_MAX)
		return -EBADMSG;
	snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return -ENOMEM;
	snapshot->size = (size_t)status.st_size;
	data = mmap(NULL, snapshot->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		r = -errno;
		free(snapshot);
		return r;
	}
	(void)madvise(data, snapshot->size,
		MADV_DONTDUMP); /* keys do not belong in a core; without it only that is lost */
	snapshot->data = data;
	r = check(snapshot);
	if (r < 0) {
		snapshot_close(snapshot);
		return r;
	}
	*ret = snapshot;
	return 0;
}

void snapshot_close(struct snapshot *snapshot)
{
	union {
		const uint8_t *lent;
		void *mapping;
	} data;

	if (!snapshot)
		return;
	data.lent = snapshot->data;
	(void)munmap(data.mapping, snapshot->size);
	free(snapshot);
}

int snapshot_find(const struct snapshot *snapshot, const char *name, const uint8_t **ret_data, size_t *ret_size)
{
	size_t low = 0;
	size_t high = snapshot->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct snapshot_entry *entry = &snapshot->entries[middle];
		int order = strcmp(name, entry->name);

		if (order == 0) {
			*ret_data = snapshot->data + entry->offset;
			*ret_size = (size_t)entry->size;
			return 0;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -ENOENT;
}

size_t snapshot_count(const struct snapshot *snapshot)
{
	return snapshot->count;
}

const char *snapshot_name(const struct snapshot *snapshot, size_t index)
{
	return snapshot->entries[index].name;
}

int snapshot_read_config(const struct snapshot *snapshot, struct diagnostics *list, struct config **ret)
{
	const uint8_t *text;
	size_t size;
	int r = snapshot_find(snapshot, SNAPSHOT_CONFIG, &text, &size);

	if (r < 0)
		return r;
	return config_parse_text("snapshot", (const char *)text, size, CONFIG_FORM_SNAPSHOT, list, ret);
}
