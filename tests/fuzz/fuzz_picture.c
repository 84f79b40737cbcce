/* libFuzzer target: the first byte says which format, the rest is the file. What comes out is such a
 * picture again, and cleaning it a second time changes nothing.
 *
 *   fuzz_picture -max_total_time=60 -max_len=4096 SCRATCH_FOLDER tests/fuzz/corpus/picture
 */
#include "net/picture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int memory_file(const char *name)
{
    const int fd = memfd_create(name, MFD_CLOEXEC);
    BUG_ON(fd < 0);
    return fd;
}

static void fill(int fd, const void *bytes, size_t size)
{
    BUG_ON(ftruncate(fd, 0) != 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int files[3] = { -1, -1, -1 };
    struct picture once, twice;
    if (size < 2)
        return 0;
    for (int i = 0; i < 3; i++)
        if (files[i] < 0)
            files[i] = memory_file("picture");
    const enum picture_format format = (enum picture_format)(PICTURE_JPEG + data[0] % 4);
    fill(files[0], data + 1, size - 1);
    BUG_ON(ftruncate(files[1], 0) != 0 || ftruncate(files[2], 0) != 0);
    if (picture_clean(format, files[0], 0, size - 1, files[1], 0, &once) != 0)
        return 0;
    BUG_ON(once.size > size + 64 || once.width == 0 || once.height == 0);
    BUG_ON((uint64_t)once.width * once.height > PICTURE_PIXELS_MOST);
    BUG_ON(picture_clean(format, files[1], 0, once.size, files[2], 0, &twice) != 0);
    BUG_ON(twice.size != once.size || twice.width != once.width || twice.height != once.height);
    char *a = xmalloc(once.size), *b = xmalloc(once.size);
    BUG_ON(pread(files[1], a, once.size, 0) != (ssize_t)once.size);
    BUG_ON(pread(files[2], b, once.size, 0) != (ssize_t)once.size);
    BUG_ON(memcmp(a, b, once.size) != 0);
    free(a);
    free(b);
    return 0;
}
