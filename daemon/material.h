/* Decoded chains and trust stores by the names of the blobs they came from, so that a reload decodes only what changed.
 *
 * One thread. Invariant: an entry's name determines its contents, because names are SHA-256. */

#ifndef UNITLSD_MATERIAL_H
#define UNITLSD_MATERIAL_H

#include <stddef.h>

struct unitls_signing_chain;
struct unitls_trust_store;

struct material;

/* Returns NULL without memory. */
struct material *material_new(void);
void material_free(struct material *material);

/* A reload: begin; then find and add; then commit (drops what was neither found nor added since) or abort (drops what was added since). */
void material_begin(struct material *material);
void material_commit(struct material *material);
void material_abort(struct material *material);

/* Lent; NULL when it is not there. KEY_BLOB is "" when the key is in BLOB. Finding marks as used. */
struct unitls_signing_chain *material_find_chain(
	struct material *material, const char *blob, const char *key_blob);
struct unitls_trust_store *material_find_trust(struct material *material, const char *blob);

/* Takes a reference of its own. Returns 0 or -ENOMEM. */
int material_add_chain(
	struct material *material, const char *blob, const char *key_blob, struct unitls_signing_chain *chain);
int material_add_trust(struct material *material, const char *blob, struct unitls_trust_store *trust);

/* For tests. */
size_t material_count(const struct material *material);

#endif
