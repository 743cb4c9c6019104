#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
	if (err) {
		va_list args;

		err->code = code;
		va_start(args, format);
		vsnprintf(err->message, sizeof(err->message), format, args);
		va_end(args);
	}
	return code;
}

int error_errno(struct error *err, const char *format, ...)
{
	int saved = errno ? errno : EIO;

	if (err) {
		va_list args;
		size_t used;

		err->code = -saved;
		va_start(args, format);
		vsnprintf(err->message, sizeof(err->message), format, args);
		va_end(args);
		used = strlen(err->message);
		snprintf(err->message + used, sizeof(err->message) - used, ": %s", strerror(saved));
	}
	errno = saved;
	return -saved;
}

int error_wrap(struct error *err, int code, const char *format, ...)
{
	if (err) {
		char inner[ERROR_MESSAGE_SIZE];
		va_list args;
		size_t used;

		memcpy(inner, err->message, sizeof(inner));
		err->code = code;
		va_start(args, format);
		vsnprintf(err->message, sizeof(err->message), format, args);
		va_end(args);
		used = strlen(err->message);
		snprintf(err->message + used, sizeof(err->message) - used, ": %s", inner);
	}
	return code;
}

int error_oom(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}
