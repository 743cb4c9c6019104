/* docs/internals.md "Run time": what the service manager reads and writes. */
#ifndef PROA_INIT_SERVICES_PATHS_H
#define PROA_INIT_SERVICES_PATHS_H

#include "lib/runtime.h"

#define PATH_SERVICES_FILE      "/usr/lib/proa/services.yml"
#define PATH_BOOT               RUNTIME_BOOT
#define PATH_STATUS             "/run/proa/status"
#define PATH_HISTORY            "/var/lib/proa/history"
#define PATH_UPGRADES           RUNTIME_UPGRADES
#define PATH_RESOLV_CONF        "/run/proa/resolv.conf"
#define PATH_SYSTEM_DOCKER_ARGS "/var/lib/proa/system-docker.args"
#define PATH_NETIF              "/run/proa/netif" /* of systemd-networkd */
#define PATH_INIT_SOCKET        RUNTIME_INIT_SOCKET
#define PATH_SERVICES_SOCKET    RUNTIME_SERVICES_SOCKET
#define PATH_SYSTEM_DOCKER      "/run/system-docker.sock"
#define PATH_SYSTEM_DOCKER_PID  "/run/system-docker.pid"
#define PATH_SYSTEM_CGROUP      "/sys/fs/cgroup/system"
#define PATH_CONTAINERD         "/run/containerd/containerd.sock"
#define PATH_USER_DOCKER_DIR    "/run/proa/docker"
#define PATH_USER_DOCKER        PATH_USER_DOCKER_DIR "/docker.sock"
#define PATH_USER_DOCKER_CONFIG PATH_USER_DOCKER_DIR "/daemon.json"
#define PATH_USER_DOCKER_LINK   "/run/docker.sock"

#endif
