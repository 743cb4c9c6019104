/* Addresses and routes of a machine, out of the kernel alone. */
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "init/services/support.h"
#include "lib/cleanup.h"

/* Bits of a netmask. */
static unsigned int prefix(const struct sockaddr *mask)
{
	const unsigned char *bytes;
	size_t size;
	unsigned int bits = 0;

	if (!mask)
		return 0;
	if (mask->sa_family == AF_INET) {
		bytes = (const void *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr;
		size = sizeof(struct in_addr);
	} else {
		bytes = (const void *)&((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr;
		size = sizeof(struct in6_addr);
	}
	for (size_t i = 0; i < size; i++)
		bits += (unsigned int)__builtin_popcount(bytes[i]);
	return bits;
}

static void print_address(FILE *out, const struct ifaddrs *one)
{
	char text[NI_MAXHOST];
	int family = one->ifa_addr ? one->ifa_addr->sa_family : AF_UNSPEC;
	socklen_t size =
		family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	if (family == AF_PACKET)
		fprintf(out, "%-16s %s%s\n", one->ifa_name, one->ifa_flags & IFF_UP ? "up" : "down",
			one->ifa_flags & IFF_RUNNING ? ", has a carrier" : "");
	if ((family == AF_INET || family == AF_INET6) &&
	    getnameinfo(one->ifa_addr, size, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
		fprintf(out, "%-16s %s/%u\n", one->ifa_name, text, prefix(one->ifa_netmask));
}

int support_print_network(FILE *out, const char *argument, struct error *err)
{
	static const char *const files[] = {"/proc/net/route", "/proc/net/ipv6_route",
					    "/proc/net/dev", "/run/proa/resolv.conf"};
	struct ifaddrs *all;
	int r = 0;

	(void)argument;
	if (getifaddrs(&all) < 0)
		return error_errno(err, "cannot ask for addresses");
	for (const struct ifaddrs *one = all; one; one = one->ifa_next)
		print_address(out, one);
	freeifaddrs(all);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		fprintf(out, "\n%s\n", files[i]);
		if (support_print_file(out, files[i], 256 << 10, err) < 0)
			r = err->code;
	}
	return r;
}
