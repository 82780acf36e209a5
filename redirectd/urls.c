#include "redirectd/urls.h"

#include "redirectd/encode.h"

/* A URL that ends in a slash, and the path without the slash that it begins with. */
static void
below(struct draft *draft, const char *url, const struct choice_file *file)
{
	draft_text(draft, url);
	encode_url(draft, file->path + 1, file->path_len - 1);
}

void
urls_mirror(struct draft *draft, const struct redirect_choice *choice,
    const struct conf_mirror *mirror)
{
	if (mirror->one_file != NULL)
		draft_text(draft, mirror->url);
	else
		below(draft, mirror->url, &choice->file);
}

void
urls_fallback(struct draft *draft, const struct redirect_choice *choice)
{
	below(draft, choice->fallback->url, &choice->file);
}

void
urls_self(struct draft *draft, const struct redirect_choice *choice, const char *behind)
{
	draft_text(draft, choice->site);
	encode_url(draft, choice->file.path, choice->file.path_len);
	draft_text(draft, behind);
}

void
urls_home(struct draft *draft, const struct redirect_choice *choice)
{
	urls_self(draft, choice, "?here");
}

const char *
urls_name(const struct choice_file *file, size_t *len)
{
	const char *slash = memrchr(file->path, '/', file->path_len);
	const char *name = slash != NULL ? slash + 1 : file->path;

	*len = file->path_len - (size_t)(name - file->path);
	return name;
}
