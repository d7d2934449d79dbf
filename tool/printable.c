/* Escaping. */

#include "tool/printable.h"

const char *printable(struct unitls_bytes bytes, char *buffer, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < bytes.size; i++) {
		uint8_t byte = bytes.data[i];
		bool plain = byte >= ' ' && byte < 0x7f && byte != '\\';
		size_t needed = plain ? 1 : byte == '\\' ? 2 : 4;

		if (at + needed >= size)
			break;
		if (!plain)
			buffer[at++] = '\\';
		if (plain || byte == '\\') {
			buffer[at++] = (char)byte;
			continue;
		}
		buffer[at++] = 'x';
		buffer[at++] = digits[byte >> 4];
		buffer[at++] = digits[byte & 15];
	}
	buffer[at] = '\0';
	return buffer;
}
