/*
 * Stands in for a program of a faulty release: does what FAULT says and no more. Without the C
 * library it is so small that it fits into the place of any program in a slot's file system.
 */
enum { SYS_PAUSE = 34, SYS_EXIT_GROUP = 231 };

static inline long call(long number, long argument)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(argument)
			 : "rcx", "r11", "memory");
	return result;
}

__attribute__((noreturn)) void _start(void)
{
#if FAULT == 'e' /* exits */
	for (;;)
		call(SYS_EXIT_GROUP, 1);
#elif FAULT == 's' /* segfaults */
	for (;;)
		*(volatile int *)0 = 1;
#elif FAULT == 'h' /* hangs */
	for (;;)
		call(SYS_PAUSE, 0);
#else
#error "FAULT is 'e', 's' or 'h'"
#endif
}
