/* Files of a running machine that several rooms know (docs/internals.md "Run time"). */
#ifndef PROA_LIB_RUNTIME_H
#define PROA_LIB_RUNTIME_H

#define RUNTIME_BOOT            "/run/proa/boot"
#define RUNTIME_INIT_SOCKET     "/run/proa/init.sock"
#define RUNTIME_SERVICES_SOCKET "/run/proa/services.sock"
#define RUNTIME_UPGRADES        "/var/lib/proa/upgrades"
#define RUNTIME_BASELINE        "/var/lib/proa/baseline"
#define RUNTIME_EPOCH           "/var/lib/proa/epoch"

#endif
