/* What INFO says. Any thread. */
#ifndef STORE_INFO_H
#define STORE_INFO_H

#include <stddef.h>

/* The value of a line "NAME:VALUE\r\n" of INFO; "" when there is none, or it does not fit. */
void info_value(const char *info, const char *name, char *out, size_t out_size);

#endif
