#include "bootloader/args.h"

#include <errno.h>
#include <string.h>

#include "bootloader/envblk.h"

/*
 * Quotes and backslashes are escaped once more by GRUB's linux command, and
 * wildcards expanded by its script reader: the kernel would see other text.
 */
static const char unpassable[] = "\"'\\*?[]";

/* Words that only GRUB says. */
static const char *const reserved[] = {
	"proa.slot",     "proa.root",       "proa.flip", "proa.unsaved",
	"proa.fellback", "proa.lastresort", "panic",     "oops",
};

static int check_word(const char *word, size_t length, struct error *err)
{
	size_t name_length = strcspn(word, "= ");

	if (length == 2 && memcmp(word, "--", 2) == 0)
		return error_set(
			err, -EINVAL,
			"kernel arguments: \"--\" would hide what follows from the kernel");
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (strlen(reserved[i]) == name_length &&
		    memcmp(word, reserved[i], name_length) == 0)
			return error_set(err, -EINVAL,
					 "kernel arguments: \"%s\" is set by Proa and cannot be "
					 "changed",
					 reserved[i]);
	}
	return 0;
}

int args_check(const char *text, struct error *err)
{
	if (strlen(text) > ARGS_MAX)
		return error_set(err, -EINVAL,
				 "kernel arguments: %zu bytes are too many; at most %d fit",
				 strlen(text), ARGS_MAX);
	for (const char *at = text; *at; at++) {
		if (*at < ' ' || *at > '~')
			return error_set(err, -EINVAL,
					 "kernel arguments: only printable ASCII on one line is "
					 "possible");
		if (strchr(unpassable, *at))
			return error_set(err, -EINVAL,
					 "kernel arguments: GRUB cannot pass on the character %c",
					 *at);
	}
	while (*text) {
		size_t length = strcspn(text, " ");
		int r = check_word(text, length, err);

		if (r < 0)
			return r;
		text += length;
		text += strspn(text, " ");
	}
	return 0;
}

void args_render(const struct args *args, uint8_t out[FLIPFS_ARGS_SIZE])
{
	envblk_init(out, FLIPFS_ARGS_SIZE);
	/* `menu` first: GRUB clears it, and that must change one sector alone. */
	envblk_set(out, FLIPFS_ARGS_SIZE, "menu", args->menu ? "1" : "0");
	envblk_set(out, FLIPFS_ARGS_SIZE, "args", args->text);
}

int args_parse(const uint8_t file[FLIPFS_ARGS_SIZE], struct args *out, struct error *err)
{
	struct envblk_variable variable;
	struct args found = {.text = ""};
	bool has_args = false, has_menu = false;
	char menu[2];
	size_t at = 0;

	if (!envblk_has_header(file, FLIPFS_ARGS_SIZE))
		return error_set(err, -EBADMSG, "the arguments file is damaged: it has no header");
	while (envblk_next(file, FLIPFS_ARGS_SIZE, &at, &variable)) {
		if (envblk_named(&variable, "args"))
			has_args = envblk_value(&variable, found.text, sizeof(found.text));
		else if (envblk_named(&variable, "menu"))
			has_menu = envblk_value(&variable, menu, sizeof(menu)) && menu[0] &&
				   strchr("01", menu[0]);
		found.menu = has_menu && menu[0] == '1';
	}
	if (!has_args || !has_menu || args_check(found.text, NULL) < 0)
		return error_set(err, -EBADMSG,
				 "the arguments file is damaged: set the kernel arguments again");
	*out = found;
	return 0;
}
