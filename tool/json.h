/* What the tool says is a JSON tree first: --json writes it as it is, the text form is printed from it, so the two can not differ. Functions that
 * make values may return NULL without memory; that is taken as it is by json_put and json_add, which then end the program with a message. */

#ifndef UNITLS_TOOL_JSON_H
#define UNITLS_TOOL_JSON_H

#include <jansson.h>
#include <stdio.h>
#include <unitls/common.h>

/* A string. What is no UTF-8 is escaped. NULL: null. */
json_t *json_text(const char *text);
json_t *json_bytes(struct unitls_bytes bytes);
/* Seconds since 1970 as 2026-11-24T01:50:58Z. */
json_t *json_time(int64_t seconds);
/* Octets as 00:11:ee. */
json_t *json_octets(const uint8_t *octets, size_t n);
/* Sets a member, or appends to an array; takes value over. */
void json_put(json_t *object, const char *key, json_t *value);
void json_add(json_t *array, json_t *value);

/* One line. Returns 0, or -1 after a message. */
int json_print(FILE *out, json_t *tree);
/* The members of an object, one to a line with the key's underscores as blanks; objects and lists of objects indented below. */
void json_print_text(FILE *out, json_t *object, int indent);

#endif
