#include "bootloader/envblk.h"

#include <string.h>

bool envblk_has_header(const uint8_t *block, size_t size)
{
	return size > ENVBLK_HEADER_SIZE && memcmp(block, ENVBLK_HEADER, ENVBLK_HEADER_SIZE) == 0;
}

void envblk_init(uint8_t *block, size_t size)
{
	memset(block, '#', size);
	memcpy(block, ENVBLK_HEADER, ENVBLK_HEADER_SIZE);
}

/* The newline that ends what starts at `at`, escaped ones skipped; may lie behind the end. */
static size_t find_newline(const uint8_t *block, size_t size, size_t at)
{
	while (at < size && block[at] != '\n')
		at += block[at] == '\\' ? 2 : 1;
	return at;
}

bool envblk_next(const uint8_t *block, size_t size, size_t *at, struct envblk_variable *out)
{
	size_t p = *at ? *at : ENVBLK_HEADER_SIZE;

	while (p < size) {
		size_t equals, end;

		if (block[p] == '#' || block[p] == '\n' || block[p] == '\r') {
			p = find_newline(block, size, p) + 1;
			continue;
		}
		/* A line without '=' swallows the lines behind it: GRUB looks no closer. */
		for (equals = p; equals < size && block[equals] != '='; equals++)
			;
		end = find_newline(block, size, equals + 1);
		if (end >= size)
			break;
		out->name = block + p;
		out->name_size = equals - p;
		out->value = block + equals + 1;
		out->value_size = end - equals - 1;
		*at = end + 1;
		return true;
	}
	*at = size;
	return false;
}

bool envblk_named(const struct envblk_variable *variable, const char *name)
{
	size_t size = strnlen((const char *)variable->name, variable->name_size);

	return size == strlen(name) && memcmp(variable->name, name, size) == 0;
}

bool envblk_value(const struct envblk_variable *variable, char *out, size_t room)
{
	size_t used = 0;

	for (size_t i = 0; i < variable->value_size; i++) {
		uint8_t byte = variable->value[i];

		if (byte == '\\')
			byte = variable->value[++i];
		if (byte == '\0')
			break;
		if (used + 1 >= room)
			return false;
		out[used++] = (char)byte;
	}
	out[used] = '\0';
	return true;
}

static size_t escaped_size(const char *value)
{
	size_t size = 0;

	for (; *value; value++)
		size += *value == '\\' || *value == '\n' ? 2 : 1;
	return size;
}

/* Where `name`'s value starts among the lines before `space`, or 0. */
static size_t find_value(const uint8_t *block, size_t size, size_t space, const char *name)
{
	size_t name_size = strlen(name);
	size_t p = ENVBLK_HEADER_SIZE;

	while (p + name_size + 1 < space) {
		if (memcmp(block + p, name, name_size) == 0 && block[p + name_size] == '=')
			return p + name_size + 1;
		p = find_newline(block, size, p) + 1;
	}
	return 0;
}

bool envblk_set(uint8_t *block, size_t size, const char *name, const char *value)
{
	size_t wanted = escaped_size(value);
	size_t space = size;
	size_t p;

	while (space > 0 && block[space - 1] == '#')
		space--;
	if (space == 0 || block[space - 1] != '\n')
		return false;

	p = find_value(block, size, space, name);
	if (p) {
		size_t end = find_newline(block, size, p);
		size_t length = end - p;

		if (end >= size || (wanted > length && size - space < wanted - length))
			return false;
		if (wanted < length) {
			memmove(block + p + wanted, block + end, size - end);
			memset(block + space - (length - wanted), '#', length - wanted);
		} else {
			memmove(block + p + wanted, block + end, size - (p + wanted));
		}
	} else {
		size_t name_size = strlen(name);

		if (size - space < name_size + 1 + wanted + 1)
			return false;
		memcpy(block + space, name, name_size);
		p = space + name_size;
		block[p++] = '=';
	}
	for (; *value; value++) {
		if (*value == '\\' || *value == '\n')
			block[p++] = '\\';
		block[p++] = (uint8_t)*value;
	}
	block[p] = '\n';
	return true;
}
