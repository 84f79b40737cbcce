/* Apple's way to install a certificate authority: an unsigned configuration profile with the
 * payload com.apple.security.root. Any thread. */
#ifndef NET_PROFILE_H
#define NET_PROFILE_H

#include "confab/base/str.h"

/* Appends the profile, XML, for the first certificate of a PEM text. The same certificate makes
 * the same profile, which takes its own place when it is installed again. False: there is no
 * certificate, and nothing was appended. */
bool profile_add(struct str *out, const char *pem, size_t size);

#endif
