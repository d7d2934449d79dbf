#include "core/iana.h"

#include <string.h>

static int hexadecimal_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool unitls_iana_parse(const char *text, uint16_t *ret_number)
{
	size_t n = strlen(text);
	unsigned number = 0;

	if (n < 3 || n > 6 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return false;
	for (size_t i = 2; i < n; i++) {
		int digit = hexadecimal_digit(text[i]);

		if (digit < 0)
			return false;
		number = number << 4 | (unsigned)digit;
	}
	*ret_number = (uint16_t)number;
	return true;
}
