/*
 * Reader of PEM texts (RFC 7468, and RFC 1421's headers for encrypted keys): walks the blocks, decodes one. Pure and bounded.
 */
#ifndef UNITLS_CORE_PEM_H
#define UNITLS_CORE_PEM_H

#include <unitls/error.h>

#define UNITLS_PEM_LABEL_MAX 64 /* bytes of a label */

#define UNITLS_PEM_END 1 /* unitls_pem_next: there is no further block */

struct unitls_pem_reader {
	const uint8_t *data;
	size_t size;
	size_t position;
	unsigned line;
	const char *field; /* for errors */
};

/* One block; lent by the reader's data. */
struct unitls_pem_block {
	char label[UNITLS_PEM_LABEL_MAX + 1];
	unsigned line;            /* of its BEGIN, from 1 */
	struct unitls_bytes text; /* from BEGIN up to and with END, without the newline after it */
	struct unitls_bytes body; /* base64 */
	bool encrypted;           /* in the traditional way: Proc-Type says so */
};

/* Whether these bytes are a PEM text: they hold a "-----BEGIN" and are not one whole DER value. */
bool unitls_pem_is_text(const void *data, size_t size);

/* Starts at the beginning of a text, which must outlive reader and blocks. field: a string constant. */
void unitls_pem_init(struct unitls_pem_reader *reader, const void *data, size_t size, const char *field);
/*
 * The next block, whatever its label; what is outside of blocks is passed over. 0, UNITLS_PEM_END, or UNITLS_ERROR (class CONFIG, the reader's
 * field, the line in the text) for a BEGIN without its END or an END without its BEGIN.
 */
int unitls_pem_next(
	struct unitls_pem_reader *reader, struct unitls_pem_block *ret_block, struct unitls_error *error);
/*
 * Decodes a block. The caller frees *ret_data with unitls_pem_free. UNITLS_ERROR: class CONFIG with the field when it is empty or not
 * base64; MEMORY.
 */
int unitls_pem_decode(const struct unitls_pem_block *block, const char *field, uint8_t **ret_data,
	size_t *ret_size, struct unitls_error *error);
/* Wipes and frees; NULL is fine. */
void unitls_pem_free(uint8_t *data, size_t size);

#endif
