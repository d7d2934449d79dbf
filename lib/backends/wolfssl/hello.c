#include "backends/wolfssl/hello.h"

/* Where the session id is: behind the headers of record and message, the version and the random. */
#define SESSION_ID_AT (5 + 4 + 2 + 32)

/* Takes a vector off input whose length has one or two octets. */
static bool take(struct unitls_bytes *input, size_t length_size, struct unitls_bytes *ret_vector)
{
	size_t size = 0;

	if (input->size < length_size)
		return false;
	for (size_t i = 0; i < length_size; i++)
		size = size << 8 | input->data[i];
	if (input->size - length_size < size)
		return false;
	*ret_vector = (struct unitls_bytes){input->data + length_size, size};
	input->data += length_size + size;
	input->size -= length_size + size;
	return true;
}

bool wolf_hello_extension(struct unitls_bytes record, enum wolf_extension type, struct unitls_bytes *ret_value)
{
	struct unitls_bytes rest;
	struct unitls_bytes skipped;
	struct unitls_bytes extensions;

	if (record.size < SESSION_ID_AT)
		return false;
	rest = (struct unitls_bytes){record.data + SESSION_ID_AT, record.size - SESSION_ID_AT};
	if (!take(&rest, 1, &skipped) || !take(&rest, 2, &skipped) || !take(&rest, 1, &skipped) ||
		!take(&rest, 2, &extensions))
		return false;
	while (extensions.size >= 2) {
		unsigned number = (unsigned)extensions.data[0] << 8 | extensions.data[1];

		extensions.data += 2;
		extensions.size -= 2;
		if (!take(&extensions, 2, ret_value))
			return false;
		if (number == (unsigned)type)
			return true;
	}
	return false;
}

bool wolf_hello_offers_1_3(struct unitls_bytes record)
{
	struct unitls_bytes value;
	struct unitls_bytes versions;

	if (!wolf_hello_extension(record, WOLF_EXTENSION_VERSIONS, &value) || !take(&value, 1, &versions))
		return false;
	for (size_t i = 0; i + 1 < versions.size; i += 2) {
		if (versions.data[i] == 3 && versions.data[i + 1] == 4)
			return true;
	}
	return false;
}
