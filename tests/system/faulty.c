/*
 * Stands in for a program of a faulty release: does what FAULT says and no more. Without the C
 * library it is so small that it fits into the place of any program in a slot's file system.
 */
enum { SYS_BRK = 12, SYS_PAUSE = 34, SYS_NANOSLEEP = 35, SYS_EXIT_GROUP = 231 };
enum { PAGE = 4096, BITE = 8 << 20, BITE_NS = 50000000 };

static inline long call(long number, long argument, long second)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(argument), "S"(second)
			 : "rcx", "r11", "memory");
	return result;
}

#if FAULT == 'm'
static inline void eat(void)
{
	static const long pause[2] = {0, BITE_NS};
	long end = call(SYS_BRK, 0, 0);
	long more = call(SYS_BRK, end + BITE, 0);

	for (; end < more; end += PAGE)
		*(volatile char *)end = 1;
	call(SYS_NANOSLEEP, (long)pause, 0);
}
#endif

__attribute__((noreturn)) void _start(void)
{
#if FAULT == 'e' /* exits */
	for (;;)
		call(SYS_EXIT_GROUP, 1, 0);
#elif FAULT == 's' /* segfaults */
	for (;;)
		*(volatile int *)0 = 1;
#elif FAULT == 'h' /* hangs */
	for (;;)
		call(SYS_PAUSE, 0, 0);
#elif FAULT == 'm' /* takes more and more memory, 160 MiB a second */
	for (;;)
		eat();
#else
#error "FAULT is 'e', 'h', 'm' or 's'"
#endif
}
