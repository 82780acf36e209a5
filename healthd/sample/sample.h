/*
 * sample: the process that asks other people's mirrors for their files, one HEAD a mirror and
 * second.
 *
 * It is a child of the prober, and of its own, because nothing that mirrors send, and no disk that
 * the catalogue lies on, may hold up or end a check of our caches.  Each mirror is asked for the
 * files that it is said to hold, in an order of chance; every fifth time for one that it did not
 * deliver before.  One that has never been scanned is asked for any file, and holds those that it
 * was seen to deliver.  A file that is not as it should be leaves what the mirror holds at once
 * (held_write.h); the states are decided on by sample_state.h, and written with a lease to
 * MIRRORS in run-dir (mirror_file.h).  Without a catalogue it is only asked whether it answers.
 *
 * It executes no program: mirrors that should be scanned are in that file, and a timer runs
 * `nearctl scan --wanted`.
 */
#ifndef NEARCAST_SAMPLE_H
#define NEARCAST_SAMPLE_H

#include "common/conf/conf.h"

/* Runs until a signal ends the process, or it cannot run; returns the exit status. */
int sample_run(const struct conf *conf);

#endif
