#include "lib/config/types.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "lib/cleanup.h"
#include "lib/size.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

enum {
	HOSTNAME_MAX = 64, /* sethostname(2) */
	LABEL_MAX = 63,    /* RFC 1123, section 2.1 */
	DNS_NAME_MAX = 253,
	SSH_KEY_MAX = 16 << 10,
};

bool config_read_bool(const char *text, bool *out)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"true", true},   {"yes", true}, {"on", true},
		     {"false", false}, {"no", false}, {"off", false}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].word) != 0)
			continue;
		*out = words[i].value;
		return true;
	}
	return false;
}

static bool is_bool(const struct config_row *row, const char *text)
{
	bool value;

	(void)row;
	return config_read_bool(text, &value);
}

const struct config_type config_bool = {.expected = "true or false", .accepts = is_bool};

bool config_read_integer(const char *text, long long *out)
{
	size_t length = strlen(text);
	size_t sign = text[0] == '-';

	/* Leading zeros would be octal to some readers. */
	if (length == sign || length > 18 || strspn(text + sign, DIGITS) != length - sign ||
	    (text[sign] == '0' && length > sign + 1))
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}

static bool is_within(const struct config_row *row, long long value)
{
	return value >= row->least && value <= row->most;
}

static bool is_integer(const struct config_row *row, const char *text)
{
	long long value;

	return config_read_integer(text, &value) && is_within(row, value);
}

static void describe_integer(const struct config_row *row, char *out, size_t size)
{
	snprintf(out, size, "a whole number from %lld to %lld", row->least, row->most);
}

const struct config_type config_integer = {.accepts = is_integer, .describe = describe_integer};

static const struct {
	char letter;
	long long seconds;
} units[] = {{'h', 3600}, {'m', 60}, {'s', 1}};

bool config_read_duration(const char *text, long long *seconds)
{
	_cleanup_free_ char *number = strdup(text);
	size_t length = strlen(text);
	long long value;

	if (!number || length < 2 || length > 12)
		return false;
	number[length - 1] = '\0';
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[length - 1] != units[i].letter || !config_read_integer(number, &value))
			continue;
		*seconds = value * units[i].seconds;
		return true;
	}
	return false;
}

static bool is_duration(const struct config_row *row, const char *text)
{
	long long seconds;

	return config_read_duration(text, &seconds) && is_within(row, seconds);
}

/* 90 s, 5 m, 2 h: in the largest unit that makes a whole number. */
static void duration_text(long long seconds, char *out, size_t size)
{
	size_t i = 0;

	while (seconds % units[i].seconds != 0 || seconds == 0) {
		if (units[i].seconds == 1)
			break;
		i++;
	}
	snprintf(out, size, "%lld%c", seconds / units[i].seconds, units[i].letter);
}

static void describe_duration(const struct config_row *row, char *out, size_t size)
{
	char least[24], most[24];

	duration_text(row->least, least, sizeof(least));
	duration_text(row->most, most, sizeof(most));
	snprintf(out, size, "a time from %s to %s, with its unit (s, m or h)", least, most);
}

const struct config_type config_duration = {.accepts = is_duration, .describe = describe_duration};

static bool is_bytes(const struct config_row *row, const char *text)
{
	uint64_t bytes;

	return size_parse(text, &bytes) == 0 && is_within(row, (long long)bytes);
}

static void describe_bytes(const struct config_row *row, char *out, size_t size)
{
	char least[SIZE_TEXT_SIZE], most[SIZE_TEXT_SIZE];

	snprintf(out, size, "a number of bytes from %s to %s (500K, 2M)",
		 size_text((uint64_t)row->least, least), size_text((uint64_t)row->most, most));
}

const struct config_type config_bytes = {.accepts = is_bytes, .describe = describe_bytes};

static bool is_choice(const struct config_row *row, const char *text)
{
	_cleanup_free_ char *choices = strdup(row->choices);
	char *rest = choices;
	char *word;

	/* "a, b or c" */
	while (choices && (word = strsep(&rest, " ,")))
		if (*word && strcmp(word, "or") != 0 && strcmp(word, text) == 0)
			return true;
	return false;
}

static void describe_choice(const struct config_row *row, char *out, size_t size)
{
	snprintf(out, size, "one of %s", row->choices);
}

const struct config_type config_choice = {.accepts = is_choice, .describe = describe_choice};

static bool has_control(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text) && *text != '\t')
			return true;
	return false;
}

static bool is_line(const struct config_row *row, const char *text)
{
	(void)row;
	return *text && !has_control(text);
}

const struct config_type config_line = {.expected = "a text of one line", .accepts = is_line};

static bool is_block(const struct config_row *row, const char *text)
{
	(void)row;
	(void)text;
	return true;
}

const struct config_type config_block = {.expected = "a text", .accepts = is_block};

/* Labels of letters, digits and inner hyphens, with dots between them. */
static bool is_dns_name(const char *text, size_t length_max)
{
	if (strlen(text) > length_max)
		return false;
	for (;;) {
		size_t length = strspn(text, LETTERS DIGITS "-");

		if (length == 0 || length > LABEL_MAX || text[0] == '-' || text[length - 1] == '-')
			return false;
		text += length;
		if (!*text)
			return true;
		if (*text++ != '.')
			return false;
	}
}

static bool is_hostname(const struct config_row *row, const char *text)
{
	(void)row;
	return is_dns_name(text, HOSTNAME_MAX);
}

const struct config_type config_hostname = {
	.expected = "a host name (at most 64 of a-z, 0-9, \"-\" and \".\")",
	.accepts = is_hostname,
};

static bool is_ipv4(const struct config_row *row, const char *text)
{
	struct in_addr address;

	(void)row;
	return inet_pton(AF_INET, text, &address) == 1;
}

const struct config_type config_ipv4 = {.expected = "an IPv4 address (192.0.2.1)",
					.accepts = is_ipv4};

static bool is_ipv6(const struct config_row *row, const char *text)
{
	struct in6_addr address;

	(void)row;
	return inet_pton(AF_INET6, text, &address) == 1;
}

const struct config_type config_ipv6 = {.expected = "an IPv6 address (2001:db8::1)",
					.accepts = is_ipv6};

static bool is_address(const struct config_row *row, const char *text)
{
	return is_ipv4(row, text) || is_ipv6(row, text);
}

const struct config_type config_address = {
	.expected = "an IP address (192.0.2.1 or 2001:db8::1)",
	.accepts = is_address,
};

static bool is_host(const struct config_row *row, const char *text)
{
	/* Digits and dots alone are a mistyped address, not a name. */
	return is_address(row, text) ||
	       (is_dns_name(text, DNS_NAME_MAX) && strspn(text, DIGITS ".") != strlen(text));
}

const struct config_type config_host = {.expected = "a host name or an IP address",
					.accepts = is_host};

static bool is_subnet(const struct config_row *row, const char *text)
{
	_cleanup_free_ char *address = strdup(text);
	char *slash = address ? strchr(address, '/') : NULL;
	long long prefix;

	if (!slash)
		return false;
	*slash = '\0';
	if (!config_read_integer(slash + 1, &prefix) || prefix < 0)
		return false;
	return (is_ipv4(row, address) && prefix <= 32) || (is_ipv6(row, address) && prefix <= 128);
}

const struct config_type config_subnet = {
	.expected = "an IP address with the length of its net (192.0.2.5/24 or 2001:db8::5/64)",
	.accepts = is_subnet,
};

static void cleanup_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

static bool is_url(const struct config_row *row, const char *text)
{
	__attribute__((cleanup(cleanup_url))) CURLU *url = curl_url();
	char *scheme = NULL;
	bool is = false;

	(void)row;
	if (!url || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		return false;
	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK)
		is = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
	curl_free(scheme);
	return is;
}

const struct config_type config_url = {.expected = "a URL (http://… or https://…)",
				       .accepts = is_url};

static bool is_path(const struct config_row *row, const char *text)
{
	(void)row;
	if (text[0] != '/' || has_control(text))
		return false;
	for (const char *part = text; part; part = strchr(part, '/')) {
		size_t length = strcspn(++part, "/");

		if ((length == 1 && part[0] == '.') || (length == 2 && strncmp(part, "..", 2) == 0))
			return false;
	}
	return true;
}

const struct config_type config_path = {.expected = "an absolute path, without \"..\"",
					.accepts = is_path};

static bool is_mode(const struct config_row *row, const char *text)
{
	size_t length = strlen(text);

	(void)row;
	return length >= 3 && length <= 4 && strspn(text, "01234567") == length;
}

const struct config_type config_mode = {.expected = "permissions in octal (\"0644\")",
					.accepts = is_mode};

static bool is_user(const char *text, size_t length)
{
	return length > 0 && length <= 32 && text[0] != '-' &&
	       strspn(text, LETTERS DIGITS "_-.") >= length;
}

static bool is_owner(const struct config_row *row, const char *text)
{
	size_t length = strcspn(text, ":");

	(void)row;
	return is_user(text, length) &&
	       (!text[length] || is_user(text + length + 1, strlen(text + length + 1)));
}

const struct config_type config_owner = {.expected = "USER or USER:GROUP", .accepts = is_owner};

/*
 * The key itself is base64 of a record whose first field is the kind of the key once more,
 * with its length before it in four bytes (RFC 4253, section 6.6).
 */
static bool is_key_of_kind(const char *kind, size_t kind_length, const char *base64, size_t length)
{
	unsigned char bytes[SSH_KEY_MAX];
	int size;

	if (length < 16 || length / 4 * 3 > sizeof(bytes))
		return false;
	size = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)length);
	return size >= 0 && (size_t)size > 4 + kind_length && bytes[0] == 0 && bytes[1] == 0 &&
	       (size_t)(bytes[2] << 8 | bytes[3]) == kind_length &&
	       memcmp(bytes + 4, kind, kind_length) == 0;
}

/* [OPTIONS] KIND BASE64 [COMMENT], sshd(8) "AUTHORIZED_KEYS FILE FORMAT". */
static bool is_ssh_key(const struct config_row *row, const char *text)
{
	(void)row;
	if (has_control(text))
		return false;
	for (const char *kind = text; *kind; kind += strspn(kind, " \t")) {
		size_t kind_length = strcspn(kind, " \t");
		const char *base64 = kind + kind_length + strspn(kind + kind_length, " \t");

		if (is_key_of_kind(kind, kind_length, base64, strcspn(base64, " \t")))
			return true;
		kind += kind_length;
	}
	return false;
}

const struct config_type config_ssh_key = {
	.expected = "a public SSH key (\"ssh-ed25519 AAAA… NAME\"), as in id_ed25519.pub",
	.accepts = is_ssh_key,
};

static bool is_setting(const struct config_row *row, const char *text)
{
	size_t length = strspn(text, LETTERS DIGITS "_.-");

	(void)row;
	return length > 0 && text[length] == '=';
}

const struct config_type config_setting = {.expected = "NAME=VALUE", .accepts = is_setting};

static bool is_module(const struct config_row *row, const char *text)
{
	size_t length = strspn(text, LETTERS DIGITS "_-");

	(void)row;
	return length > 0 && (!text[length] || text[length] == ' ') && !has_control(text);
}

const struct config_type config_module = {
	.expected = "a kernel module's name, with its parameters (\"bonding mode=1\")",
	.accepts = is_module,
};
