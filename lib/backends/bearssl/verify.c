/*
 * The module's own X.509 class. A chain that is refused is refused to the engine as well, but the engine may be told to tolerate that (a server that asks
 * for optional certificates): the verdict decides, which the connection looks at after each step.
 */
#include "backends/bearssl/verify.h"

#include <stdlib.h>

#include "backends/bearssl/error.h"

static struct bear_verifier *of(const br_x509_class **class)
{
	return (struct bear_verifier *)(void *)class;
}

static void drop_chain(struct bear_verifier *verifier)
{
	for (size_t i = 0; i < verifier->n_chain; i++)
		free((void *)(uintptr_t)verifier->chain[i].data);
	verifier->n_chain = verifier->chain_size = 0;
	verifier->current = NULL;
}

/* The name that the engine passes is the one to send, not the one to expect. */
static void on_start_chain(const br_x509_class **class, const char *server_name)
{
	struct bear_verifier *verifier = of(class);

	(void)server_name;
	drop_chain(verifier);
	verifier->started = true;
}

static void on_start_certificate(const br_x509_class **class, uint32_t size)
{
	struct bear_verifier *verifier = of(class);

	verifier->current = NULL;
	verifier->filled = 0;
	if (verifier->n_chain == BEAR_CHAIN_MAX || size > BEAR_CHAIN_BYTES_MAX - verifier->chain_size) {
		verifier->too_large = true;
		return;
	}
	verifier->current = malloc(size > 0 ? size : 1);
	if (verifier->current == NULL) {
		verifier->out_of_memory = true;
		return;
	}
	verifier->chain[verifier->n_chain++] = (struct unitls_bytes){verifier->current, size};
	verifier->chain_size += size;
}

/* The engine gives no more than it announced. */
static void on_append(const br_x509_class **class, const unsigned char *data, size_t size)
{
	struct bear_verifier *verifier = of(class);

	if (verifier->current == NULL || size > verifier->chain[verifier->n_chain - 1].size - verifier->filled)
		return;
	memcpy(verifier->current + verifier->filled, data, size);
	verifier->filled += size;
}

static void on_end_certificate(const br_x509_class **class)
{
	of(class)->current = NULL;
}

static struct bear_verdict refuse(enum unitls_verify_reason reason, int native)
{
	return (struct bear_verdict){reason, 0, native};
}

static struct bear_verdict judge(struct bear_verifier *verifier)
{
	struct bear_certificate leaf;
	struct bear_verdict verdict;
	int native;

	if (verifier->too_large || verifier->n_chain == 0)
		return refuse(UNITLS_VERIFY_OTHER, BR_ERR_X509_LIMIT_EXCEEDED);
	if (bear_certificate_read(verifier->chain[0], &leaf) < 0)
		return refuse(UNITLS_VERIFY_MALFORMED, 0);
	native = bear_subject_read(verifier->chain[0], &verifier->leaf);
	if (native != 0)
		return refuse(bear_error_reason(native), native);
	verifier->usages = leaf.usages;
	if (verifier->context->verify == UNITLS_VERIFY_MODE_NONE)
		return (struct bear_verdict){UNITLS_VERIFY_NONE, -1, 0};
	verdict = bear_path_judge(verifier->context, verifier->chain, verifier->n_chain);
	if (verdict.reason == UNITLS_VERIFY_NONE && verifier->peer_name != NULL)
		verdict = refuse(unitls_backend_check_peer_name(verifier->peer_name, verifier->chain[0]), 0);
	return verdict;
}

static unsigned on_end_chain(const br_x509_class **class)
{
	struct bear_verifier *verifier = of(class);

	if (verifier->out_of_memory)
		return BR_ERR_X509_NOT_TRUSTED;
	verifier->verdict = judge(verifier);
	verifier->judged = true;
	return verifier->verdict.reason == UNITLS_VERIFY_NONE ? 0 : BR_ERR_X509_NOT_TRUSTED;
}

static const br_x509_pkey *on_get_key(const br_x509_class *const *class, unsigned *ret_usages)
{
	const struct bear_verifier *verifier = (const struct bear_verifier *)(const void *)class;

	if (!verifier->judged || verifier->verdict.reason != UNITLS_VERIFY_NONE)
		return NULL;
	if (ret_usages != NULL)
		*ret_usages = verifier->usages;
	return &verifier->leaf.key;
}

static const br_x509_class verifier_class = {
	.context_size = sizeof(struct bear_verifier),
	.start_chain = on_start_chain,
	.start_cert = on_start_certificate,
	.append = on_append,
	.end_cert = on_end_certificate,
	.end_chain = on_end_chain,
	.get_pkey = on_get_key,
};

void bear_verifier_init(struct bear_verifier *verifier, const struct bear_context *context,
	const struct unitls_peer_name *peer_name)
{
	*verifier = (struct bear_verifier){
		.class = &verifier_class,
		.context = context,
		.peer_name = peer_name,
		.verdict = {UNITLS_VERIFY_NONE, -1, 0},
	};
}

void bear_verifier_fini(struct bear_verifier *verifier)
{
	drop_chain(verifier);
}
