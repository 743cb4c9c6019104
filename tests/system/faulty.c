/*
 * Stands in for a program of a faulty release: does what FAULT says and no more. Without the C
 * library it is so small that it fits into the place of any program in a slot's file system.
 */
enum { SYS_BRK = 12, SYS_MADVISE = 28, SYS_PAUSE = 34, SYS_EXIT_GROUP = 231 };
enum { BITE = 8 << 20, MADV_POPULATE_WRITE = 23 }; /* madvise(2) */

static inline long call(long number, long first, long second, long third)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(first), "S"(second), "d"(third)
			 : "rcx", "r11", "memory");
	return result;
}

#if FAULT == 'm'
/* The kernel touches the pages: a program that does, emulated, takes 10 MB in a second. */
static inline void eat(void)
{
	long end = (call(SYS_BRK, 0, 0, 0) + 4095) & -4096;

	call(SYS_BRK, end + BITE, 0, 0);
	call(SYS_MADVISE, end, BITE, MADV_POPULATE_WRITE);
}
#endif

__attribute__((noreturn)) void _start(void)
{
#if FAULT == 'e' /* exits */
	for (;;)
		call(SYS_EXIT_GROUP, 1, 0, 0);
#elif FAULT == 's' /* segfaults */
	for (;;)
		*(volatile int *)0 = 1;
#elif FAULT == 'h' /* hangs */
	for (;;)
		call(SYS_PAUSE, 0, 0, 0);
#elif FAULT == 'm' /* takes more and more memory */
	for (;;)
		eat();
#else
#error "FAULT is 'e', 'h', 'm' or 's'"
#endif
}
