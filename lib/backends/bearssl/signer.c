/*
 * The identity as BearSSL's classes: which suite and hash, and the operations with the key.
 *
 * Signatures are made with SHA-256 and up only. The engine itself would also have SHA-1 and SHA-224, which it keeps for its oldest suites.
 */
#include "backends/bearssl/signer.h"

#include <stddef.h>

#define HASHED      0xff00u /* in an algorithm's number: what is to be signed comes hashed (br_ssl_server_choices) */
#define ECDSA_SHIFT 8       /* hashes with ECDSA stand above those with RSA in the engine's bit fields */

static struct bear_signer *of_server(const br_ssl_server_policy_class **class)
{
	return (struct bear_signer *)(void *)((uint8_t *)class - offsetof(struct bear_signer, server));
}

static struct bear_signer *of_client(const br_ssl_client_certificate_class **class)
{
	return (struct bear_signer *)(void *)((uint8_t *)class - offsetof(struct bear_signer, client));
}

/* The hash to sign with of those that the peer takes; 0: none. */
static int choose_hash(uint32_t hashes, int key_type)
{
	static const int preference[] = {br_sha256_ID, br_sha384_ID, br_sha512_ID};

	if (key_type == BR_KEYTYPE_EC)
		hashes >>= ECDSA_SHIFT;
	for (size_t i = 0; i < sizeof(preference) / sizeof(preference[0]); i++) {
		if ((hashes >> preference[i] & 1) != 0)
			return preference[i];
	}
	return 0;
}

/* Whether the key can do what a suite asks of it; hash: 0 when it cannot sign anything that the client takes. */
static bool serves(const struct bear_key *key, const uint16_t *suite, int hash)
{
	switch (suite[1] >> 12) {
	case BR_SSLKEYX_RSA:
		return bear_key_type(key) == BR_KEYTYPE_RSA;
	case BR_SSLKEYX_ECDHE_RSA:
		return bear_key_type(key) == BR_KEYTYPE_RSA && hash != 0;
	case BR_SSLKEYX_ECDHE_ECDSA:
		return bear_key_type(key) == BR_KEYTYPE_EC && hash != 0;
	default:
		return false;
	}
}

/* The list is in our order already, and what has no group in common with the client was taken out of it. */
static int on_choose(const br_ssl_server_policy_class **class, const br_ssl_server_context *server,
	br_ssl_server_choices *choices)
{
	const struct bear_identity *identity = of_server(class)->identity;
	int hash = choose_hash(br_ssl_server_get_client_hashes(server), bear_key_type(&identity->key));
	size_t n;
	const br_suite_translated *suites = br_ssl_server_get_client_suites(server, &n);

	for (size_t i = 0; i < n; i++) {
		if (!serves(&identity->key, suites[i], hash))
			continue;
		choices->cipher_suite = suites[i][0];
		choices->algo_id = HASHED | (unsigned)hash;
		choices->chain = identity->chain;
		choices->chain_len = identity->n_chain;
		return 1;
	}
	return 0;
}

static uint32_t on_server_exchange(const br_ssl_server_policy_class **class, unsigned char *data, size_t *size)
{
	return bear_key_decrypt(&of_server(class)->identity->key, data, *size);
}

static size_t sign(struct bear_signer *signer, int hash, uint8_t *data, size_t hash_size, size_t capacity)
{
	size_t size = bear_key_sign(&signer->identity->key, hash, data, hash_size, capacity);

	if (size == 0)
		signer->failed = true;
	return size;
}

static size_t on_server_sign(const br_ssl_server_policy_class **class, unsigned algorithm, unsigned char *data,
	size_t hash_size, size_t capacity)
{
	return sign(of_server(class), (int)(algorithm & 0xff), data, hash_size, capacity);
}

/* The names of the authorities that a server takes are a hint that we do not follow: there is one identity. */
static void on_names(const br_ssl_client_certificate_class **class)
{
	(void)class;
}

static void on_name(const br_ssl_client_certificate_class **class, size_t size)
{
	(void)class, (void)size;
}

static void on_name_bytes(const br_ssl_client_certificate_class **class, const unsigned char *data, size_t size)
{
	(void)class, (void)data, (void)size;
}

/* Without a hash in common nothing is sent, and the server judges. */
static void on_client_choose(const br_ssl_client_certificate_class **class, const br_ssl_client_context *client,
	uint32_t hashes, br_ssl_client_certificate *choices)
{
	const struct bear_identity *identity = of_client(class)->identity;
	int type = bear_key_type(&identity->key);
	int hash = choose_hash(hashes, type);

	(void)client;
	*choices = (br_ssl_client_certificate){0};
	if (hash == 0)
		return;
	choices->auth_type = type == BR_KEYTYPE_EC ? BR_AUTH_ECDSA : BR_AUTH_RSA;
	choices->hash_id = hash;
	choices->chain = identity->chain;
	choices->chain_len = identity->n_chain;
}

/* Static ECDH, which no suite here uses. */
static uint32_t on_client_exchange(
	const br_ssl_client_certificate_class **class, unsigned char *data, size_t *size)
{
	(void)class, (void)data, (void)size;
	return 0;
}

static size_t on_client_sign(const br_ssl_client_certificate_class **class, int hash, size_t hash_size,
	unsigned char *data, size_t capacity)
{
	return sign(of_client(class), hash, data, hash_size, capacity);
}

static const br_ssl_server_policy_class server_class = {
	.context_size = sizeof(struct bear_signer),
	.choose = on_choose,
	.do_keyx = on_server_exchange,
	.do_sign = on_server_sign,
};

static const br_ssl_client_certificate_class client_class = {
	.context_size = sizeof(struct bear_signer),
	.start_name_list = on_names,
	.start_name = on_name,
	.append_name = on_name_bytes,
	.end_name = on_names,
	.end_name_list = on_names,
	.choose = on_client_choose,
	.do_keyx = on_client_exchange,
	.do_sign = on_client_sign,
};

void bear_signer_init(struct bear_signer *signer, const struct bear_identity *identity)
{
	*signer = (struct bear_signer){.server = &server_class, .client = &client_class, .identity = identity};
}
