/* Names of blobs, and certificates as PEM text. Pure functions over nettle. */

#ifndef UNITLSD_BLOB_H
#define UNITLSD_BLOB_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/config.h"

/* The SHA-256 of the bytes in hexadecimal: the name of their entry in the snapshot. */
void blob_name(const void *data, size_t size, char ret[CONFIG_BLOB_SIZE]);

/* Writes one CERTIFICATE block (RFC 7468). The stream keeps the error, if any. */
void blob_print_certificate(FILE *stream, const uint8_t *der, size_t size);

#endif
