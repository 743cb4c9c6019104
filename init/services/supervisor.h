/*
 * The service manager's state, shared by its files:
 *
 *   supervisor.c  the loop: signals, timers, what happens in which order
 *   link.c        System Docker: is it there, which containers, which events
 *   lifecycle.c   one service: create, start, watch, restart, stop
 *   user_docker.c what is special about the service that is user Docker
 *   user_data.c   its data, where another release's engine has had them before
 *   gate.c        the verdict (pure)
 *   configure.c   what the configuration says is done, before all that
 *   times.c       when what happened first, for the chart of the boot
 *   outcome.c     how the upgrade of this boot ended
 *   report.c      console lines, messages for PID 1, /run/proa/status
 *
 * Everything runs in one thread; nothing waits but the loop.
 */
#ifndef PROA_INIT_SERVICES_SUPERVISOR_H
#define PROA_INIT_SERVICES_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/services/container.h"
#include "init/services/control.h"
#include "init/services/docker_data.h"
#include "init/services/docker_options.h"
#include "init/services/gate.h"
#include "init/services/judge.h"
#include "init/services/mounts.h"
#include "init/services/report.h"
#include "init/services/resolv.h"
#include "init/services/spec.h"
#include "init/services/times.h"
#include "lib/config/layers.h"
#include "lib/docker/docker.h"

struct supervisor;

enum service_state {
	SERVICE_DOWN, /* no container runs; started when its turn has come */
	SERVICE_REMOVING,
	SERVICE_PULLING,
	SERVICE_CREATING,
	SERVICE_STARTING,
	SERVICE_RUNNING,
	SERVICE_STOPPING,
	SERVICE_STOPPED, /* for good, or held: it starts no more by itself */
};

struct service {
	const struct service_spec *spec;
	struct supervisor *supervisor;
	json_t *body;
	char config[HASH_HEX_SIZE];
	enum service_state state;
	char container[65]; /* id, or name after a conflict; "" where there is none */
	bool stale;         /* the container must be removed before the next start */
	bool died;          /* it ended while its start was still being confirmed */
	bool held;          /* a person has stopped it, until the next boot or "up" */
	uint64_t started_ms;
	uint64_t retry_ms; /* no start before */
	uint64_t stop_ms;  /* the stop was asked for; user Docker: its preparation began */
	unsigned failures; /* in a row */
	unsigned restarts; /* all in all */
	bool announced;
	bool healthy;     /* where it has a check */
	bool ill;         /* its check has failed as often as it may: to be ended */
	char reason[256]; /* of the last failure */
	struct service_times times;
};

enum link_state { LINK_DOWN, LINK_ASKING, LINK_UP };

struct link {
	enum link_state state;
	struct docker_request *events;
	bool listing;
	bool announced;
	uint64_t since_ms;    /* its first answer has been awaited */
	uint64_t next_ms;     /* next attempt, or next look at all containers */
	uint64_t answered_ms; /* for the first time */
	uint64_t up_ms;       /* it answers since then */
	unsigned losses;      /* it has answered, and then did not any more */
	uint64_t ghosts_ms;   /* since when it lists services that do not run; 0: it does not */
};

/* User Docker's data (user_data.c). */
enum user_data_state {
	USER_DATA_READY,
	USER_DATA_WAITING, /* for its process to be started: its engine may not start meanwhile */
	USER_DATA_WORKING,
};

struct user_data {
	uint64_t own;   /* data version of the release that runs; 0: not known */
	bool slot_good; /* it has settled, and so its engine has had these data before */
	enum user_data_state state;
	bool restore;   /* the process puts the copy back */
	bool restored;  /* once in the life of a manager */
	pid_t pid;      /* of the process */
	int said;       /* file that it writes its word to */
	uint64_t began_ms, worked_ms; /* the process did; those before it, all together */
	uint64_t next_ms;
	bool told;      /* that it failed */
	unsigned ends;  /* of engines by themselves, before any of them answered */
	char problem[256]; /* what a person should look at; "": nothing */
};

enum user_docker_stop { USER_DOCKER_RUNS, USER_DOCKER_TOLD, USER_DOCKER_READY };

struct user_docker {
	struct service *service;
	bool answers;
	bool announced;
	bool asking;
	unsigned misses; /* pings in a row without an answer */
	uint64_t refused_ms; /* since when it has answered with errors alone; 0: it has not */
	uint64_t next_ms;
	bool reload; /* it was adopted with an older configuration */
	enum user_docker_stop stop;
	struct user_data data;
};

/* What became of the configuration (configure.c). */
struct configured {
	struct config config;
	struct docker_options docker;
	struct mounting mounting;
	uint64_t mounts_ms; /* when those that are missing are tried again; 0: not at all */
	pid_t runcmd_pid;   /* 0: it does not run */
	bool runcmd_begun;
	bool network_changed, ntp_changed; /* since it was last applied */
	/* What a person should look at; "": nothing. */
	char problems[GATE_TEXT_MAX], mounts[256], runcmd[128], user_docker[256];
};

struct supervisor {
	struct docker_loop *loop;
	const char *system_socket;
	struct services_file file;
	struct service services[SPEC_SERVICES_MAX];
	size_t count;
	struct link link;
	struct control control;
	struct user_docker user_docker;
	struct reporter report;
	struct gate gate;
	struct judge judge;
	struct configured configured;
	char remarks[GATE_TEXT_MAX]; /* what of it a person should look at; "": nothing */
	char left_out[GATE_TEXT_MAX]; /* of the verdict, as it failed before the upgrade */
	struct resolv names;
	bool outcome_noted; /* how the upgrade ended that this boot tried */
	bool clock_outdated; /* there are other servers than chronyd has read of */
	char release[HASH_HEX_SIZE]; /* root hash of the one that runs */
	uint64_t began_ms;
	struct boot_times times;
	bool stopping;
};

/* Runs until SIGTERM has been obeyed. Returns 0 or a negative errno. */
int supervisor_run(struct supervisor *supervisor, struct error *err);

/* Makes the service's container body anew, of its specification as it is now. */
int supervisor_describe(struct service *service, struct error *err);

/* System Docker (link.c). */
void link_step(struct supervisor *supervisor, uint64_t now);

/* One service (lifecycle.c). */
void service_step(struct service *service, uint64_t now);
void service_ended(struct service *service, const char *reason, uint64_t now);
void service_adopt(struct service *service, const char *container, bool running, bool same,
		   uint64_t now);
void service_vanished(struct service *service, uint64_t now);
/* What its check says: "healthy", "unhealthy", "starting"; NULL: nothing is known. */
void service_health(struct service *service, const char *health);
/* It runs, and its check passes where it has one. */
bool service_well(const struct service *service);
/* It has run for SERVICE_SETTLED_MS; where it has ended before, for `again_ms`. */
bool service_has_run(const struct service *service, uint64_t again_ms, uint64_t now);
/* Made and started anew, whatever it is; stopped until it is released; started again. */
void service_restart(struct service *service, uint64_t now);
void service_hold(struct service *service, uint64_t now);
void service_release(struct service *service);
/* Sends the container's first process a signal ("HUP"), where it runs. */
void service_signal(struct service *service, const char *signal);
/* Others may be started that wait for this one. */
bool service_ready(const struct service *service);
struct service *service_find(struct supervisor *supervisor, const char *name);
/* Milliseconds from the n-th failure in a row to the next attempt. */
uint64_t service_backoff_ms(unsigned failures);

/* User Docker (user_docker.c). */
int user_docker_prepare(struct supervisor *supervisor, struct error *err);
void user_docker_step(struct supervisor *supervisor, uint64_t now);
/* Its container has ended, or another one has begun. */
void user_docker_reset(struct supervisor *supervisor);
/* It has never answered, and has ended twice or refuses whatever it is asked. */
bool user_docker_is_of_no_use(const struct user_docker *user, uint64_t now);
/* Makes it stop its containers when it is stopped; true once it may be stopped. */
bool user_docker_may_stop(struct supervisor *supervisor, uint64_t now);

/* Its data (user_data.c): before its first start, before each start, all the time. */
void user_data_begin(struct supervisor *supervisor);
bool user_data_is_ready(struct supervisor *supervisor);
void user_data_step(struct supervisor *supervisor, uint64_t now);
/* Its engine answers; has ended with that exit code. */
void user_data_answered(struct supervisor *supervisor);
void user_data_ended(struct supervisor *supervisor, long code);
/* For how long the copy has been made, or put back, in the life of this manager. */
uint64_t user_data_copying_ms(const struct supervisor *supervisor, uint64_t now);
/* In a process of its own: "prepare", "restore" (docker_data.h). Returns an exit code. */
int user_data_work(const char *what);

enum {
	SERVICE_STABLE_MS = 60000,  /* ran that long: its failures are forgotten */
	SERVICE_SETTLED_MS = 3000,  /* ran that long, for the first time: the gate believes it */
	SERVICE_AFTER_MS = 120000,  /* `after` waits no longer than that */
	SUPERVISOR_TICK_MS = 1000,  /* while the gate is open */
	SUPERVISOR_REST_MS = 10000, /* later: nothing is urgent */
	LINK_RETRY_MS = 50,
	LINK_RESYNC_MS = 60000,
	USER_DOCKER_PING_MS = 30000,
};

#endif
