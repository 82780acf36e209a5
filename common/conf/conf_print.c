/*
 * Prints a struct conf by the schema's tables: what conf.h says about conf_print.
 *
 * Options without a value are left out, and those that mean nothing for a check of its kind.
 * Blocks follow the schema's order, which is the order of reading.  No program prints; tests
 * compare what was read with what was meant, and read the printed form again.
 */
#include "common/conf/conf_schema.h"
#include "common/conf/conf_values.h"

static void
indent(unsigned depth, FILE *out)
{
	while (depth-- != 0)
		fputc('\t', out);
}

static void
print_element(const struct conf *conf, const struct conf_block *block, const void *element,
    unsigned depth, FILE *out);

static void
print_block(const struct conf *conf, const struct conf_block *block, const void *parent,
    unsigned depth, FILE *out)
{
	struct conf_list list = conf_block_elements(conf, block, parent);

	for (size_t i = 0; i < list.n; i++) {
		const char *element = (const char *)list.v + i * block->size;
		if (block->belongs != NULL && !block->belongs(conf, block, parent, element))
			continue;
		indent(depth, out);
		fprintf(out, "%s ", block->name);
		if (block->title != NULL) {
			fputs(block->title->type == CONF_UINT ? "\"" : "", out);
			conf_value_print(conf, block->title, element, out);
			fputs(block->title->type == CONF_UINT ? "\" " : " ", out);
		}
		fputs("{\n", out);
		print_element(conf, block, element, depth + 1, out);
		indent(depth, out);
		fputs("}\n", out);
	}
}

static void
print_element(const struct conf *conf, const struct conf_block *block, const void *element,
    unsigned depth, FILE *out)
{
	for (const struct conf_row *row = block->rows; row->name != NULL; row++) {
		if (row->old || !conf_value_present(row, element) ||
		    !conf_row_applies(row, element))
			continue;
		indent(depth, out);
		fprintf(out, "%s = ", row->name);
		conf_value_print(conf, row, element, out);
		fputc('\n', out);
	}
	for (size_t b = 0; block->blocks != NULL && block->blocks[b] != NULL; b++)
		print_block(conf, block->blocks[b], element, depth, out);
}

void
conf_print(const struct conf *conf, FILE *out)
{
	print_element(conf, &conf_schema, conf, 0, out);
}
