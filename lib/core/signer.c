/*
 * Requests for signatures of external keys. A request has two owners, the signer and the backend; who lets go last frees it. All of it happens on the
 * connection's thread.
 */
#include "core/signer.h"

#include <stdlib.h>
#include <string.h>

enum request_state {
	REQUEST_PENDING,
	REQUEST_SIGNED,
	REQUEST_FAILED,
};

struct unitls_sign_request {
	unsigned owners;
	enum request_state state;
	uint16_t scheme;
	struct unitls_bytes input;
	uint8_t *signature;
	size_t signature_size;
	uint8_t storage[]; /* of the input */
};

static void drop(struct unitls_sign_request *request)
{
	if (--request->owners > 0)
		return;
	free(request->signature);
	free(request);
}

enum unitls_key_type unitls_external_key_type(const struct unitls_external_key *key)
{
	return key->public_key.type;
}

struct unitls_bytes unitls_external_key_spki(const struct unitls_external_key *key)
{
	return key->spki;
}

bool unitls_external_key_is_deferred(const struct unitls_external_key *key)
{
	return key->signer.deferred;
}

int unitls_signature_start(const struct unitls_external_key *key, uint16_t scheme, struct unitls_bytes input,
	struct unitls_sign_request **ret_request, struct unitls_error *error)
{
	struct unitls_sign_request *request = malloc(sizeof(*request) + input.size);

	if (!request)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a signature");
	*request = (struct unitls_sign_request){.owners = 2, .state = REQUEST_PENDING, .scheme = scheme};
	if (input.size > 0)
		memcpy(request->storage, input.data, input.size);
	request->input = (struct unitls_bytes){request->storage, input.size};
	key->signer.sign(key->argument, request);
	if (request->state == REQUEST_PENDING && !key->signer.deferred) {
		drop(request); /* the backend's share; the signer still has its own */
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_INTERNAL, UNITLS_ALERT_INTERNAL_ERROR,
			"the external key's signer, which is not deferred, did not answer at once");
	}
	*ret_request = request;
	return UNITLS_OK;
}

int unitls_signature_take(
	const struct unitls_sign_request *request, struct unitls_bytes *ret_signature, struct unitls_error *error)
{
	switch (request->state) {
	case REQUEST_PENDING:
		return UNITLS_WANT_APP;
	case REQUEST_SIGNED:
		*ret_signature = (struct unitls_bytes){request->signature, request->signature_size};
		return UNITLS_OK;
	case REQUEST_FAILED:
		break;
	}
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_INTERNAL, UNITLS_ALERT_INTERNAL_ERROR,
		"the external key's signer failed");
}

void unitls_signature_release(struct unitls_sign_request *request)
{
	if (request)
		drop(request);
}

uint16_t unitls_sign_request_scheme(const struct unitls_sign_request *request)
{
	return request->scheme;
}

struct unitls_bytes unitls_sign_request_input(const struct unitls_sign_request *request)
{
	return request->input;
}

void unitls_sign_request_finish(struct unitls_sign_request *request, const void *signature, size_t size)
{
	request->state = REQUEST_FAILED;
	if (size > 0 && size <= UNITLS_SIGNATURE_MAX)
		request->signature = malloc(size);
	if (request->signature) {
		memcpy(request->signature, signature, size);
		request->signature_size = size;
		request->state = REQUEST_SIGNED;
	}
	drop(request);
}

void unitls_sign_request_fail(struct unitls_sign_request *request)
{
	request->state = REQUEST_FAILED;
	drop(request);
}
