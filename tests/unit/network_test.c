/* What systemd-networkd, libc and chronyd are told of the configuration. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/network.h"
#include "init/services/ntp.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "tests/unit/support/scratch.h"

static const struct network_paths paths = {.folder = "run/network"};

/* What one port's file ends with, unless the configuration says otherwise. */
#define REST                                                                                       \
	"\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\nUseMTU=yes\nUseDNS=yes\n"               \
	"UseDomains=yes\n"                                                                         \
	"\n[DHCPv6]\nUseHostname=no\nUseDNS=yes\nUseDomains=yes\n"                                 \
	"\n[IPv6AcceptRA]\nUseDNS=yes\nUseDomains=yes\n"
#define NETWORK(dhcp, ra)                                                                          \
	"\n[Network]\nDHCP=" dhcp "\nIPv6AcceptRA=" ra "\nLinkLocalAddressing=ipv6\n"              \
	"KeepConfiguration=dynamic-on-stop\n"
#define ALL_PORTS "[Match]\nType=ether\nKind=!*\n" NETWORK("ipv4", "yes") REST

struct applied {
	struct resolv names;
	bool changed;
};

static void apply(const char *text, struct applied *applied)
{
	_cleanup_whole_config_ struct config config = {0};

	scratch_config(text, &config);
	resolv_free(&applied->names);
	assert_int_equal(network_apply(&config, &paths, &applied->changed, &applied->names), 0);
}

static void test_nothing_said(void **state)
{
	struct applied applied = {0};

	(void)state;
	apply("hostname: x\n", &applied);
	assert_true(applied.changed);
	scratch_assert("run/network/0000.network", ALL_PORTS);
	assert_null(applied.names.nameservers);
	assert_null(applied.names.search);
	/* The same once more: networkd need not look. */
	apply("hostname: y\n", &applied);
	assert_false(applied.changed);
}

static void test_static(void **state)
{
	struct applied applied = {0};

	(void)state;
	apply("proa:\n  network:\n    interfaces:\n      eth0:\n"
	      "        address: 192.0.2.5/24\n"
	      "        addresses: [192.0.2.6/32, 2001:db8::5/64]\n"
	      "        gateway: 192.0.2.1\n        gateway_ipv6: fe80::1\n        mtu: 9000\n"
	      "    dns: {nameservers: [192.0.2.53, 2001:db8::53], search: [a.example, "
	      "b.example]}\n",
	      &applied);
	scratch_assert(
		"run/network/0000.network",
		"[Match]\nName=eth0\n\n[Link]\nMTUBytes=9000\n" NETWORK(
			"no",
			"no") "Address=192.0.2.5/24\nAddress=192.0.2.6/32\nAddress=2001:db8::5/64\n"
			      "\n[Route]\nGateway=192.0.2.1\nGatewayOnLink=yes\n"
			      "\n[Route]\nGateway=fe80::1\nGatewayOnLink=yes\n"
			      "\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\nUseMTU=no\nUseDNS="
			      "no\n"
			      "UseDomains=no\n"
			      "\n[DHCPv6]\nUseHostname=no\nUseDNS=no\nUseDomains=no\n"
			      "\n[IPv6AcceptRA]\nUseDNS=no\nUseDomains=no\n");
	assert_string_equal(applied.names.nameservers,
			    "nameserver 192.0.2.53\nnameserver 2001:db8::53\n");
	assert_string_equal(applied.names.search, "search a.example b.example\n");
	resolv_free(&applied.names);
}

static void test_one_family(void **state)
{
	struct applied applied = {0};

	(void)state;
	/* An address of one family leaves the other to the network; what is said counts. */
	apply("proa: {network: {interfaces: {a: {address: 192.0.2.5/24}, "
	      "b: {address: \"2001:db8::5/64\"}, c: {address: 192.0.2.5/24, dhcp: true}, "
	      "d: {dhcp: false, dhcp6: false}}}}\n",
	      &applied);
	scratch_assert("run/network/0000.network",
		       "[Match]\nName=a\n" NETWORK("no", "yes") "Address=192.0.2.5/24\n" REST);
	scratch_assert("run/network/0001.network",
		       "[Match]\nName=b\n" NETWORK("ipv4", "no") "Address=2001:db8::5/64\n" REST);
	scratch_assert("run/network/0002.network",
		       "[Match]\nName=c\n" NETWORK("ipv4", "yes") "Address=192.0.2.5/24\n" REST);
	scratch_assert("run/network/0003.network", "[Match]\nName=d\n" NETWORK("no", "no") REST);
	scratch_assert("run/network/0004.network", ALL_PORTS);
}

/* networkd takes the first file that matches: the most exact one must stand first. */
static void test_order(void **state)
{
	static const char *const order[] = {"[Match]\nMACAddress=52:54:00:12:34:56\n",
					    "[Match]\nMACAddress=52:54:00:12:34:57\n",
					    "[Match]\nName=eth0\n",
					    "[Match]\nName=enp1*\n",
					    "[Match]\nName=en*\n",
					    "[Match]\nType=ether\n"};
	struct applied applied = {0};

	(void)state;
	apply("proa: {network: {interfaces: {\"en*\": {}, eth0: {dhcp: true}, "
	      "\"mac:52:54:00:12:34:56\": {mtu: 1400}, \"enp1*\": {mtu: 1300}, "
	      "uplink: {match: \"MAC:52:54:00:12:34:57\", mtu: 1400}}}}\n",
	      &applied);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		_cleanup_free_ char *found = NULL;
		char name[64];
		size_t size;

		snprintf(name, sizeof(name), "run/network/%04zu.network", i);
		assert_int_equal(io_read_file(name, 4096, &found, &size, NULL), 0);
		if (strncmp(found, order[i], strlen(order[i])) != 0)
			fail_msg("%s: %s", name, found);
	}
	/* What an earlier configuration has left goes, and is a change. */
	apply("hostname: x\n", &applied);
	assert_true(applied.changed);
	scratch_assert("run/network/0000.network", ALL_PORTS);
	assert_int_equal(access("run/network/0001.network", F_OK), -1);
}

/* A mistyped address must not cost the machine its last one. */
static void test_mistyped(void **state)
{
	struct applied applied = {0};

	(void)state;
	apply("proa: {network: {interfaces: {a: {address: 192.0.2.500/24, dhcp: false}}}}\n",
	      &applied);
	scratch_assert("run/network/0000.network", "[Match]\nName=a\n" NETWORK("ipv4", "yes") REST);
}

static void test_resolv(void **state)
{
	static const struct resolv own = {.search = (char *)"search own.example\n"};
	static const struct resolv nothing = {0};
	struct stat before, after;
	int watch;

	(void)state;
	/* Nothing is known yet. */
	watch = resolv_watch("run/netif", NULL);
	assert_true(watch >= 0);
	assert_int_equal(resolv_update(&nothing, watch, "run/netif/state", "resolv.conf", NULL), 0);
	scratch_assert("resolv.conf", "");
	assert_int_equal(stat("resolv.conf", &before), 0);

	scratch_put("run/netif/new",
		    "# This is private data.\nOPER_STATE=routable\n"
		    "DNS=10.0.2.3 fec0::3%2 192.0.2.1#dns.example\nDOMAINS=a.example b\n");
	assert_int_equal(rename("run/netif/new", "run/netif/state"), 0);
	assert_int_equal(resolv_update(&nothing, watch, "run/netif/state", "resolv.conf", NULL), 0);
	scratch_assert("resolv.conf", "nameserver 10.0.2.3\nnameserver fec0::3%2\n"
				      "nameserver 192.0.2.1\nsearch a.example b\n");
	/* In place: containers have it mounted. */
	assert_int_equal(stat("resolv.conf", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* The watch has nothing more to say. */
	assert_int_equal(read(watch, &(char[512]){0}, 512), -1);
	close(watch);

	assert_int_equal(resolv_update(&own, -1, "run/netif/state", "resolv.conf", NULL), 0);
	scratch_assert("resolv.conf", "nameserver 10.0.2.3\nnameserver fec0::3%2\n"
				      "nameserver 192.0.2.1\nsearch own.example\n");
	scratch_put("run/netif/state", "DNS=\nDOMAINS=\n");
	assert_int_equal(resolv_update(&nothing, -1, "run/netif/state", "resolv.conf", NULL), 0);
	scratch_assert("resolv.conf", "");
}

static void test_ntp(void **state)
{
	_cleanup_whole_config_ struct config config = {0};
	_cleanup_free_ char *text = NULL;
	bool changed;
	size_t size;

	(void)state;
	scratch_config("proa: {ntp: {servers: [ntp.example, 192.0.2.1]}}\n", &config);
	assert_int_equal(ntp_apply(&config, "run/ntp/chrony.conf", &changed), 0);
	assert_int_equal(io_read_file("run/ntp/chrony.conf", 4096, &text, &size, NULL), 0);
	assert_memory_equal(text, "server ntp.example iburst\nserver 192.0.2.1 iburst\ndrift", 55);
	config_free(&config);
	assert_int_equal(ntp_apply(&config, "run/ntp/chrony.conf", &changed), 0);
	free(ptr_take(text));
	assert_int_equal(io_read_file("run/ntp/chrony.conf", 4096, &text, &size, NULL), 0);
	assert_memory_equal(text, "pool ", 5);
	assert_non_null(strstr(text, "\nsourcedir /run/proa/ntp\n"));
}

static void test_learned_ntp(void **state)
{
	(void)state;
	assert_int_equal(ntp_learn("none", "run/ntp/network.sources", NULL), 0);
	scratch_put("state", "DNS=192.0.2.2\nNTP= 192.0.2.1  ntp.example\nDOMAINS=x\n");
	assert_int_equal(ntp_learn("state", "run/ntp/network.sources", NULL), 1);
	scratch_assert("run/ntp/network.sources",
		       "server 192.0.2.1 iburst\nserver ntp.example iburst\n");
	assert_int_equal(ntp_learn("state", "run/ntp/network.sources", NULL), 0);
	/* The lease is over. */
	scratch_put("state", "NTP=\n");
	assert_int_equal(ntp_learn("state", "run/ntp/network.sources", NULL), 0);
	scratch_put("state", "NTP=192.0.2.3\n");
	assert_int_equal(ntp_learn("state", "run/ntp/network.sources", NULL), 1);
	scratch_assert("run/ntp/network.sources", "server 192.0.2.3 iburst\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_said), cmocka_unit_test(test_static),
		cmocka_unit_test(test_one_family),   cmocka_unit_test(test_order),
		cmocka_unit_test(test_mistyped),     cmocka_unit_test(test_resolv),
		cmocka_unit_test(test_ntp),          cmocka_unit_test(test_learned_ntp),
	};

	return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
