/*
 * catalogue_kind: the numbers by which the first page of a file says that it is ours, and how
 * its name is made.  SQLite calls them application_id.  Knows nothing else; any thread.
 */
#ifndef NEARCAST_CATALOGUE_KIND_H
#define NEARCAST_CATALOGUE_KIND_H

#define CATALOGUE_KIND 0x6e634361		/* "ncCa" */
#define CATALOGUE_KIND_HELD 0x6e634865		/* "ncHe" */
#define CATALOGUE_KIND_SUFFIX ".held"		/* behind the catalogue's name */

/* Suffixes of what may lie beside a file: the bits of its row's `beside`, from the lowest. */
#define CATALOGUE_KIND_BESIDE { ".asc", ".torrent" }

#endif
