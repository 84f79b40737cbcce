/* The folder of files that people sent, as operators' commands need it. docs/DATA.md, "Files". */
#ifndef CONFAB_NET_FILES_H
#define CONFAB_NET_FILES_H

#include "confab/base/settings.h"
#include "confab/base/str.h"
#include "confab/wire/file.h"

/* FILES_DIR, or DATA_DIR/files. Returns new. */
char *files_dir(const struct settings *settings) MUST_USE;

/* Calls fn for each file of the account or guest of that name; in: open at the content. fn returns
 * 0, or a negative errno that ends it. 0, or a negative errno: the folder cannot be read; when there
 * is none, there are no files. */
typedef int files_fn(void *arg, const struct file_about *about, int in);
int files_of(const char *dir, const char *name, files_fn *fn, void *arg) MUST_USE;
/* Removes them. How many, or a negative errno. */
int files_forget(const char *dir, const char *name) MUST_USE;

#endif
