/* Any text as a zone file: refused with a reason, or compiled into a zone that keeps its
 * promises (zone_verify) and in which every name is found. */
#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/zone_load.h"
#include "dnsd/zone/zone_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
	if (!good)
		abort();
}

/* Every name is found as what it is; DS, which a cut itself answers. */
static void
check_found(const struct zone *z, uint32_t id)
{
	const struct zone_node *node = &z->nodes[id];
	struct name_walk w;
	uint32_t found;
	enum zone_outcome outcome;

	name_walk(&w, z->data + node->name, z->data_len - node->name);
	outcome = zone_find(z, &w, DNS_DS, &found);
	if ((node->flags & ZONE_NODE_OCCLUDED) == 0)
		check(outcome == ZONE_FOUND && found == id);
	else
		check((outcome == ZONE_DELEGATION || outcome == ZONE_DNAME) &&
		    found == node->occluded_by);
}

static void
warn_line(void *arg, const char *line)
{
	(void)arg;
	check(strncmp(line, "zone.txt", 8) == 0 || strlen(line) > 8);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\na 60 A 192.0.2.1\n";
	static const struct warn warn = { warn_line, NULL };
	struct zone_read_limits limits = { .max_octets = 1 << 20, .max_depth = 2 };
	bool whole = size != 0 && data[0] == '@';
	size_t front = whole ? 0 : sizeof(head) - 1;
	char *text = malloc(size + front);
	struct err err = { .text = "" };
	struct zone *z;

	if (text == NULL)
		return 0;
	if (!whole)
		memcpy(text, head, front);
	if (size != 0)
		memcpy(text + front, data, size);
	/* /nowhere: relative includes find nothing on this machine */
	z = zone_load_text("Example.org", "/nowhere/zone.txt", text, size + front, &limits, &warn,
	    &err);
	free(text);
	if (z == NULL) {
		check(err.text[0] == '/');	/* with its file, which may be an included one */
		return 0;
	}
	check(zone_verify(z) == NULL);
	for (uint32_t i = 0; i < z->n_nodes; i++)
		check_found(z, i);
	zone_free(z);
	return 0;
}
