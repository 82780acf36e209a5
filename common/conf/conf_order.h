/*
 * conf_order: servers, pools and zones sorted by their names, so that a configuration of many
 * thousands is searched in steps that do not grow with it.
 *
 * Knows that each of these structs begins with its name, and that no two names are alike.  Is
 * built once, when the configuration has been found right.  Any thread may search.
 */
#ifndef NEARCAST_CONF_ORDER_H
#define NEARCAST_CONF_ORDER_H

#include "common/conf/conf.h"

/* Fills in the orders of a configuration.  0, or -1 without memory; conf_free frees them. */
int conf_order_build(struct conf *conf);

#endif
