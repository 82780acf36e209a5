/*
 * nearctl redirector: what redirectd of this machine says of itself, as text or JSON: its
 * catalogue, whether it believes the health of mirrors, and whom it sends clients to.  The text is
 * the daemon's own.
 */
#include <stdio.h>

#include "ctl/ctl.h"

enum { STATUS_MS = 5000 };

int
ctl_redirector(const struct ctl *ctl)
{
	return ctl_ask(ctl, "redirectd", ctl->json ? "status json" : "status", STATUS_MS, stdout);
}
