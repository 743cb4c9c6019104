#include "lib/printable.h"

void printable_make(char *text)
{
	for (; *text; text++) {
		if (*text == '\t')
			*text = ' ';
		else if (*text < ' ' || *text > '~')
			*text = '?';
	}
}
