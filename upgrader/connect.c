#include "upgrader/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

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

/* libcurl would say of a file that is not there only that it cannot use it. */
static int check_file(const char *what, const char *path, bool secret, struct error *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(err, -EINVAL, "cannot read the %s %s: %s", what, path,
				 strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "%s, for the %s, is no file", path, what);
	if (!secret || !(status.st_mode & S_IRWXO))
		return 0;
	return error_set(err, -EINVAL, "everybody may read the %s %s: chmod 600 %s", what, path,
			 path);
}

/* "sha256//" and the 44 characters of a hash; libcurl takes anything else for a file's name. */
static bool is_pin(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/=";

	while (strncmp(text, "sha256//", 8) == 0 && strspn(text + 8, letters) == 44) {
		text += 8 + 44;
		if (!*text)
			return true;
		if (*text++ != ';')
			break;
	}
	return false;
}

static int check_tls(const struct fetch_tls *tls, struct error *err)
{
	int r = tls->ca_file ? check_file("certificates", tls->ca_file, false, err) : 0;

	if (r == 0 && tls->client_key && !tls->client_cert)
		r = error_set(err, -EINVAL,
			      "a client key needs its certificate (--client-cert, "
			      "proa.upgrade.client_cert)");
	if (r == 0 && tls->client_cert)
		r = check_file("client certificate", tls->client_cert, !tls->client_key, err);
	if (r == 0 && tls->client_key)
		r = check_file("client key", tls->client_key, true, err);
	if (r == 0 && tls->pinned_key && !is_pin(tls->pinned_key))
		r = error_set(err, -EINVAL,
			      "\"%s\" is no pinned key: sha256//, then 44 characters of BASE64",
			      tls->pinned_key);
	return r;
}

static CURLcode set_tls(CURL *easy, const struct fetch_tls *tls)
{
	CURLcode c = CURLE_OK;

	if (tls->ca_file)
		c |= curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca_file);
	if (tls->pinned_key)
		c |= curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, tls->pinned_key);
	if (!tls->client_cert)
		return c;
	c |= curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->client_cert);
	c |= curl_easy_setopt(easy, CURLOPT_SSLKEY,
			      tls->client_key ? tls->client_key : tls->client_cert);
	/* OpenSSL is not to ask for one at the terminal. */
	c |= curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
	return c;
}

int connect_new(const struct fetch_options *options, const char *url, CURL **out, struct error *err)
{
	bool secure = strncasecmp(url, "https://", 8) == 0;
	__attribute__((cleanup(cleanup_easy))) CURL *easy = curl_easy_init();
	CURLcode c = CURLE_OK;
	int r = secure ? check_tls(&options->tls, err) : 0;

	if (r < 0)
		return r;
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
	c |= set_tls(easy, &options->tls);
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
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
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
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return -EINVAL;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EREMOTEIO;
	}
}

const char *connect_hint(CURLcode code, const char *words)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
		return "; the server leads elsewhere, and not by TLS or HTTP as asked for";
	case CURLE_TOO_MANY_REDIRECTS:
		return "; they lead in a circle, or the address is an old one";
	case CURLE_PEER_FAILED_VERIFICATION:
		return "; nobody that is trusted says that it is this server (--ca-file, "
		       "proa.upgrade.ca_file)";
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return "; if the server has a new key, pin that (--pinned-key, "
		       "proa.upgrade.pinned_key)";
	case CURLE_SSL_CACERT_BADFILE:
		return "; it needs certificates in PEM (--ca-file, proa.upgrade.ca_file)";
	case CURLE_SSL_CERTPROBLEM:
		return "; certificate and key must be in PEM, belong together and need no "
		       "passphrase (--client-cert, --client-key)";
	default:
		/* TLS's alert 116; it comes as an error of reading (RFC 8446, section 6.2). */
		return strstr(words, "certificate required")
			       ? "; the server asks who we are (--client-cert, "
				 "proa.upgrade.client_cert)"
			       : "";
	}
}
