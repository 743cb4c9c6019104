/*
 * AddressSanitizer's options for every test program. libparted calls strchr on
 * a buffer without an end when it is loaded (Debian 12's 3.5): the sanitizer
 * would stop there, before our own code ran.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "intercept_strchr=0";
}
