#include "lib/config/types.h"

/*
 * All keys of a configuration. Rows of what is in a section stand right behind it, so the
 * order here is also the order of docs/configuration.md.
 */
#define TEXT (1U << CONFIG_TEXT)
#define LIST (1U << CONFIG_LIST)
#define MAP  (1U << CONFIG_MAP)

#define SECTION(row_path, row_about, ...)                                                          \
	{                                                                                          \
		.path = (row_path), .kinds = MAP, .about = (row_about), __VA_ARGS__                \
	}
#define NAMES(row_path, row_about, ...)                                                            \
	{                                                                                          \
		.path = (row_path), .kinds = MAP, .about = (row_about), __VA_ARGS__                \
	}
#define ITEMS(row_path, row_about, ...)                                                            \
	{                                                                                          \
		.path = (row_path), .kinds = LIST, .about = (row_about), __VA_ARGS__               \
	}
#define VALUE(row_path, row_type, row_fallback, row_about, ...)                                    \
	{                                                                                          \
		.path = (row_path), .kinds = TEXT, .type = &(row_type),                            \
		.fallback = (row_fallback), .about = (row_about), __VA_ARGS__                      \
	}
/* What somebody may well write, and Proa has no use for. */
#define UNUSED(row_path, row_about)                                                                \
	{                                                                                          \
		.path = (row_path), .kinds = TEXT | LIST | MAP, .type = &config_block,             \
		.flags = CONFIG_UNUSED | CONFIG_ANY, .about = (row_about)                          \
	}

#define NO_PACKAGES                                                                                \
	"the system is a signed image without a package manager: run software in containers"
#define ONE_USER   "the system has one user, `proa`: give its keys in `ssh_authorized_keys`"
#define BY_INSTALL "the installer lays out the disk"
#define NOT_DOCKER "both Dockers keep their data where the layout of the disk puts it"

/* What both Dockers take: the rows differ in the section's name alone. */
#define DOCKER(section, row_about)                                                                 \
	SECTION(section, row_about),                                                               \
		ITEMS(section ".extra_args", "Further arguments of `dockerd`."),                   \
		VALUE(section ".extra_args[]", config_line, NULL,                                  \
		      "One argument, with its value: "                                             \
		      "`--label=rack=7`."),                                                        \
		NAMES(section ".environment", "Its environment."),                                 \
		VALUE(section ".environment.*", config_line, NULL, "The variable's value."),      \
		ITEMS(section ".registry_mirrors", "Mirrors of Docker Hub, asked first."),         \
		VALUE(section ".registry_mirrors[]", config_url, NULL, "The mirror."),             \
		ITEMS(section ".insecure_registries",                                              \
		      "Registries that are spoken to without TLS, or with a certificate that "     \
		      "nobody checks."),                                                           \
		VALUE(section ".insecure_registries[]", config_line, NULL,                         \
		      "`HOST[:PORT]` or a "                                                        \
		      "net (`192.0.2.0/24`)."),                                                    \
		VALUE(section ".log_driver", config_choice, "local",                               \
		      "Where the output of containers goes.",                                      \
		      .choices = "local, json-file, syslog, journald, gelf, fluentd or none"),     \
		UNUSED(section ".registry_mirror", "write `registry_mirrors`, a list"),            \
		UNUSED(section ".insecure_registry", "write `insecure_registries`, a list"),       \
		NAMES(section ".log_opts", "Options of the log driver."),                          \
		VALUE(section ".log_opts.*", config_line, NULL, "The option's value."),            \
		VALUE(section ".debug", config_bool, "false", "Whether `dockerd` tells more.")

const struct config_row config_rows[] = {
	VALUE("hostname", config_hostname, "proa", "The machine's name."),

	ITEMS("ssh_authorized_keys", "Whoever has one of these keys may log in as `proa`."),
	VALUE("ssh_authorized_keys[]", config_ssh_key, NULL, "One public key."),

	ITEMS("write_files", "Files that are written at every boot, before the services start."),
	SECTION("write_files[]", "One file."),
	VALUE("write_files[].path", config_path, NULL,
	      "Where; on the state partition, or it is gone "
	      "with the next boot.",
	      .flags = CONFIG_NEEDED),
	VALUE("write_files[].content", config_block, "", "What."),
	VALUE("write_files[].encoding", config_choice, "text/plain",
	      "How `content` is written here.",
	      .choices = "text/plain, b64, base64, gz, gzip, gz+b64, gz+base64, gzip+b64 or "
			 "gzip+base64"),
	VALUE("write_files[].owner", config_owner, "root:root", "Whose it is."),
	VALUE("write_files[].permissions", config_mode, "0644", "Who may read and write it."),
	VALUE("write_files[].append", config_bool, "false",
	      "Whether it is added to what is there."),

	ITEMS("runcmd", "Commands that run once a boot, when user Docker answers."),
	{.path = "runcmd[]",
	 .kinds = TEXT | LIST,
	 .type = &config_block,
	 .about = "A line for the shell, or a list: a program and its arguments."},
	VALUE("runcmd[][]", config_block, NULL, "The program, or one argument."),

	ITEMS("bootcmd", "Commands that run once a boot, before the services start."),
	{.path = "bootcmd[]",
	 .kinds = TEXT | LIST,
	 .type = &config_block,
	 .about = "A line for the shell, or a list: a program and its arguments."},
	VALUE("bootcmd[][]", config_block, NULL, "The program, or one argument."),

	ITEMS("mounts", "Further file systems, as in fstab(5)."),
	{.path = "mounts[]",
	 .kinds = LIST,
	 .least = 2,
	 .most = 6,
	 .about = "Device, folder, type (`auto`), options (`defaults`), and two numbers that are "
		  "not used."},
	VALUE("mounts[][]", config_block, NULL, "One field."),

	UNUSED("users", ONE_USER),
	UNUSED("groups", ONE_USER),
	UNUSED("packages", NO_PACKAGES),
	UNUSED("package_update", NO_PACKAGES),
	UNUSED("package_upgrade", NO_PACKAGES),
	UNUSED("apt", NO_PACKAGES),
	UNUSED("yum_repos", NO_PACKAGES),
	UNUSED("growpart", "the state partition grows by itself"),
	UNUSED("resize_rootfs", "the state partition grows by itself"),

	SECTION("proa",
		"Everything that is Proa's own; RancherOS's name `rancher` means the same."),

	VALUE("proa.password", config_line, NULL,
	      "The password of `proa` for the consoles and for `sudo`: a hash (`openssl passwd "
	      "-6`), "
	      "or the word itself.",
	      .flags = CONFIG_SECRET),
	VALUE("proa.autologin", config_bool, "false",
	      "Whether the consoles ask nobody for a password."),

	ITEMS("proa.modules", "Kernel modules to load beside those that the hardware asks for."),
	VALUE("proa.modules[]", config_module, NULL, "One module, with its parameters."),
	NAMES("proa.sysctl", "Settings of the kernel, as in sysctl.conf(5)."),
	VALUE("proa.sysctl.*", config_line, NULL, "The setting's value."),

	NAMES("proa.services",
	      "Further services of System Docker (docs/services.md), from the next boot on."),
	{.path = "proa.services.*",
	 .kinds = MAP,
	 .flags = CONFIG_ANY,
	 .about = "One service: the keys are those of docs/services.md."},

	SECTION("proa.ssh", "The SSH server."),
	VALUE("proa.ssh.daemon", config_bool, "true", "Whether there is one."),
	VALUE("proa.ssh.port", config_integer, "22", "Where it listens.", .least = 1,
	      .most = 65535),
	VALUE("proa.ssh.listen_address", config_address, NULL,
	      "On which of the machine's addresses; without it on all."),
	VALUE("proa.ssh.password_login", config_bool, "false",
	      "Whether the password opens it, too, and not a key alone."),

	SECTION("proa.network", "How the machine is reached, and reaches others."),
	NAMES("proa.network.interfaces",
	      "Ethernet ports by name (`eth0`), pattern (`enp*`) or MAC address "
	      "(`\"mac:52:54:00:12:34:56\"`); the most exact one counts. A port that none names "
	      "uses DHCP."),
	SECTION("proa.network.interfaces.*", "One port, or several that a pattern names."),
	VALUE("proa.network.interfaces.*.match", config_line, NULL,
	      "The pattern or MAC address, where the key above is a name of your own."),
	VALUE("proa.network.interfaces.*.dhcp", config_bool, "true",
	      "Whether it asks for an IPv4 address; `false` where addresses are given."),
	VALUE("proa.network.interfaces.*.dhcp6", config_bool, "true",
	      "The same for IPv6, by router advertisements and DHCPv6."),
	VALUE("proa.network.interfaces.*.address", config_subnet, NULL, "Its address."),
	ITEMS("proa.network.interfaces.*.addresses", "Its addresses, where it has several."),
	VALUE("proa.network.interfaces.*.addresses[]", config_subnet, NULL, "One of them."),
	VALUE("proa.network.interfaces.*.gateway", config_ipv4, NULL, "The router for IPv4."),
	VALUE("proa.network.interfaces.*.gateway_ipv6", config_ipv6, NULL, "The router for IPv6."),
	VALUE("proa.network.interfaces.*.mtu", config_integer, NULL,
	      "The largest packet, in bytes; without it the network's own.", .least = 576,
	      .most = 65535),
	SECTION("proa.network.dns", "Who knows names."),
	ITEMS("proa.network.dns.nameservers", "Servers, in place of those that DHCP names."),
	VALUE("proa.network.dns.nameservers[]", config_address, NULL, "A server."),
	ITEMS("proa.network.dns.search", "Domains in which a short name is looked for."),
	VALUE("proa.network.dns.search[]", config_host, NULL, "A domain."),
	VALUE("proa.network.http_proxy", config_url, NULL,
	      "Proxy of both Dockers and of upgrades for http."),
	VALUE("proa.network.https_proxy", config_url, NULL, "The same for https."),
	VALUE("proa.network.no_proxy", config_line, NULL,
	      "What is reached without it, with commas."),
	UNUSED("proa.network.pre_cmds", "commands before the network is there: use `bootcmd`"),
	UNUSED("proa.network.post_cmds", "commands when the network is there: use `runcmd`"),
	UNUSED("proa.network.wifi_networks", "there are no drivers for wireless networks"),
	UNUSED("proa.network.modem_networks", "there are no drivers for modems"),

	SECTION("proa.ntp", "The clock."),
	VALUE("proa.ntp.enabled", config_bool, "true", "Whether it is set from the network."),
	ITEMS("proa.ntp.servers", "Servers; without them Debian's pool, and those that DHCP names."),
	VALUE("proa.ntp.servers[]", config_host, NULL, "A server."),

	DOCKER("proa.docker", "User Docker, where your own containers live."),
	VALUE("proa.docker.bip", config_subnet, NULL, "Address and net of the bridge `docker0`."),
	UNUSED("proa.docker.graph", NOT_DOCKER),
	UNUSED("proa.docker.storage_driver", NOT_DOCKER),
	UNUSED("proa.docker.restart", "containers outlive a restart of user Docker (live restore)"),
	DOCKER("proa.system_docker",
	       "System Docker, which runs the system's services; from the next boot on."),
	UNUSED("proa.system_docker.graph", NOT_DOCKER),
	UNUSED("proa.system_docker.storage_driver", NOT_DOCKER),

	SECTION("proa.upgrade", "New releases."),
	VALUE("proa.upgrade.url", config_url, NULL,
	      "The channel that `proa upgrade` and `proa list` look in."),
	ITEMS("proa.upgrade.mirrors",
	      "Further addresses of the same channel, for when those before fail or lag behind.",
	      .most = 15),
	VALUE("proa.upgrade.mirrors[]", config_url, NULL,
	      "The channel there; its releases lie beside it."),
	VALUE("proa.upgrade.ca_file", config_path, NULL,
	      "Certificates (PEM) that are trusted to prove who the server is, in place of the "
	      "system's."),
	VALUE("proa.upgrade.pinned_key", config_line, NULL,
	      "The key that the server must have, besides: `sha256//BASE64`, several with `;`."),
	VALUE("proa.upgrade.client_cert", config_path, NULL,
	      "This machine's certificate (PEM), for a server that asks for one."),
	VALUE("proa.upgrade.client_key", config_path, NULL,
	      "Its key (PEM), where that is a file of its own; not everybody may read it."),
	VALUE("proa.upgrade.least_rate", config_bytes, "1000",
	      "A server that sends less than that in a second, a minute long, is asked anew; and a "
	      "transfer that takes longer than its bytes do at that rate, and ten minutes, fails.",
	      .least = 1, .most = 1LL << 30),
	VALUE("proa.upgrade.rate_limit", config_bytes, NULL,
	      "How much may come in a second, over all connections; without it, what the line gives.",
	      .least = 1024, .most = 1LL << 40),
	VALUE("proa.upgrade.policy", config_choice, "none",
	      "What happens by itself: nothing, fetching into the other slot, or that and a "
	      "reboot.",
	      .choices = "none, stage or auto", .flags = CONFIG_LATER),
	UNUSED("proa.upgrade.image",
	       "releases come as bundles from a channel: use `proa.upgrade.url`"),

	SECTION("proa.health", "When a boot counts as good."),
	VALUE("proa.health.deadline", config_duration, "5m",
	      "How long a new release has for all that is asked of it.", .least = 30, .most = 3600),
	VALUE("proa.health.check_timeout", config_duration, "30s",
	      "How long one check in `/var/lib/proa/health.d` may take.", .least = 1, .most = 600),

	SECTION("proa.watchdog", "What resets a machine that hangs (`docs/watchdog.md`)."),
	VALUE("proa.watchdog.enabled", config_bool, "true", "Whether it is used."),
	VALUE("proa.watchdog.timeout", config_duration, "2m", "After which silence.", .least = 10,
	      .most = 600),

	UNUSED("proa.state", BY_INSTALL),
	UNUSED("proa.resize_device", "the state partition grows by itself"),
	UNUSED("proa.bootstrap", "storage drivers are loaded before any container runs"),
	UNUSED("proa.services_include", "there is no repository of services: use `proa.services`"),
	UNUSED("proa.repositories", "there is no repository of services: use `proa.services`"),
	UNUSED("proa.console", "there is one console, Debian's userland"),
};

const size_t config_rows_count = sizeof(config_rows) / sizeof(config_rows[0]);
