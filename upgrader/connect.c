#include "upgrader/connect.h"

#include <errno.h>
#include <string.h>

enum { CONNECT_S = 30, REDIRECTS = 5 };

static void cleanup_easy(CURL **easy)
{
	curl_easy_cleanup(*easy);
}

static CURLcode set_patience(CURL *easy, const struct fetch_options *options)
{
	CURLcode c = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);

	c |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)fetch_slow_s(options));
	return c;
}

static CURLcode set_proxy(CURL *easy, const struct fetch_options *options, bool secure)
{
	const char *proxy = secure ? options->https_proxy : options->http_proxy;
	CURLcode c = proxy ? curl_easy_setopt(easy, CURLOPT_PROXY, proxy) : CURLE_OK;

	if (options->no_proxy)
		c |= curl_easy_setopt(easy, CURLOPT_NOPROXY, options->no_proxy);
	return c;
}

int connect_new(const struct fetch_options *options, const char *url, CURL **out, struct error *err)
{
	bool secure = strncasecmp(url, "https://", 8) == 0;
	__attribute__((cleanup(cleanup_easy))) CURL *easy = curl_easy_init();
	CURLcode c = CURLE_OK;

	if (!easy)
		return error_oom(err);
	c |= curl_easy_setopt(easy, CURLOPT_URL, url);
	c |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	c |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	c |= curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS);
	/* Who began with TLS is not led away from it. */
	c |= curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
	c |= curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	c |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	c |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "proa/" PROA_VERSION);
	c |= set_patience(easy, options);
	c |= set_proxy(easy, options, secure);
	if (options->ca_file)
		c |= curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
	if (c != CURLE_OK)
		return error_set(err, -EINVAL, "libcurl does not take %s", url);
	*out = easy;
	easy = NULL;
	return 0;
}

bool connect_is_passing(CURLcode code, long status)
{
	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		return status == 408 || status == 425 || status == 429 || status >= 500;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_OUT_OF_MEMORY:
		return false;
	default:
		return true;
	}
}

int connect_errno(CURLcode code)
{
	switch (code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_SSL_CACERT_BADFILE:
		return -EINVAL;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EREMOTEIO;
	}
}
