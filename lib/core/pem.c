/*
 * Walks PEM texts line by line, once, and decodes blocks. It knows no labels: what a block is for is its caller's matter. A damaged
 * frame is an error, never passed over: a certificate must not get lost silently.
 */
#include "core/pem.h"

#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#include "core/backend.h"
#include "core/der.h"

static const char begin_mark[] = "-----BEGIN ";
static const char end_mark[] = "-----END ";
static const char dashes[] = "-----";

#define MARK_SIZE(mark) (sizeof(mark) - 1)

bool unitls_pem_is_text(const void *data, size_t size)
{
	struct unitls_bytes bytes = {data, size};

	if (size > 0 && bytes.data[0] == UNITLS_DER_SEQUENCE && unitls_der_size(bytes) == size)
		return false;
	return size > 0 && memmem(data, size, "-----BEGIN", 10) != NULL;
}

void unitls_pem_init(struct unitls_pem_reader *reader, const void *data, size_t size, const char *field)
{
	static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};

	reader->data = data;
	reader->size = size;
	reader->position = 0;
	reader->line = 0;
	reader->field = field;
	if (size >= sizeof(byte_order_mark) && memcmp(data, byte_order_mark, sizeof(byte_order_mark)) == 0)
		reader->position = sizeof(byte_order_mark);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next line, without its end and the blanks before that. */
static bool read_line(struct unitls_pem_reader *reader, struct unitls_bytes *ret_line)
{
	size_t left = reader->size - reader->position;
	const uint8_t *start;
	const uint8_t *newline;
	size_t size;

	if (left == 0)
		return false;
	start = reader->data + reader->position;
	newline = memchr(start, '\n', left);
	size = newline != NULL ? (size_t)(newline - start) : left;
	reader->position += newline != NULL ? size + 1 : size;
	reader->line++;
	while (size > 0 && is_blank(start[size - 1]))
		size--;
	ret_line->data = start;
	ret_line->size = size;
	return true;
}

static bool starts_with(struct unitls_bytes line, const char *mark, size_t size)
{
	return line.size >= size && memcmp(line.data, mark, size) == 0;
}

/* The label between a mark and the dashes at the end of a line; false when it is none. */
static bool read_label(struct unitls_bytes line, size_t mark_size, struct unitls_bytes *ret_label)
{
	if (line.size < mark_size + MARK_SIZE(dashes) + 1 ||
		memcmp(line.data + line.size - MARK_SIZE(dashes), dashes, MARK_SIZE(dashes)) != 0)
		return false;
	ret_label->data = line.data + mark_size;
	ret_label->size = line.size - mark_size - MARK_SIZE(dashes);
	if (ret_label->size > UNITLS_PEM_LABEL_MAX)
		return false;
	for (size_t i = 0; i < ret_label->size; i++)
		if (ret_label->data[i] < 0x20 || ret_label->data[i] > 0x7e)
			return false;
	return true;
}

static int damaged(
	const struct unitls_pem_reader *reader, unsigned line, const char *what, struct unitls_error *error)
{
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, reader->field, "line %u: %s", line, what);
}

/* RFC 1421, 4.6.1.1: "Proc-Type: 4,ENCRYPTED". */
static bool says_encrypted(struct unitls_bytes line)
{
	return starts_with(line, "Proc-Type:", 10) && memmem(line.data, line.size, "ENCRYPTED", 9) != NULL;
}

/* Reads lines up to the END that belongs to the block, whose label and line are set. */
static int read_block(struct unitls_pem_reader *reader, const uint8_t *start, struct unitls_pem_block *block,
	struct unitls_error *error)
{
	struct unitls_bytes line;
	struct unitls_bytes label;
	bool first = true;
	bool in_headers = false;
	const uint8_t *body = reader->data + reader->position;

	while (read_line(reader, &line)) {
		if (starts_with(line, begin_mark, MARK_SIZE(begin_mark)))
			return damaged(reader, block->line, "BEGIN without END", error);
		if (starts_with(line, end_mark, MARK_SIZE(end_mark))) {
			if (!read_label(line, MARK_SIZE(end_mark), &label) || label.size != strlen(block->label) ||
				memcmp(label.data, block->label, label.size) != 0)
				return damaged(reader, reader->line, "END of another block", error);
			block->text.data = start;
			block->text.size = (size_t)(line.data + line.size - start);
			block->body.data = body;
			block->body.size = in_headers ? 0 : (size_t)(line.data - body);
			return UNITLS_OK;
		}
		if (first)
			in_headers = line.size > 0 && memchr(line.data, ':', line.size) != NULL;
		if (in_headers) {
			block->encrypted = block->encrypted || says_encrypted(line);
			in_headers = line.size > 0;
			body = reader->data + reader->position;
		}
		first = false;
	}
	return damaged(reader, block->line, "BEGIN without END", error);
}

int unitls_pem_next(
	struct unitls_pem_reader *reader, struct unitls_pem_block *ret_block, struct unitls_error *error)
{
	struct unitls_pem_block block = {.encrypted = false};
	struct unitls_bytes line;
	struct unitls_bytes label;
	int status;

	while (read_line(reader, &line)) {
		if (starts_with(line, end_mark, MARK_SIZE(end_mark)))
			return damaged(reader, reader->line, "END without BEGIN", error);
		if (!starts_with(line, begin_mark, MARK_SIZE(begin_mark)))
			continue;
		if (!read_label(line, MARK_SIZE(begin_mark), &label))
			return damaged(reader, reader->line, "malformed BEGIN", error);
		memcpy(block.label, label.data, label.size);
		block.line = reader->line;
		status = read_block(reader, line.data, &block, error);
		if (status == UNITLS_OK)
			*ret_block = block;
		return status;
	}
	return UNITLS_PEM_END;
}

void unitls_pem_free(uint8_t *data, size_t size)
{
	if (data == NULL)
		return;
	explicit_bzero(data, size);
	free(data);
}

int unitls_pem_decode(const struct unitls_pem_block *block, const char *field, uint8_t **ret_data,
	size_t *ret_size, struct unitls_error *error)
{
	struct base64_decode_ctx context;
	size_t capacity = BASE64_DECODE_LENGTH(block->body.size);
	size_t size = 0;
	uint8_t *data = malloc(capacity + 1);
	bool good;

	if (data == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory to decode PEM");
	base64_decode_init(&context);
	good = base64_decode_update(&context, &size, data, block->body.size, (const char *)block->body.data) ==
			1 &&
		base64_decode_final(&context) == 1 && size > 0;
	explicit_bzero(&context, sizeof(context));
	if (!good) {
		unitls_pem_free(data, capacity);
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, field,
			"line %u: the %s block is empty or not base64", block->line, block->label);
	}
	*ret_data = data;
	*ret_size = size;
	return UNITLS_OK;
}
