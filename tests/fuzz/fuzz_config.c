/* The configuration reader. The first byte chooses the form; the rest is the text.
 *
 * What is accepted must come back the same after it was printed and read again. */

#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/diagnostics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_diagnostics(const struct diagnostics *list)
{
	struct diagnostics copy;
	char line[4096];
	char *text;
	size_t size;

	for (size_t i = 0; i < list->count; i++) {
		require(diagnostics_format(&list->items[i], line, sizeof(line)) == strlen(line));
		require(strpbrk(line, "\n\r\t\x1b") == NULL);
	}
	require(diagnostics_encode(list, &text, &size) == 0);
	diagnostics_init(&copy);
	require(diagnostics_decode(&copy, text, size) == 0);
	require(copy.count >= list->count);
	diagnostics_fini(&copy);
	free(text);
}

static void check_references(const struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++) {
		require(config->listeners[i].upstream < config->upstream_count);
		require(config->listeners[i].tls == CONFIG_NONE || config->listeners[i].tls < config->tls_count);
	}
	for (size_t i = 0; i < config->upstream_count; i++) {
		require(config->upstreams[i].servers.count > 0);
		require(config->upstreams[i].tls == CONFIG_NONE || config->upstreams[i].tls < config->tls_count);
	}
	for (size_t i = 0; i < config->tls_count; i++)
		require(config->tls[i].backend != NULL);
}

static struct config *parse(const char *text, size_t size, enum config_form form)
{
	struct diagnostics list;
	struct config *config = NULL;
	int r;

	diagnostics_init(&list);
	r = config_parse_text("fuzz", text, size, form, &list, &config);
	require(r >= 0);
	require((r == 0) == (config != NULL) && (r == 0) == diagnostics_ok(&list));
	check_diagnostics(&list);
	diagnostics_fini(&list);
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum config_form form;
	enum config_print_style style;
	struct config *config;
	char *first;
	char *again;
	size_t first_size;
	size_t again_size;

	/* A fuzzer that reads the files it invents the names of would not be the same tomorrow. */
	if (size == 0 || memmem(data, size, "include", 7))
		return 0;
	form = data[0] & 1 ? CONFIG_FORM_SNAPSHOT : CONFIG_FORM_FILE;
	style = data[0] & 1 ? CONFIG_PRINT_SNAPSHOT : CONFIG_PRINT_EFFECTIVE;
	config = parse((const char *)data + 1, size - 1, form);
	if (!config)
		return 0;
	check_references(config);
	require(config_print(config, style, &first, &first_size) == 0);
	config_free(config);
	config = parse(first, first_size, form);
	require(config != NULL);
	require(config_print(config, style, &again, &again_size) == 0);
	require(first_size == again_size && memcmp(first, again, first_size) == 0);
	config_free(config);
	free(first);
	free(again);
	return 0;
}
