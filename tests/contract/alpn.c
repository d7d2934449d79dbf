/*
 * ALPN (RFC 7301): who chooses, what happens without an overlap, and names of every kind.
 */
#include "tests/contract/helpers.h"

#define NAME(text)                                        \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

static enum outcome check_negotiated(const struct link *link, struct unitls_bytes name)
{
	for (int i = 0; i < 2; i++) {
		struct unitls_bytes got = unitls_connection_negotiated_protocol(link->ends[i].connection);

		CHECK_EQUAL(got.size, name.size);
		CHECK(name.size == 0 || memcmp(got.data, name.data, name.size) == 0);
	}
	return OUTCOME_PASSED;
}

static enum outcome preference_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want client = {.alpn = {NAME("http/1.1"), NAME("smtp"), NAME("h2")}, .n_alpn = 3};
	const struct want server = {.alpn = {NAME("imap"), NAME("h2"), NAME("http/1.1")}, .n_alpn = 3};

	CHECK_PASSED(link_connected(link, pair, &client, &server, cut));
	return check_negotiated(link, text_bytes("h2"));
}

static enum outcome preference(const struct pair *pair, const struct cut *cut)
{
	return link_run(preference_steps, pair, cut);
}

static enum outcome no_overlap_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want client = {.alpn = {NAME("h2"), NAME("h")}, .n_alpn = 2};
	const struct want server = {.alpn = {NAME("h3"), NAME("h2c")}, .n_alpn = 2};
	const struct failure failure = {
		SERVER, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_NO_APPLICATION_PROTOCOL, UNITLS_VERIFY_NONE};

	CHECK_PASSED(link_tried(link, pair, &client, &server, NULL, cut));
	return check_failure(link, &failure);
}

static enum outcome no_overlap(const struct pair *pair, const struct cut *cut)
{
	return link_run(no_overlap_steps, pair, cut);
}

static enum outcome go_on_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want client = {.alpn = {NAME("h2")}, .n_alpn = 1};
	const struct want server = {.alpn = {NAME("imap")}, .n_alpn = 1, .alpn_policy = UNITLS_ALPN_GO_ON};

	CHECK_PASSED(link_connected(link, pair, &client, &server, cut));
	CHECK_PASSED(check_negotiated(link, text_bytes("")));
	return link_send(link, CLIENT, "x", 1);
}

static enum outcome go_on(const struct pair *pair, const struct cut *cut)
{
	return link_run(go_on_steps, pair, cut);
}

/* One side without ALPN: none, whatever the other has. */
static enum outcome one_sided_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want with = {.alpn = {NAME("h2")}, .n_alpn = 1};

	CHECK_PASSED(link_connected(link, pair, NULL, &with, cut));
	CHECK_PASSED(check_negotiated(link, text_bytes("")));
	link_close(link);
	CHECK_PASSED(link_connected(link, pair, &with, NULL, cut));
	return check_negotiated(link, text_bytes(""));
}

static enum outcome one_sided(const struct pair *pair, const struct cut *cut)
{
	return link_run(one_sided_steps, pair, cut);
}

static bool can_name(const struct unitls_capabilities *capabilities, struct unitls_bytes name, bool binary)
{
	if (name.size > capabilities->alpn_max_name_bytes || (binary && !capabilities->alpn_binary))
		return false;
	for (const char *c = capabilities->alpn_excluded; c && *c; c++)
		if (memchr(name.data, *c, name.size))
			return false;
	return true;
}

/* Names that some library mangles: each is negotiated unharmed, or refused when the context is built. */
static enum outcome odd_name_steps(
	struct link *link, const struct pair *pair, struct unitls_bytes name, bool binary, const struct cut *cut)
{
	struct want want = {.alpn = {NAME("h2"), NAME("x")}, .n_alpn = 2};
	const struct contract_backend *ends[] = {pair->client, pair->server};
	struct unitls_error error = UNITLS_ERROR_INIT;

	want.alpn[1] = name;
	for (int i = 0; i < 2; i++) {
		bool can = can_name(ends[i]->capabilities, name, binary);
		void *context;

		if (can)
			continue;
		context = i == CLIENT ? (void *)contract_client(pair, &want, &error)
				      : (void *)contract_server(pair, &want, &error);
		CHECK(context == NULL);
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
		CHECK(strcmp(error.field, "alpn") == 0);
		return OUTCOME_PASSED;
	}
	want.alpn[0] = text_bytes("client's");
	struct unitls_client_context *client = contract_client(pair, &want, &error);

	want.alpn[0] = text_bytes("server's");
	struct unitls_server_context *server = contract_server(pair, &want, &error);

	CHECK(client && server);
	CHECK_PASSED(link_open(link, client, server, NULL, cut));
	CHECK_PASSED(link_connect(link));
	return check_negotiated(link, name);
}

static enum outcome odd_names(const struct pair *pair, const struct cut *cut)
{
	static uint8_t longest[255];
	static const uint8_t with_nul[] = {'a', 0, 'b'};
	static const uint8_t high[] = {0xff, 0xfe, ',', ':', ' ', '\n'};
	static const uint8_t grease[] = {0x0a, 0x0a};
	const struct {
		struct unitls_bytes name;
		bool binary;
		const char *what;
	} names[] = {
		{{longest, sizeof(longest)}, false, "255 bytes"},
		{{with_nul, sizeof(with_nul)}, true, "NUL"},
		{{high, sizeof(high)}, false, "comma and high bytes"},
		{{grease, sizeof(grease)}, false, "GREASE"},
		{{longest, 1}, false, "one byte"},
	};

	memset(longest, 'z', sizeof(longest));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct link link;
		enum outcome outcome;

		memset(&link, 0, sizeof(link));
		outcome = odd_name_steps(&link, pair, names[i].name, names[i].binary, cut);
		link_close(&link);
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, names[i].what);
	}
	return OUTCOME_PASSED;
}

/* More names than some libraries hold: all are offered, and the last is found; or the context is refused. */
static struct unitls_client_context *client_with_names(
	const struct pair *pair, size_t n, struct unitls_error *error)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_client_config *config = NULL;
	struct unitls_client_context *context = NULL;
	struct unitls_trust_store *store = NULL;
	static char texts[UNITLS_ALPN_COUNT_MAX][8];
	struct unitls_bytes names[UNITLS_ALPN_COUNT_MAX];

	for (size_t i = 0; i < n; i++) {
		texts[i][0] = 'p';
		texts[i][1] = (char)('a' + i / 16);
		texts[i][2] = (char)('a' + i % 16);
		names[i] = (struct unitls_bytes){(const uint8_t *)texts[i], 3};
	}
	(void)unitls_config_builder_set_alpn(builder, names, n);
	(void)unitls_config_builder_set_min_version(builder, pair->version);
	(void)unitls_config_builder_set_max_version(builder, pair->version);
	if (unitls_trust_store_from_file(pki_path("root.pem"), &store, error) == UNITLS_OK)
		(void)unitls_config_builder_set_trust_store(builder, store);
	if (unitls_config_builder_build_client(builder, &config, error) == UNITLS_OK)
		(void)!unitls_client_context_new(
			pair->client->backend, config, UNITLS_EFFORT_STRICT, NULL, &context, error);
	unitls_trust_store_unref(store);
	unitls_client_config_unref(config);
	unitls_config_builder_free(builder);
	return context;
}

static enum outcome many_names_steps(struct link *link, const struct pair *pair,
	struct unitls_client_context *client, const char *last, const struct cut *cut)
{
	struct want want = {.n_alpn = 1};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_context *server;

	want.alpn[0] = text_bytes(last);
	server = contract_server(pair, &want, &error);
	CHECK(client && server);
	CHECK_PASSED(link_open(link, client, server, NULL, cut));
	CHECK_PASSED(link_connect(link));
	return check_negotiated(link, text_bytes(last));
}

static enum outcome many_names(const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t most = pair->client->capabilities->alpn_max_names;
	struct unitls_client_context *client = client_with_names(pair, most < 20 ? most : 20, &error);
	struct link link;
	enum outcome outcome;

	memset(&link, 0, sizeof(link));
	outcome = many_names_steps(&link, pair, client, most < 20 ? "paa" : "pbd", cut);
	link_close(&link);
	unitls_client_context_unref(client);
	CHECK_PASSED(outcome);
	if (most >= UNITLS_ALPN_COUNT_MAX)
		return OUTCOME_PASSED;
	client = client_with_names(pair, most + 1, &error);
	unitls_client_context_unref(client);
	CHECK(client == NULL);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	CHECK(strcmp(error.field, "alpn") == 0);
	return OUTCOME_PASSED;
}

const struct scenario alpn_scenarios[] = {
	{"the server's preference among protocols", "25", PER_PAIR, preference},
	{"no protocol in common, refused", "24 19", PER_PAIR, no_overlap},
	{"no protocol in common, going on", "24", PER_PAIR, go_on},
	{"ALPN on one side only", "24", PER_PAIR, one_sided},
	{"odd protocol names", "27", PER_PAIR, odd_names},
	{"many protocol names", "27", PER_PAIR, many_names},
	{0},
};
