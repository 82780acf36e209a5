#include "common/conf/conf_log.h"

#include "common/log.h"

struct spool *
conf_log_open(const struct conf *conf, const char *kind, struct err *err)
{
	err->text[0] = '\0';
	if (!conf->log.enabled)
		return NULL;
	return spool_open(&(struct spool_how){
	    .dir = conf->log.spool, .kind = kind, .host = conf->log.host, .max = conf->log.max,
	    .warn = &log_warn_lines,
	}, err);
}

void
conf_log_client(const struct conf *conf, struct members *m, const char *name,
    const struct addr *client)
{
	struct prefix p = { .family = client->family, .len = client->family == 4 ? 24 : 48 };
	char text[ADDR_TEXT];

	if (conf->log.addresses == CONF_ADDRESSES_FULL) {
		members_address(m, name, client);
		return;
	}
	for (size_t i = 0; i < sizeof(p.ip); i++)
		p.ip[i] = client->ip[i];
	addr_mask(p.ip, p.len);
	members_string(m, name, prefix_text(&p, text));
}
