#include "upgrader/settings.h"

#include <stdlib.h>

#include "lib/config/values.h"

static bool environment_has(const char *lower, const char *upper)
{
	return getenv(lower) || getenv(upper);
}

static void add_channel(struct settings *settings, const char *url)
{
	struct option_list *list = &settings->channels;

	if (url && list->count < OPTION_LIST_MAX)
		list->items[list->count++] = url;
}

int settings_load(struct settings *settings, struct fetch_options *fetch, struct error *err)
{
	const struct config *config = &settings->config;
	const struct config_node *mirrors;
	int r = config_load(&config_of_this_machine, &settings->config, err);

	if (r < 0)
		return r;
	mirrors = config_get(config, "proa.upgrade.mirrors");
	add_channel(settings, config_get_text(config, "proa.upgrade.url"));
	for (size_t i = 0; mirrors && i < mirrors->count; i++)
		add_channel(settings, mirrors->children[i].text);
	if (!fetch->least_rate)
		fetch->least_rate = config_get_bytes(config, "proa.upgrade.least_rate");
	if (!fetch->rate_limit)
		fetch->rate_limit = config_get_bytes(config, "proa.upgrade.rate_limit");
	if (!fetch->tls.ca_file)
		fetch->tls.ca_file = config_get_text(config, "proa.upgrade.ca_file");
	if (!fetch->tls.pinned_key)
		fetch->tls.pinned_key = config_get_text(config, "proa.upgrade.pinned_key");
	if (!fetch->tls.client_cert && !fetch->tls.client_key) {
		fetch->tls.client_cert = config_get_text(config, "proa.upgrade.client_cert");
		fetch->tls.client_key = config_get_text(config, "proa.upgrade.client_key");
	}
	/* libcurl heeds http_proxy in lower case alone (CVE-2016-5385). */
	if (!getenv("http_proxy"))
		fetch->http_proxy = config_get_text(config, "proa.network.http_proxy");
	if (!environment_has("https_proxy", "HTTPS_PROXY"))
		fetch->https_proxy = config_get_text(config, "proa.network.https_proxy");
	if (!environment_has("no_proxy", "NO_PROXY"))
		fetch->no_proxy = config_get_text(config, "proa.network.no_proxy");
	return 0;
}

void settings_free(struct settings *settings)
{
	config_free(&settings->config);
}
