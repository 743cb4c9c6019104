/*
 * PID 1, twice: as /init in the initramfs it finds and mounts the slot, as
 * /sbin/init in the slot it supervises.
 */
#include <stdio.h>
#include <unistd.h>

#include "init/boot/stage1.h"
#include "init/supervise/supervise.h"

int main(void)
{
	if (getpid() != 1) {
		fprintf(stderr, "init: the kernel starts this program, as process 1; to restart the "
				"machine, run: proa reboot\n");
		return 2;
	}
	/* Only the initramfs has /init and the release keys beside it. */
	if (access("/init", F_OK) == 0 && access("/keys", F_OK) == 0)
		stage1_run();
	supervise_run();
}
