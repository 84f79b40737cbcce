/* What is known of a file, as text; what a file may be called by its content. */
#include "support/test.h"

#include "confab/wire/file.h"
#include "net/media.h"

#include <string.h>

static const struct file_about some = {
    .id = "0123456789abcdef0123456789abcdef",
    .owner = { .name = "Zoë", .guest = true, .session = "0011223344556677" },
    .name = "Hütte \"am\" See.jpg",
    .type = "image/jpeg",
    .size = 12345678901,
    .stored_ms = 1700000000123,
    .width = 4000,
    .height = 3000,
};

static void a_block_says_what_was_written(void **state)
{
    (void)state;
    char block[FILE_BLOCK_BYTES];
    struct file_about got;

    file_block_write(block, &some);
    assert_true(file_block_read(block, &got));
    assert_string_equal(got.id, some.id);
    assert_string_equal(got.owner.name, some.owner.name);
    assert_true(got.owner.guest);
    assert_string_equal(got.owner.session, some.owner.session);
    assert_string_equal(got.name, some.name);
    assert_string_equal(got.type, some.type);
    assert_true(got.size == some.size && got.stored_ms == some.stored_ms);
    assert_true(got.width == some.width && got.height == some.height);
}

static void the_longest_fits(void **state)
{
    (void)state;
    char block[FILE_BLOCK_BYTES];
    struct file_about f = some, got;

    memset(f.name, 'n', FILE_NAME_BYTES);
    memset(f.owner.name, 'o', NAME_MAX_BYTES);
    memset(f.type, 't', FILE_TYPE_BYTES);
    f.size = INT64_MAX;
    f.stored_ms = INT64_MAX;
    f.width = f.height = UINT32_MAX;
    file_block_write(block, &f);
    assert_true(file_block_read(block, &got));
    assert_memory_equal(got.name, f.name, sizeof f.name);
}

static void a_block_that_was_changed_is_none(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        { "confab-file 1", "confab-file 2" },
        { "\nname ", "\nmane " },
        { "size 1", "size -" },
        { "id 0", "id x" },
        { "See.jpg", "../.jpg" },
        { "time 1", "time\n1" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char block[FILE_BLOCK_BYTES];
        struct file_about got;
        file_block_write(block, &some);
        char *at = memmem(block, sizeof block, wrong[i][0], strlen(wrong[i][0]));
        assert_non_null(at);
        memcpy(at, wrong[i][1], strlen(wrong[i][1]));
        assert_false(file_block_read(block, &got));
    }
}

static void names_say_nothing_of_folders(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      "a/b",  "..",   ".", "a\\b",          " a", "a ", "a\nb",
        "a\x7f", "\xff", "a\tb", "/", "a\xe2\x80\xaez"
    };
    static const char *const good[] = { "a", "...", "a..b", "Zoë.txt", "a b", ".a", "猫.png" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(file_name_is_good(bad[i], strlen(bad[i])));
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(file_name_is_good(good[i], strlen(good[i])));
}

static void links_are_found(void **state)
{
    (void)state;
    static const char text[] = "a /files/0123456789abcdef0123456789abcdef/x?type=a\n"
                               "/files/0123456789ABCDEF0123456789abcdef/no /files/012/no "
                               "/files/ffffffffffffffffffffffffffffffff/y /files/0123456789abcdef"
                               "0123456789abcdef";
    char ids[FILE_LINKS_MOST][FILE_ID_CHARS + 1];

    assert_int_equal(file_links(text, sizeof text - 1, ids), 2);
    assert_string_equal(ids[0], "0123456789abcdef0123456789abcdef");
    assert_string_equal(ids[1], "ffffffffffffffffffffffffffffffff");
    assert_int_equal(file_links(text, 10, ids), 0);
}

static void what_is_said_has_to_fit_what_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *said, *seen, *kept;
    } cases[] = {
        { "image/png", "image/png", "image/png" },
        { "IMAGE/JPG", "image/jpeg", "image/jpeg" },
        { "", "image/webp", "image/webp" },
        { "application/octet-stream", "text/html", "application/octet-stream" },
        { "text/html", "text/html", "application/octet-stream" },
        { "image/svg+xml", "image/svg+xml", "application/octet-stream" },
        { "text/csv", "text/plain", "text/plain" },
        { "application/json", "application/json", "text/plain" },
        { "audio/mpeg", "application/octet-stream", "application/octet-stream" },
        { "application/vnd.ms-excel", "application/zip", "application/zip" },
        { "image/png", "image/jpeg", NULL },
        { "image/png", "text/html", NULL },
        { "image/avif", "text/plain", NULL },
        { "text/plain", "application/x-dosexec", NULL },
        { "application/pdf", "text/html", NULL },
        { "application/msword", "image/png", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *kept = media_fit(cases[i].said, cases[i].seen);
        if (cases[i].kept == NULL)
            assert_null(kept);
        else
            assert_string_equal(kept, cases[i].kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_says_what_was_written),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(a_block_that_was_changed_is_none),
        cmocka_unit_test(names_say_nothing_of_folders),
        cmocka_unit_test(links_are_found),
        cmocka_unit_test(what_is_said_has_to_fit_what_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
