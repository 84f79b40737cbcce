#include "support/test.h"

#include "archive/token.h"
#include "confab/base/str.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sqlite3 *db;

static int open_db(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(token_register(db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE VIRTUAL TABLE t USING fts5 (x, tokenize='confab');"
                                  "CREATE VIRTUAL TABLE terms USING fts5vocab (t, instance)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    return 0;
}

static int close_db(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return 0;
}

/* The rows of a statement with one text in it, joined by '|'; valid until the next call. */
static const char *answer(const char *sql, const char *text, size_t size)
{
    static char out[16384];
    struct str joined = STR_INIT;
    sqlite3_stmt *statement;
    int rc;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_bind_parameter_count(statement) == 1)
        assert_int_equal(sqlite3_bind_text(statement, 1, text, (int)size, SQLITE_STATIC),
                         SQLITE_OK);
    str_addz(&joined, "");
    for (unsigned i = 0; (rc = sqlite3_step(statement)) == SQLITE_ROW; i++) {
        str_addz(&joined, i > 0 ? "|" : "");
        str_addz(&joined, (const char *)sqlite3_column_text(statement, 0));
    }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(statement);
    text_copy(out, sizeof out, joined.data);
    str_fini(&joined);
    return out;
}

static void store(const char *text, size_t size)
{
    answer("DELETE FROM t", NULL, 0);
    answer("INSERT INTO t (x) VALUES (?1)", text, size);
}

static const char *tokens(const char *text)
{
    store(text, strlen(text));
    return answer("SELECT term FROM terms ORDER BY offset", NULL, 0);
}

/* text with what the phrase finds in [ ]; "" when it finds nothing. */
static const char *marked(const char *text, const char *phrase)
{
    char query[512];

    store(text, strlen(text));
    snprintf(query, sizeof query, "\"%s\"", phrase);
    return answer("SELECT highlight(t, 0, '[', ']') FROM t WHERE t MATCH ?1", query, strlen(query));
}

static void words_lose_case_and_diacritics(void **state)
{
    (void)state;
    assert_string_equal(tokens("Don't Panic, x86_64!"), "don|t|panic|x86|64");
    assert_string_equal(tokens("Ångström CAFÉ Straße ПРИВЕТ"), "angstrom|cafe|straße|привет");
    assert_string_equal(tokens("cafe\u0301 ple"), "cafe|ple"); /* composed of two characters */
    assert_string_equal(tokens(" .,;:!?\t\n"), "");
    assert_string_equal(tokens(""), "");
}

static void scripts_without_spaces_are_cut_into_characters(void **state)
{
    (void)state;
    assert_string_equal(tokens("東京都に住む"), "東|京|都|に|住|む");
    assert_string_equal(tokens("カタカナー、ｶﾅ。"), "カ|タ|カ|ナ|ー|ｶ|ﾅ");
    assert_string_equal(tokens("안녕 하세요"), "안|녕|하|세|요");
    assert_string_equal(tokens("ไม่"), "ไ|ม|่");
    assert_string_equal(tokens("ລາວ"), "ລ|າ|ວ");
    assert_string_equal(tokens("ខ្មែរ"), "ខ|្|ម|ែ|រ");
    assert_string_equal(tokens("မြန်"), "မ|ြ|န|်");
    assert_string_equal(tokens("𠀀𰀀"), "𠀀|𰀀");
}

static void scripts_with_vowel_signs_keep_their_words(void **state)
{
    (void)state;
    assert_string_equal(tokens("हिन्दी में"), "हिन्दी|में");
    assert_string_equal(tokens("தமிழ்"), "தமிழ்");
}

static void a_text_may_mix_them(void **state)
{
    (void)state;
    assert_string_equal(tokens("Redis7は速いÄ。ok"), "redis7|は|速|い|a|ok");
    assert_string_equal(tokens("北a京b"), "北|a|京|b");
}

static void emoji_are_found_whatever_their_looks(void **state)
{
    (void)state;
    assert_string_equal(tokens("nice👍🏽job"), "nice|👍|job");
    assert_string_equal(tokens("❤️love"), "❤|love");
    assert_string_equal(tokens("👨\u200d👩\u200d👧"), "👨|👩|👧");
    assert_string_equal(marked("well done 🎉🎉", "🎉"), "well done [🎉][🎉]");
}

static void hits_are_marked_to_the_byte(void **state)
{
    (void)state;
    assert_string_equal(marked("ÄÄ 東京都に住む ÖÖ", "京都"), "ÄÄ 東[京都]に住む ÖÖ");
    assert_string_equal(marked("Ångströmを測る", "angstrom"), "[Ångström]を測る");
    assert_string_equal(marked("ฉันรักเมืองไทย", "เมือง"), "ฉันรัก[เมือง]ไทย");
    assert_string_equal(marked("を CAFÉ が", "cafe\u0301"), "を [CAFÉ] が");
    assert_string_equal(marked("東京", "京東"), "");
}

static void broken_bytes_end_nothing(void **state)
{
    (void)state;
    static const char *const broken[] = { "\xe6\x9d",
                                          "\xe6",
                                          "\xf0\x9f\x91",
                                          "\xff",
                                          "a\xe6\x9d\x01"
                                          "b",
                                          "\x80",
                                          "\xf8\x88\x80\x80",
                                          "\xe6z\x80" };

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "one %s two", broken[i]);
        store(text, strlen(text));
        assert_non_null(strstr(answer("SELECT term FROM terms ORDER BY offset", NULL, 0), "one|"));
        /* at the very end of the memory that it may read */
        char *exact = malloc(strlen(broken[i]));
        memcpy(exact, broken[i], strlen(broken[i]));
        store(exact, strlen(broken[i]));
        free(exact);
    }
}

static void the_longest_text_fits(void **state)
{
    (void)state;
    struct str text = STR_INIT;

    for (unsigned i = 0; i < 1365; i++) /* a message of 4,096 bytes */
        str_addz(&text, i == 700 ? "都" : "京");
    store(text.data, text.size);
    assert_string_equal(answer("SELECT count(*) FROM terms", NULL, 0), "1365");
    str_fini(&text);
}

static void it_takes_no_options(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_exec(db, "CREATE VIRTUAL TABLE u USING fts5 (x, tokenize='confab x')",
                                  NULL, NULL, NULL),
                     SQLITE_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_lose_case_and_diacritics),
        cmocka_unit_test(scripts_without_spaces_are_cut_into_characters),
        cmocka_unit_test(scripts_with_vowel_signs_keep_their_words),
        cmocka_unit_test(a_text_may_mix_them),
        cmocka_unit_test(emoji_are_found_whatever_their_looks),
        cmocka_unit_test(hits_are_marked_to_the_byte),
        cmocka_unit_test(broken_bytes_end_nothing),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(it_takes_no_options),
    };

    return cmocka_run_group_tests_name("token", tests, open_db, close_db);
}
