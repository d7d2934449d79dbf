/* The addresses of upstreams' names. */

#include "daemon/names.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct names {
	void *tree; /* of struct names_entry, by host */
};

static int compare(const void *a, const void *b)
{
	const struct names_entry *left = a;
	const struct names_entry *right = b;

	return strcmp(left->host, right->host);
}

static struct names_entry *find(const struct names *names, const char *host)
{
	struct names_entry key;
	void *node;

	if (strlen(host) >= sizeof(key.host))
		return NULL;
	memcpy(key.host, host, strlen(host) + 1);
	node = tfind(&key, &names->tree, compare);
	return node == NULL ? NULL : *(struct names_entry **)node;
}

int names_new(struct names **ret)
{
	struct names *names = calloc(1, sizeof(*names));

	if (names == NULL)
		return -ENOMEM;
	*ret = names;
	return 0;
}

void names_free(struct names *names)
{
	if (names == NULL)
		return;
	tdestroy(names->tree, free);
	free(names);
}

static struct names_entry *add(struct names *names, const char *host)
{
	struct names_entry *entry;

	if (strlen(host) >= sizeof(entry->host))
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	memcpy(entry->host, host, strlen(host) + 1);
	if (tsearch(entry, &names->tree, compare) != NULL)
		return entry;
	free(entry);
	return NULL;
}

int names_set(struct names *names, const char *host, const struct ipc_ip *items, size_t count)
{
	struct names_entry *entry = find(names, host);

	if (entry == NULL)
		entry = add(names, host);
	if (entry == NULL)
		return -ENOMEM;
	if (count == 0)
		return 0;
	if (count > IPC_ADDRESSES_MAX)
		count = IPC_ADDRESSES_MAX;
	memcpy(entry->items, items, count * sizeof(items[0]));
	entry->count = count;
	return 0;
}

const struct names_entry *names_find(const struct names *names, const char *host)
{
	return find(names, host);
}

void names_mark(struct names *names, const char *host)
{
	struct names_entry *entry = find(names, host);

	if (entry != NULL)
		entry->used = true;
}

struct walk {
	struct names_entry *unused;
};

static void on_node(const void *node, VISIT visit, void *argument)
{
	struct names_entry *entry = *(struct names_entry *const *)node;
	struct walk *walk = argument;

	if ((visit == postorder || visit == leaf) && !entry->used)
		walk->unused = entry;
}

static void clear_mark(const void *node, VISIT visit, void *argument)
{
	(void)visit;
	(void)argument;
	(*(struct names_entry *const *)node)->used = false;
}

void names_retain(struct names *names)
{
	struct walk walk;

	/* A tree must not change during a walk, and few names go at once. */
	do {
		walk.unused = NULL;
		twalk_r(names->tree, on_node, &walk);
		if (walk.unused != NULL) {
			(void)tdelete(walk.unused, &names->tree, compare);
			free(walk.unused);
		}
	} while (walk.unused != NULL);
	twalk_r(names->tree, clear_mark, NULL);
}
