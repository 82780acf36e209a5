#include "common/conf/conf_list.h"

/* Told once for each list. */
static void
fail_list(struct conf_lex *lex, struct conf_nest *nest, const char *name, int began,
    const struct conf_lexeme *t)
{
	struct conf_item *item = conf_nest_last(nest);

	if (item->state == CONF_ITEM_FINE)
		conf_lex_fail(lex, t->line,
		    "unexpected \"%.60s\" in the list of `%s` that begins on line %d, "
		    "`,` or `}` was expected", t->text, name, conf_line_number(began));
	item->state = CONF_ITEM_WRONG;
}

/* An odd line in a list; true if the list ends on it. */
static bool
odd_in_list(struct conf_lex *lex, struct conf_nest *nest)
{
	int braces = conf_lex_braces(lex);

	conf_lex_skip_odd(lex);
	conf_nest_last(nest)->state = CONF_ITEM_WRONG;
	for (int more = braces; more < -1; more++)
		conf_nest_leave(nest, lex->line);
	return braces < 0;
}

int
conf_list_scan(struct conf_lex *lex, struct conf_nest *nest, const char *name, int began)
{
	struct conf_lexeme lexeme, *t = &lexeme;
	bool comma = true;		/* a value may come */
	size_t inner = 0;

	for (;;) {
		if (conf_lex_at_odd(lex)) {
			if (odd_in_list(lex, nest))
				return 0;
			comma = true;
			continue;
		}
		conf_lex_next(lex, t);
		if (t->kind == CONF_END) {
			if (conf_nest_last(nest)->state == CONF_ITEM_FINE)
				conf_lex_fail(lex, began, "the list of `%s` that begins here "
				    "is not closed, the file ends on line %d", name,
				    conf_line_number(lex->line));
			conf_nest_last(nest)->state = CONF_ITEM_WRONG;
			lex->r->lost = lex->cut = true;
			nest->balance--;
			return 0;
		}
		if (t->kind == CONF_WORD_TOKEN && conf_lex_names_item(lex)) {
			fail_list(lex, nest, name, began, t);
			conf_lex_back(lex, t);
			nest->balance--;
			return 0;
		}
		if (conf_lex_is_value(t)) {
			if (t->wrong)
				conf_nest_last(nest)->state = CONF_ITEM_WRONG;
			if (!comma)
				fail_list(lex, nest, name, began, t);
			if (conf_nest_word(nest, t->text, t->line) < 0)
				return -1;
			comma = false;
			continue;
		}
		if (conf_lex_is(t, '}')) {
			if (inner-- == 0)
				return 0;
			continue;
		}
		if (!conf_lex_is(t, ',') || comma)
			fail_list(lex, nest, name, began, t);
		inner += conf_lex_is(t, '{');
		comma = true;
	}
}
