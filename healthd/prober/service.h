/*
 * service: the control socket, healthd.sock: commands of the operator (operator.h) and `status`.
 * A reload is the keeper's, who has a socket of its own.  One thread.
 */
#ifndef NEARCAST_SERVICE_H
#define NEARCAST_SERVICE_H

#include "common/control.h"
#include "healthd/prober/content.h"
#include "healthd/prober/history.h"
#include "healthd/prober/publish.h"
#include "healthd/prober/remember.h"

struct service {
	struct core *core;
	struct link *link;
	struct remember *remember;
	struct publish *publish;
	struct history *history;
	struct content *content;
	struct control *control;	/* owned */
};

/* Takes the six that are set; 0, or -1 with a reason. */
int service_open(struct service *service, struct err *err);
void service_close(struct service *service);

#endif
