#include "redirectd/mirrorlist.h"

#include "redirectd/encode.h"
#include "redirectd/urls.h"

const char *
mirrorlist_known(enum choice_known known)
{
	static const char *const words[] = {
		[CHOICE_UNKNOWN] = "unknown", [CHOICE_BY_DATABASE] = "database",
		[CHOICE_BY_COUNTRY] = "country", [CHOICE_BY_QUERY] = "query",
	};

	return words[known];
}

void
mirrorlist_target(struct draft *draft, const struct redirect_choice *choice)
{
	if (choice->end == CHOICE_MIRROR)
		urls_mirror(draft, choice, choice->mirrors[0].mirror);
	else if (choice->end == CHOICE_FALLBACK)
		urls_fallback(draft, choice);
}

/* ---- text ---- */

/* A path in one line: what would break it as `\ooo`. */
static void
path_text(struct draft *draft, const struct choice_file *file)
{
	for (size_t i = 0; i < file->path_len; i++) {
		unsigned char c = (unsigned char)file->path[i];

		if (c < ' ' || c == '\\' || c == 0x7f)
			draft_format(draft, "\\%03o", c);
		else
			draft_put(draft, file->path + i, 1);
	}
}

static void
file_text(struct draft *draft, const struct choice_file *file)
{
	draft_text(draft, "file ");
	path_text(draft, file);
	if (!file->known) {
		draft_text(draft, ": not in the catalogue\n");
		return;
	}
	draft_format(draft, "\nsize %llu\nmodified ", (unsigned long long)file->size);
	encode_time(draft, file->mtime);
	draft_text(draft, "\n");
	if (file->sha256 != NULL) {
		draft_text(draft, "sha256 ");
		encode_hex(draft, file->sha256, 32);
		draft_text(draft, "\n");
	}
}

static void
client_text(struct draft *draft, const struct choice_client *client)
{
	char address[ADDR_TEXT];

	draft_format(draft, "client %s country %s continent %s AS %u ",
	    addr_text(&client->address, address), client->country[0] ? client->country : "-",
	    client->continent[0] ? client->continent : "-", client->asn);
	if (client->known == CHOICE_UNKNOWN)
		draft_text(draft, "place unknown\n");
	else
		draft_format(draft, "place %.2f %.2f by %s\n", client->latitude,
		    client->longitude, mirrorlist_known(client->known));
}

static void
end_text(struct draft *draft, const struct redirect_choice *choice)
{
	if (choice->end == CHOICE_HOME) {
		draft_format(draft, "goes home: %s\n", choice_home_words(choice->home));
		return;
	}
	draft_format(draft, "goes %s ", choice->end == CHOICE_MIRROR ? "mirror" : "fallback");
	mirrorlist_target(draft, choice);
	draft_text(draft, "\n");
}

static void
mirror_text(struct draft *draft, const struct redirect_choice *choice,
    const struct choice_mirror *m)
{
	if (m->taken)
		draft_format(draft, "%u ", m->priority);
	else
		draft_text(draft, "- ");
	draft_text(draft, m->mirror->name);
	draft_format(draft, " %s ", m->mirror->country[0] ? m->mirror->country : "-");
	if (m->km >= 0)
		draft_format(draft, "%.0fkm ", m->km);
	else
		draft_text(draft, "- ");
	urls_mirror(draft, choice, m->mirror);
	draft_format(draft, " %s: %s\n", choice_why_word(m->why), choice_why_words(m->why));
}

void
mirrorlist_text(struct draft *draft, const struct redirect_choice *choice)
{
	file_text(draft, &choice->file);
	client_text(draft, &choice->client);
	end_text(draft, choice);
	for (size_t i = 0; i < choice->n; i++)
		mirror_text(draft, choice, &choice->mirrors[i]);
}
