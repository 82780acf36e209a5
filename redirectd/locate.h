/*
 * locate: who a client is and where: its address behind nginx, and what the databases say of it.
 *
 * Knows no mirrors.  Any thread.
 */
#ifndef NEARCAST_LOCATE_H
#define NEARCAST_LOCATE_H

#include <stdbool.h>

#include "redirectd/choice.h"
#include "redirectd/setup.h"

/* Text as nginx has it in $remote_addr; an IPv4 address in IPv6 is IPv4.  False = it is none. */
bool locate_address(struct addr *address, const char *text);

/* Fills in what the databases know of client->address. */
void locate_client(const struct setup *setup, struct choice_client *client);

/* The client asks as if it were in that country, or of that AS.  Nothing for what is neither. */
void locate_as_country(struct choice_client *client, const char *code);
void locate_as_asn(struct choice_client *client, const char *number);

#endif
