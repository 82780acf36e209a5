#include "redirectd/trace.h"

#include <string.h>

#include "common/members.h"

enum { LINE_MOST = 12 * 1024 };

/* All of it, or the network that the operator wants to keep. */
static void
put_client(struct members *m, const struct conf *conf, const struct choice_client *client)
{
	struct addr a = client->address;

	if (conf->log.addresses == CONF_ADDRESSES_PREFIX)
		addr_mask(a.ip, a.family == 4 ? 24 : 48);
	members_address(m, "client", &a);
	if (client->country[0] != '\0')
		members_string(m, "country", client->country);
	if (client->asn != 0)
		members_number(m, "asn", client->asn);
}

static void
put_end(struct members *m, const struct redirect_choice *choice)
{
	static const char *const ends[] = {
		[CHOICE_MIRROR] = "mirror", [CHOICE_FALLBACK] = "fallback", [CHOICE_HOME] = "home"
	};

	members_string(m, "end", ends[choice->end]);
	if (choice->end == CHOICE_MIRROR) {
		const struct choice_mirror *first = &choice->mirrors[0];

		members_string(m, "mirror", first->mirror->name);
		members_string(m, "why", choice_why_word(first->why));
		if (first->km >= 0)
			members_decimal(m, "km", first->km, 0);
	} else if (choice->end == CHOICE_FALLBACK) {
		members_string(m, "fallback", choice->fallback->name);
	} else {
		members_string(m, "why", choice_home_word(choice->home));
	}
}

void
trace_redirect(struct worker *worker, const struct redirect_choice *choice,
    const struct request *request)
{
	const struct conf *conf = choice->conf;
	char line[LINE_MOST];
	struct members m;

	if (worker->common->spool == NULL || conf->log.decisions == 0 ||
	    ++worker->unlogged < conf->log.decisions)
		return;
	worker->unlogged = 0;
	members_begin(&m, line, sizeof(line));
	members_string(&m, "ev", "redirect");
	put_client(&m, conf, &choice->client);
	members_text(&m, "path", choice->file.path, choice->file.path_len);
	if (choice->file.known)
		members_number(&m, "size", choice->file.size);
	put_end(&m, choice);
	members_string(&m, "method", request->method);
	members_bool(&m, "secure", choice->secure);
	members_end(&m);
	spool_line(worker->common->spool, line);
}
