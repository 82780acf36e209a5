/*
 * negotiate: which document a request is for: by suffix, by query, by its Accept field.
 *
 * The words are MirrorBrain's, on which scripts rely: `NAME.meta4` and `NAME?meta4` ask for the
 * metalink of NAME, and so on.  A suffix is only what the name ends with: whoever asks looks
 * first whether a file has the whole name, and takes a suffix off only if none has.
 *
 * Accept (RFC 9110 section 12.5.1) chooses a metalink instead of the file only where it names
 * the metalink's type in full: every browser takes anything.  The field must not say
 * that the file is liked better: the metalink's weight is at least that of the range which fits
 * the file best.  What is not well-formed is passed over.  For the list of mirrors it chooses
 * among HTML, plain text and JSON.
 *
 * Knows neither files nor mirrors.  Pure; any thread.
 */
#ifndef NEARCAST_NEGOTIATE_H
#define NEARCAST_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>

enum document {
	DOCUMENT_NONE,				/* the file itself */
	DOCUMENT_META4, DOCUMENT_METALINK, DOCUMENT_MIRRORLIST, DOCUMENT_TORRENT,
	DOCUMENT_MAGNET, DOCUMENT_ZSYNC, DOCUMENT_BTIH, DOCUMENT_MD5, DOCUMENT_SHA1,
	DOCUMENT_SHA256,
	DOCUMENT_KINDS
};

/* How a list of mirrors is written. */
enum negotiate_form { NEGOTIATE_UNSAID, NEGOTIATE_HTML, NEGOTIATE_TEXT, NEGOTIATE_JSON };

/* What a query says about documents; it may say other things besides. */
struct negotiate_query {
	enum document document;		/* the first that it names */
	enum negotiate_form form;	/* `format=html|text|json`; any other word is UNSAID */
	bool only_hash;
};

/* "meta4", for any kind but NONE */
const char *negotiate_word(enum document document);

/* The kind that the name ends with, and in *file how many octets stand before that suffix;
 * NONE where there is none, or nothing but a folder before it. */
enum document negotiate_suffix(const char *path, size_t len, size_t *file);

/* `query` is what stands behind the `?`, NULL for nothing. */
struct negotiate_query negotiate_query(const char *query);

/* META4, METALINK or NONE for a file of this MIME type (NULL = not known); `accept` NULL = there
 * is no such field. */
enum document negotiate_accept(const char *accept, const char *type);

/* HTML, unless the field would rather have text or JSON and names it. */
enum negotiate_form negotiate_form(const char *accept);

#endif
