/*
 * torrent: a file as BitTorrent knows it (BEP 3, version 1), from the SHA-1 of its pieces.
 *
 * The info dictionary is the one that mktorrent writes for the same file and the same length of
 * pieces, and so is its hash: who has one torrent shares with who has the other.  Around it stand
 * the trackers of the configuration and web seeds (BEP 19): the mirrors that are best for this
 * client, and the copy here.  A magnet link says the same in a line (BEP 9).
 *
 * Knows no request; what is built is bounded by its draft.  Any thread.
 */
#ifndef NEARCAST_TORRENT_H
#define NEARCAST_TORRENT_H

#include "common/catalogue/catalogue.h"
#include "redirectd/choice.h"
#include "redirectd/draft.h"

/* True if there are SHA-1 hashes, as many as a file of this size has pieces; a file without
 * octets has none. */
bool torrent_possible(const struct choice_file *file, const struct catalogue_pieces *pieces);

/* These need what torrent_possible says.  The hash has 20 octets. */
void torrent_write(struct draft *draft, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces);
void torrent_magnet(struct draft *draft, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces);

/* The hash of the info dictionary.  `scratch` is a draft that was begun.  -1 = no memory. */
int torrent_hash(struct draft *scratch, const struct choice_file *file,
    const struct catalogue_pieces *pieces, uint8_t hash[CATALOGUE_SHA1]);

#endif
