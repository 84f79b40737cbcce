#include "confab/wire/date.h"

#include <string.h>
#include <time.h>

/* Moves on by `count` digits; false when they are not all there. */
static bool take_digits(const char **at, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_day(const char **at, struct tm *tm)
{
    if (!take_digits(at, 4, &tm->tm_year) || !take_char(at, '-') ||
        !take_digits(at, 2, &tm->tm_mon) || !take_char(at, '-') ||
        !take_digits(at, 2, &tm->tm_mday))
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    struct tm same = *tm;
    timegm(&same); /* brings 30 February to March */
    return same.tm_mon == tm->tm_mon && same.tm_mday == tm->tm_mday;
}

/* 60 seconds: a leap second, the next one of the clock */
static bool take_time(const char **at, struct tm *tm)
{
    return take_digits(at, 2, &tm->tm_hour) && take_char(at, ':') &&
           take_digits(at, 2, &tm->tm_min) && take_char(at, ':') &&
           take_digits(at, 2, &tm->tm_sec) && tm->tm_hour < 24 && tm->tm_min < 60 &&
           tm->tm_sec <= 60;
}

/* Any number of digits; those after the third are below a millisecond. */
static bool take_fraction(const char **at, int64_t *ms)
{
    *ms = 0;
    if (!take_char(at, '.'))
        return true;
    int digits = 0;
    for (int64_t unit = 100; **at >= '0' && **at <= '9'; (*at)++, unit /= 10, digits++)
        *ms += (**at - '0') * unit;
    return digits > 0;
}

/* A '+' that nobody escaped in a URL has become a space. */
static bool take_offset(const char **at, int64_t *ms)
{
    int hours, minutes;

    *ms = 0;
    if (take_char(at, 'Z') || take_char(at, 'z'))
        return true;
    const bool behind = **at == '-';
    if (!behind && **at != '+' && **at != ' ')
        return false;
    (*at)++;
    if (!take_digits(at, 2, &hours) || !take_char(at, ':') || !take_digits(at, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *ms = (int64_t)(hours * 60 + minutes) * (behind ? -60000 : 60000);
    return true;
}

bool number_text(const char *text, int64_t *out)
{
    *out = 0;
    for (const char *c = text; *c != '\0' || c == text; c++)
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, *c - '0', out))
            return false;
    return true;
}

bool date_ms(const char *text, int64_t *out)
{
    struct tm tm = { 0 };
    int64_t fraction = 0, offset = 0;
    const char *at = text;

    if (!number_text(text, out)) {
        if (!take_day(&at, &tm))
            return false;
        if (*at != '\0' &&
            !((take_char(&at, 'T') || take_char(&at, 't') || take_char(&at, ' ')) &&
              take_time(&at, &tm) && take_fraction(&at, &fraction) && take_offset(&at, &offset)))
            return false;
        if (*at != '\0')
            return false;
        *out = (int64_t)timegm(&tm) * 1000 + fraction - offset;
    }
    return *out >= 0 && *out <= DATE_MS_MAX;
}
