#include "upgrader/answer.h"

#include <errno.h>
#include <stdio.h>

#include "lib/json.h"
#include "lib/request.h"
#include "lib/runtime.h"

int answer_target(int result)
{
	switch (result) {
	case -EACCES:
		return ANSWER_NOT_PERMITTED;
	case -ENOENT:
	case -ENXIO:
	case -ENOMEDIUM:
		return ANSWER_NO_DISK;
	case -ENOTBLK:
	case -ENODATA:
		return ANSWER_NOT_A_DISK;
	case -EBUSY:
		return ANSWER_IN_USE;
	case -ENOKEY:
		return ANSWER_NO_KEY;
	default:
		return EXIT_FAILED;
	}
}

int answer_bundle(int result)
{
	switch (result) {
	case -EBADMSG:
	case -ENODATA:
	case -EFBIG:
		return ANSWER_DAMAGED_BUNDLE;
	case -ENOKEY:
	case -EKEYREJECTED:
		return ANSWER_SIGNATURE;
	case -ENOEXEC:
		return ANSWER_ARCHITECTURE;
	case -EOPNOTSUPP:
	case -EPERM:
		return EXIT_REFUSED;
	case -EREMOTEIO:
		return ANSWER_NETWORK;
	default:
		return EXIT_FAILED;
	}
}

int answer_plan(int result)
{
	switch (result) {
	case -EPERM:
		return EXIT_REFUSED;
	case -ERANGE:
		return ANSWER_OLDER;
	case -ESTALE:
		return ANSWER_EPOCH;
	case -ENOTSUP:
		return ANSWER_TOO_FAR;
	case -ENOSPC:
		return ANSWER_TOO_SMALL;
	case -EUCLEAN:
		return ANSWER_DAMAGED_SLOT;
	case -ECANCELED:
		return ANSWER_UNWANTED;
	default:
		return EXIT_FAILED;
	}
}

int answer_channel(int result)
{
	switch (result) {
	case -EREMOTEIO:
		return ANSWER_NETWORK;
	case -ENOKEY:
	case -EKEYREJECTED:
		return ANSWER_SIGNATURE;
	case -EBADMSG:
	case -EFBIG:
	case -ESTALE:
		return ANSWER_CHANNEL;
	case -EOPNOTSUPP:
		return EXIT_REFUSED;
	case -EACCES:
		return ANSWER_NOT_PERMITTED;
	case -ENODATA:
		return EXIT_USAGE;
	case -EUCLEAN:
		return ANSWER_DAMAGED_SLOT;
	default:
		return EXIT_FAILED;
	}
}

int answer_begin(int result)
{
	return result == -EPERM       ? EXIT_REFUSED
	       : result == -EREMOTEIO ? ANSWER_NETWORK
				      : EXIT_FAILED;
}

int answer_flip(int result)
{
	return result == -EPERM ? EXIT_REFUSED
	       : result == -EBADMSG || result == -ENODATA || result == -ENOKEY ||
			       result == -EKEYREJECTED
		       ? ANSWER_DAMAGED_SLOT
		       : EXIT_FAILED;
}

struct target_request answer_here(bool writes)
{
	return (struct target_request){
		.boot = RUNTIME_BOOT,
		.init_socket = RUNTIME_INIT_SOCKET,
		.writes = writes,
	};
}

struct progress_to answer_progress(const struct answer_request *request)
{
	return (struct progress_to){request->json ? stdout : stderr, request->json};
}

/* One line, so that whoever reads lines of progress finds the result as the last. */
static int print(json_t *json)
{
	_cleanup_json_ json_t *owned = json;

	return owned && json_dumpf(owned, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF &&
			       fflush(stdout) == 0
		       ? EXIT_DONE
		       : EXIT_FAILED;
}

int answer_failed(const struct answer_request *request, int exit_code, const struct error *err)
{
	fprintf(stderr, "%s: %s\n", request->command, err->message);
	if (request->json)
		(void)print(json_pack("{s:s, s:s, s:i, s:o}", "event", "result", "result",
				      exit_code == EXIT_FAILED ? "failed" : "refused", "exit",
				      exit_code, "error", json_text(err->message)));
	return exit_code;
}

int answer_done(const struct answer_request *request, int exit_code, json_t *json,
		const char *sentence)
{
	if (!request->json) {
		json_decref(json);
		printf("%s\n", sentence);
		return exit_code;
	}
	if (print(json) == EXIT_DONE)
		return exit_code;
	fprintf(stderr, "%s: cannot print the result; it is: %s\n", request->command, sentence);
	return EXIT_FAILED;
}

int answer_reboot(const struct answer_request *request, json_t *json, const char *sentence)
{
	struct error err = ERROR_INIT;
	int r = answer_done(request, EXIT_DONE, json, sentence);

	if (!request->reboot || r != EXIT_DONE)
		return r;
	if (request_pid1(request->target.init_socket, "reboot", NULL, 0, &err) < 0) {
		fprintf(stderr, "%s: %s; reboot by hand: sudo proa reboot\n", request->command,
			err.message);
		return EXIT_NEEDS_REBOOT;
	}
	if (!request->json)
		printf("The machine stops its containers and reboots.\n");
	return EXIT_DONE;
}
