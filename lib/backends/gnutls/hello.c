#include "backends/gnutls/hello.h"

#define RECORD_HEADER_SIZE  5
#define MESSAGE_HEADER_SIZE 4
#define RANDOM_SIZE         32
#define SUPPORTED_GROUPS    10
#define SUPPORTED_VERSIONS  43

/* Takes from the front; what is not there makes it and all that is taken later empty. */
struct reader {
	const uint8_t *data;
	size_t size;
};

static struct unitls_bytes take(struct reader *reader, size_t n)
{
	struct unitls_bytes bytes = {NULL, 0};

	if (n > reader->size) {
		reader->size = 0;
		return bytes;
	}
	bytes.data = reader->data;
	bytes.size = n;
	reader->data += n;
	reader->size -= n;
	return bytes;
}

static size_t take_number(struct reader *reader, size_t octets)
{
	struct unitls_bytes bytes = take(reader, octets);
	size_t number = 0;

	for (size_t i = 0; i < bytes.size; i++)
		number = number << 8 | bytes.data[i];
	return number;
}

/* A value behind its length in that many octets. */
static struct unitls_bytes take_vector(struct reader *reader, size_t octets)
{
	size_t n = take_number(reader, octets);

	return take(reader, n);
}

static struct unitls_bytes inner_vector(struct unitls_bytes outer, size_t octets)
{
	struct reader reader = {outer.data, outer.size};

	return take_vector(&reader, octets);
}

void gtls_hello_read(struct unitls_bytes record, struct gtls_hello *ret_hello)
{
	struct reader reader = {record.data, record.size};
	struct unitls_bytes extensions;

	*ret_hello = (struct gtls_hello){0};
	(void)take(&reader, RECORD_HEADER_SIZE + MESSAGE_HEADER_SIZE + 2 + RANDOM_SIZE);
	(void)take_vector(&reader, 1); /* session */
	ret_hello->suites = take_vector(&reader, 2);
	(void)take_vector(&reader, 1); /* compression */
	extensions = take_vector(&reader, 2);
	reader = (struct reader){extensions.data, extensions.size};
	while (reader.size > 0) {
		size_t type = take_number(&reader, 2);
		struct unitls_bytes body = take_vector(&reader, 2);

		if (type == SUPPORTED_GROUPS)
			ret_hello->groups = inner_vector(body, 2);
		else if (type == SUPPORTED_VERSIONS)
			ret_hello->versions = inner_vector(body, 1);
	}
}

bool gtls_hello_lists(struct unitls_bytes list, uint16_t number)
{
	for (size_t i = 0; i + 2 <= list.size; i += 2) {
		if ((list.data[i] << 8 | list.data[i + 1]) == number)
			return true;
	}
	return false;
}
