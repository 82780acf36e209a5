/*
 * prober: the child process of healthd, which touches foreign bytes.
 *
 * One loop: the schedule starts checks, every check ends in one function, which asks
 * the judge; what the judge changes is published (health file), told (keeper, hook, log)
 * and remembered (state file) at the end of the turn.  Privileges have been dropped
 * before; the prober ends when the keeper's end of the socket closes.
 *
 * What the parts work on is core; link is the keeper's socket, publish the health file, remember
 * the state file, content origins and digests, sibling other sites' drains, hook the operator's
 * program, service the control socket with its report.  None of them knows another but where
 * its header says so, nor this file, which joins them.
 */
#ifndef NEARCAST_PROBER_H
#define NEARCAST_PROBER_H

#include "common/conf/conf.h"
#include "common/err.h"

/* What the prober would refuse to run with, found out as the main of a child without privileges,
 * for ldns reads operators' text here.  Writes the reason, "FILE:LINE: ...", to `fd`, a pipe or a
 * socket, with one write and its NUL; "" = nothing is wrong.  Returns the exit status: 0, or 1
 * if there is a reason or it could not be written. */
int prober_check_main(const struct conf *conf, int fd);

/* The same for a reload, which is also refused where a program cannot be run or a secret can be
 * read by everybody; what the prober's user cannot read is logged. */
int prober_reload_main(const struct conf *conf, int fd);

/* Runs until SIGTERM, SIGINT or the keeper's end.  `conf` is borrowed, keeper_fd is a
 * SOCK_SEQPACKET (message.h).  Returns the exit status; what went wrong has been logged. */
int prober_run(const struct conf *conf, int keeper_fd);

#endif
