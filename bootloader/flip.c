#include "bootloader/flip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bootloader/envblk.h"

enum { VALUE_SIZE = 8 }; /* the longest permitted value, tok, and a NUL */

/* The variables, in the order in which they are written. */
enum variable {
	VAR_V,
	VAR_SLOT,
	VAR_A_LEFT,
	VAR_A_GOOD,
	VAR_B_LEFT,
	VAR_B_GOOD,
	VAR_TURN,
	VAR_TOK,
	VAR_END,
	VARIABLES,
};

/* Each value has a fixed width: every character is one of a set. */
static const struct {
	const char *name;
	size_t width;
	const char *permitted;
} variables[VARIABLES] = {
	[VAR_V] = {"v", 1, "1"},
	[VAR_SLOT] = {"slot", 1, "ab"},
	[VAR_A_LEFT] = {"a_left", 1, "0123456789"},
	[VAR_A_GOOD] = {"a_good", 1, "01"},
	[VAR_B_LEFT] = {"b_left", 1, "0123456789"},
	[VAR_B_GOOD] = {"b_good", 1, "01"},
	[VAR_TURN] = {"turn", 1, "ab"},
	[VAR_TOK] = {"tok", FLIP_TOK_LENGTH, "0123456789"},
	[VAR_END] = {"end", 1, "1"},
};

typedef char flip_values[VARIABLES][VALUE_SIZE];

void flip_init(struct flip *flip)
{
	*flip = (struct flip){
		.primary = FLIP_SLOT_A,
		.slots = {[FLIP_SLOT_A] = {.left = 4}},
		.turn = FLIP_SLOT_A,
		.tok = "000000",
	};
}

static bool permitted(int variable, const char *value)
{
	size_t width = variables[variable].width;

	return strlen(value) == width && strspn(value, variables[variable].permitted) == width;
}

static int values_check(flip_values values, struct error *err)
{
	for (int i = 0; i < VARIABLES; i++) {
		if (!permitted(i, values[i]))
			return error_set(
				err, -EBADMSG,
				"the flip block is damaged: its variable \"%s\" is missing "
				"or has a value that is not permitted",
				variables[i].name);
	}
	return 0;
}

static enum flip_slot slot_of(char letter)
{
	return letter == 'b' ? FLIP_SLOT_B : FLIP_SLOT_A;
}

static void from_values(flip_values values, struct flip *out)
{
	*out = (struct flip){
		.primary = slot_of(values[VAR_SLOT][0]),
		.slots = {{.left = (uint8_t)(values[VAR_A_LEFT][0] - '0'),
			   .good = values[VAR_A_GOOD][0] == '1'},
			  {.left = (uint8_t)(values[VAR_B_LEFT][0] - '0'),
			   .good = values[VAR_B_GOOD][0] == '1'}},
		.turn = slot_of(values[VAR_TURN][0]),
	};
	memcpy(out->tok, values[VAR_TOK], sizeof(out->tok));
}

static void to_values(const struct flip *flip, flip_values values)
{
	memset(values, 0, sizeof(flip_values));
	values[VAR_V][0] = '1';
	values[VAR_SLOT][0] = flip_letter(flip->primary);
	values[VAR_A_LEFT][0] = (char)('0' + flip->slots[FLIP_SLOT_A].left);
	values[VAR_A_GOOD][0] = flip->slots[FLIP_SLOT_A].good ? '1' : '0';
	values[VAR_B_LEFT][0] = (char)('0' + flip->slots[FLIP_SLOT_B].left);
	values[VAR_B_GOOD][0] = flip->slots[FLIP_SLOT_B].good ? '1' : '0';
	values[VAR_TURN][0] = flip_letter(flip->turn);
	memcpy(values[VAR_TOK], flip->tok, sizeof(flip->tok));
	values[VAR_END][0] = '1';
}

int flip_parse(const uint8_t block[FLIP_BLOCK_SIZE], struct flip *out, struct error *err)
{
	flip_values values = {{0}};
	struct envblk_variable variable;
	size_t at = 0;
	int r;

	if (!envblk_has_header(block, FLIP_BLOCK_SIZE))
		return error_set(err, -EBADMSG, "the flip block is damaged: it has no header");

	/* As load_env does it: of several lines with one name the last one counts. */
	while (envblk_next(block, FLIP_BLOCK_SIZE, &at, &variable)) {
		for (int i = 0; i < VARIABLES; i++) {
			if (!envblk_named(&variable, variables[i].name))
				continue;
			if (!envblk_value(&variable, values[i], VALUE_SIZE))
				values[i][0] = '\0'; /* too long to be permitted */
		}
	}
	r = values_check(values, err);
	if (r < 0)
		return r;
	from_values(values, out);
	return 0;
}

void flip_render(const struct flip *flip, uint8_t block[FLIP_BLOCK_SIZE])
{
	envblk_init(block, FLIP_BLOCK_SIZE);
	flip_save_like_grub(flip, block);
}

void flip_save_like_grub(const struct flip *flip, uint8_t block[FLIP_BLOCK_SIZE])
{
	uint8_t changed[FLIP_BLOCK_SIZE];
	flip_values values;

	if (!envblk_has_header(block, FLIP_BLOCK_SIZE))
		return;
	/* save_env changes a copy, and writes nothing where one variable finds no room. */
	memcpy(changed, block, FLIP_BLOCK_SIZE);
	to_values(flip, values);
	for (int i = 0; i < VARIABLES; i++) {
		if (!envblk_set(changed, FLIP_BLOCK_SIZE, variables[i].name, values[i]))
			return;
	}
	memcpy(block, changed, FLIP_BLOCK_SIZE);
}

bool flip_equal(const struct flip *one, const struct flip *two)
{
	flip_values one_values, two_values;

	to_values(one, one_values);
	to_values(two, two_values);
	return memcmp(one_values, two_values, sizeof(one_values)) == 0;
}

void flip_text(const struct flip *flip, char text[FLIP_TEXT_SIZE])
{
	snprintf(text, FLIP_TEXT_SIZE, "%c,%u,%d,%u,%d,%c,%s", flip_letter(flip->primary),
		 flip->slots[FLIP_SLOT_A].left, flip->slots[FLIP_SLOT_A].good,
		 flip->slots[FLIP_SLOT_B].left, flip->slots[FLIP_SLOT_B].good,
		 flip_letter(flip->turn), flip->tok);
}

int flip_from_text(const char *text, struct flip *out)
{
	flip_values values = {[VAR_V] = "1", [VAR_END] = "1"};

	for (int i = VAR_SLOT; i <= VAR_TOK; i++) {
		size_t length = strcspn(text, ",");

		if (length >= VALUE_SIZE || text[length] != (i == VAR_TOK ? '\0' : ','))
			return -EINVAL;
		memcpy(values[i], text, length);
		text += length + (i == VAR_TOK ? 0 : 1);
	}
	if (values_check(values, NULL) < 0)
		return -EINVAL;
	from_values(values, out);
	return 0;
}
