#include "env_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENV_FILE_MAX = 1 << 20 };

char *env_file_read(const char *path, int *error)
{
    *error = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            *error = -errno;
        return NULL;
    }
    char *text = xmalloc(ENV_FILE_MAX + 1);
    size_t size = 0;
    ssize_t got;
    while ((got = read(fd, text + size, ENV_FILE_MAX + 1 - size)) > 0 && size <= ENV_FILE_MAX)
        size += (size_t)got;
    if (got < 0)
        *error = -errno;
    else if (size > ENV_FILE_MAX)
        *error = -EFBIG;
    close(fd);
    if (*error < 0) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

static char *skip_blanks(char *s)
{
    return s + strspn(s, " \t");
}

static void cut_blanks(char *s)
{
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\r", s[n - 1]) != NULL)
        n--;
    s[n] = '\0';
}

/* "a \" b" keeps what stands between the quotes, with \" and \\ resolved; 'a' keeps all of it. */
static char *unquote(char *s)
{
    char quote = *s++;
    char *to = s;
    for (char *from = s; *from != '\0' && *from != quote; from++) {
        if (quote == '"' && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        *to++ = *from;
    }
    *to = '\0';
    return s;
}

static char *value_of(char *s)
{
    s = skip_blanks(s);
    if (*s == '"' || *s == '\'')
        return unquote(s);
    for (char *c = s; *c != '\0'; c++) {
        if (*c == '#' && (c == s || c[-1] == ' ' || c[-1] == '\t')) {
            *c = '\0';
            break;
        }
    }
    cut_blanks(s);
    return s;
}

bool env_file_next(char **text, char **name, char **value, unsigned *line)
{
    while (**text != '\0') {
        char *s = *text;
        size_t length = strcspn(s, "\n");
        *text = s + length + (s[length] == '\n');
        s[length] = '\0';
        ++*line;
        s = skip_blanks(s);
        if (strncmp(s, "export ", 7) == 0)
            s = skip_blanks(s + 7);
        if (*s == '\0' || *s == '\r' || *s == '#')
            continue;
        char *equals = strchr(s, '=');
        if (equals != NULL)
            *equals = '\0';
        cut_blanks(s);
        *name = s;
        *value = equals == NULL ? NULL : value_of(equals + 1);
        return true;
    }
    return false;
}
