#include "init/services/network.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/config/types.h"
#include "lib/config/values.h"
#include "lib/io.h"

enum { FILE_MAX = 64 << 10 };

#define SECTION "proa.network.interfaces"

const struct network_paths network_of_this_machine = {
	.folder = "/run/proa/network",
};

/* One port, or several that a pattern names. */
struct port {
	const struct config_node *node; /* its section; NULL: all that none names */
	const char *match;
	enum { PORT_MAC, PORT_NAME, PORT_PATTERN, PORT_REST } rank; /* the more exact, the lower */
};

struct network {
	struct config *config;
	const struct network_paths *paths;
	const struct config_node *nameservers, *search;
	bool changed;
	unsigned kept; /* files of this configuration: 0 to kept - 1 */
};

static const char *mac_of(const char *match)
{
	return strncasecmp(match, "mac:", 4) == 0 ? match + 4 : NULL;
}

static struct port port_of(const struct config_node *node)
{
	const struct config_node *match = config_child(node, "match");
	struct port port = {.node = node, .match = match ? match->text : node->key};

	port.rank = mac_of(port.match)           ? PORT_MAC
		    : strpbrk(port.match, "*?[") ? PORT_PATTERN
						 : PORT_NAME;
	return port;
}

/* Exact ones before patterns, a long pattern before a short one, else as they stand. */
static int by_rank(const void *a, const void *b)
{
	const struct port *one = a, *other = b;
	size_t length = strlen(one->match), others = strlen(other->match);

	if (one->rank != other->rank)
		return one->rank < other->rank ? -1 : 1;
	if (one->rank == PORT_PATTERN && length != others)
		return length > others ? -1 : 1;
	return one->node < other->node ? -1 : one->node > other->node;
}

static bool is_set(const struct config_node *node, const char *key, bool otherwise)
{
	const struct config_node *child = node ? config_child(node, key) : NULL;
	bool value;

	return child && child->text && config_read_bool(child->text, &value) ? value : otherwise;
}

static bool is_ipv6(const char *address)
{
	return strchr(address, ':');
}

/* Addresses of one family: `address` and `addresses`. Prints them where there is `out`. */
static size_t addresses(const struct config_node *node, bool ipv6, FILE *out)
{
	const struct config_node *one = node ? config_child(node, "address") : NULL;
	const struct config_node *list = node ? config_child(node, "addresses") : NULL;
	size_t count = 0;

	for (size_t i = 0; i < 1 + (list ? list->count : 0); i++) {
		const struct config_node *item = i == 0 ? one : &list->children[i - 1];

		if (!item || !item->text || is_ipv6(item->text) != ipv6)
			continue;
		count++;
		if (out)
			fprintf(out, "Address=%s\n", item->text);
	}
	return count;
}

/* Whether something that was said of the ports is left out because it is wrong. */
static bool is_crippled(const struct config *config)
{
	const struct config_problems *problems = &config->problems;

	for (size_t i = 0; i < problems->count; i++) {
		const struct config_problem *problem = &problems->items[i];

		if (problem->severity == CONFIG_ERROR && problem->key &&
		    strncmp(problem->key, SECTION, strlen(SECTION)) == 0)
			return true;
	}
	return false;
}

static void print_match(const struct port *port, FILE *out)
{
	const char *mac = mac_of(port->match);

	/* Kind=!*: of hardware, and not the end of a container's cable that got its address. */
	if (mac)
		fprintf(out, "[Match]\nMACAddress=%s\nType=ether\nKind=!*\n", mac);
	else if (port->rank == PORT_REST)
		fprintf(out, "[Match]\nType=ether\nKind=!*\n");
	else
		fprintf(out, "[Match]\nName=%s\n", port->match);
}

static void print_gateway(const struct config_node *node, const char *key, FILE *out)
{
	const struct config_node *gateway = node ? config_child(node, key) : NULL;

	/* On the link even where no address of the port says so, as some data centres have it. */
	if (gateway && gateway->text)
		fprintf(out, "\n[Route]\nGateway=%s\nGatewayOnLink=yes\n", gateway->text);
}

static void print_port(const struct network *network, const struct port *port, FILE *out)
{
	const struct config_node *node = port->node;
	const struct config_node *mtu = node ? config_child(node, "mtu") : NULL;
	bool v4 = is_set(node, "dhcp", addresses(node, false, NULL) == 0);
	bool v6 = is_set(node, "dhcp6", addresses(node, true, NULL) == 0);
	const char *dns = network->nameservers ? "no" : "yes";
	const char *domains = network->search ? "no" : "yes";

	/* Its address was mistyped: better reached by another one than not at all. */
	if (is_crippled(network->config) && addresses(node, false, NULL) == 0)
		v4 = true;
	print_match(port, out);
	if (mtu && mtu->text)
		fprintf(out, "\n[Link]\nMTUBytes=%s\n", mtu->text);
	fprintf(out,
		"\n[Network]\nDHCP=%s\nIPv6AcceptRA=%s\nLinkLocalAddressing=ipv6\n"
		/* A restart of the service takes nothing away. */
		"KeepConfiguration=dynamic-on-stop\n",
		v4 ? "ipv4" : "no", v6 ? "yes" : "no");
	addresses(node, false, out);
	addresses(node, true, out);
	print_gateway(node, "gateway", out);
	print_gateway(node, "gateway_ipv6", out);
	/* The identifier that virtual machines' and data centres' DHCP servers expect. */
	fprintf(out,
		"\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\nUseMTU=%s\nUseDNS=%s\n"
		"UseDomains=%s\n",
		mtu ? "no" : "yes", dns, domains);
	fprintf(out, "\n[DHCPv6]\nUseHostname=no\nUseDNS=%s\nUseDomains=%s\n", dns, domains);
	fprintf(out, "\n[IPv6AcceptRA]\nUseDNS=%s\nUseDomains=%s\n", dns, domains);
}

/* Replaces a file where it is not the same already. */
static int put(struct network *network, const char *path, const char *text)
{
	static const struct config_place nowhere = {.source = "network"};
	_cleanup_free_ char *before = NULL;
	struct error err = ERROR_INIT;
	size_t size;
	int r;

	if (io_read_file(path, FILE_MAX, &before, &size, NULL) == 0 && strcmp(before, text) == 0)
		return 0;
	network->changed = true;
	r = io_replace_file(path, text, strlen(text), 0644, &err);
	return r < 0 ? config_problem(&network->config->problems, CONFIG_ERROR, &nowhere, NULL,
				      "%s", err.message)
		     : 0;
}

static int write_port(struct network *network, const struct port *port)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	print_port(network, port, out);
	if (fclose(out) != 0 || !text ||
	    asprintf(&path, "%s/%04u.network", network->paths->folder, network->kept) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	network->kept++;
	return put(network, path, text);
}

/* What an earlier configuration has left. */
static void remove_others(struct network *network)
{
	_cleanup_dir_ DIR *folder = opendir(network->paths->folder);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		unsigned number;
		int end = 0;

		if (sscanf(entry->d_name, "%u.network%n", &number, &end) == 1 && end > 0 &&
		    number >= network->kept && unlinkat(dirfd(folder), entry->d_name, 0) == 0)
			network->changed = true;
	}
}

static int write_ports(struct network *network)
{
	const struct config_node *section = config_get(network->config, SECTION);
	size_t count = section ? section->count : 0;
	_cleanup_free_ struct port *ports = calloc(count + 1, sizeof(*ports));
	int r = 0;

	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		ports[i] = port_of(&section->children[i]);
	ports[count] = (struct port){.match = "", .rank = PORT_REST};
	qsort(ports, count, sizeof(*ports), by_rank);
	for (size_t i = 0; i <= count && r == 0; i++)
		r = write_port(network, &ports[i]);
	return r;
}

/* A line (or one for each) of resolv.conf; NULL: nothing is said, or no memory (-ENOMEM). */
static int print_names(const struct config_node *list, const char *before, const char *between,
		       char **text)
{
	size_t size;
	FILE *out;

	*text = NULL;
	if (!list)
		return 0;
	out = open_memstream(text, &size);
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		fprintf(out, "%s%s", i == 0 ? before : between, list->children[i].text);
	fputc('\n', out);
	return fclose(out) == 0 && *text ? 0 : -ENOMEM;
}

/* A list that is empty says nothing. */
static const struct config_node *list_of(const struct config *config, const char *name)
{
	const struct config_node *list = config_get(config, name);

	return list && list->count > 0 ? list : NULL;
}

int network_apply(struct config *config, const struct network_paths *paths, bool *changed,
		  struct resolv *names)
{
	struct network network = {
		.config = config,
		.paths = paths,
		.nameservers = list_of(config, "proa.network.dns.nameservers"),
		.search = list_of(config, "proa.network.dns.search"),
	};
	int r;

	*names = (struct resolv){0};
	if (io_make_dirs(paths->folder, NULL) < 0)
		return config_problem(&config->problems, CONFIG_ERROR,
				      &(struct config_place){.source = paths->folder}, NULL,
				      "cannot be made: %s", strerror(errno));
	r = write_ports(&network);
	remove_others(&network);
	if (r == 0)
		r = print_names(network.nameservers, "nameserver ", "\nnameserver ",
				&names->nameservers);
	if (r == 0)
		r = print_names(network.search, "search ", " ", &names->search);
	*changed = network.changed;
	return r;
}
