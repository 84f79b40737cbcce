/* Functions that do not compile here, because there is a safer one for each. The build includes
 * this file in front of every source file of the project, so the headers that declare them
 * come first. Macros with arguments: unlike `#pragma GCC poison` they leave alone a library's
 * header that has a parameter of such a name. */
#ifndef CONFAB_BASE_BANNED_H
#define CONFAB_BASE_BANNED_H

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* The compiler names this identifier when it does not find it. */
#define BANNED(name) name##_is_banned_see_confab_base_banned_h

/* No bound on what is written: snprintf, memcpy or struct str. */
#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef stpcpy
#define stpcpy(...) BANNED(stpcpy)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)

/* The NUL may be missing, or the cost is quadratic: snprintf, xmemdupz. */
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strncat
#define strncat(...) BANNED(strncat)
#undef stpncpy
#define stpncpy(...) BANNED(stpncpy)

/* No way to see an error: strtol with errno and end checked. */
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef atoll
#define atoll(...) BANNED(atoll)
#undef atof
#define atof(...) BANNED(atof)
#undef scanf
#define scanf(...) BANNED(scanf)
#undef fscanf
#define fscanf(...) BANNED(fscanf)
#undef sscanf
#define sscanf(...) BANNED(sscanf)

/* One hidden buffer for all threads: the _r functions, inet_ntop, getaddrinfo. */
#undef strtok
#define strtok(...) BANNED(strtok)
#undef asctime
#define asctime(...) BANNED(asctime)
#undef ctime
#define ctime(...) BANNED(ctime)
#undef gmtime
#define gmtime(...) BANNED(gmtime)
#undef localtime
#define localtime(...) BANNED(localtime)
#undef inet_ntoa
#define inet_ntoa(...) BANNED(inet_ntoa)
#undef gethostbyname
#define gethostbyname(...) BANNED(gethostbyname)

/* Guessable, or a race with whoever guesses: random_below, mkstemp. */
#undef rand
#define rand(...) BANNED(rand)
#undef srand
#define srand(...) BANNED(srand)
#undef tmpnam
#define tmpnam(...) BANNED(tmpnam)
#undef tempnam
#define tempnam(...) BANNED(tempnam)
#undef mktemp
#define mktemp(...) BANNED(mktemp)

#endif
