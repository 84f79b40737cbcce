#include "support/test.h"

#include "net/http.h"
#include "net/route.h"

#include <string.h>

static struct arguments arguments;
static const char *const argument = arguments.at[0];
static char allow[ALLOW_BYTES];

static const struct route *find(enum method method, const char *path)
{
    memset(&arguments, 'x', sizeof(arguments));
    memset(allow, 'x', sizeof(allow));
    return route_find(method, path, &arguments, allow);
}

static void a_path_and_a_method_have_one_route(void **state)
{
    (void)state;
    assert_ptr_equal(find(METHOD_GET, "/api/v1/health")->answer, http_health);
    assert_int_equal(find(METHOD_POST, "/api/v1/login")->command, COMMAND_LOGIN);
    assert_true(find(METHOD_POST, "/api/v1/login")->with_body);
    assert_int_equal(find(METHOD_GET, "/api/v1/devices")->command, COMMAND_DEVICES);
    assert_string_equal(argument, "");
    assert_int_equal(find(METHOD_DELETE, "/api/v1/devices/0123456789abcdef")->command,
                     COMMAND_REVOKE);
    assert_string_equal(argument, "0123456789abcdef");
    assert_int_equal(find(METHOD_POST, "/api/v1/users/anna/password")->command, COMMAND_PASSWORD);
    assert_string_equal(argument, "anna");
    assert_int_equal(find(METHOD_POST, "/api/v1/users/zoë/delete")->command, COMMAND_UNREGISTER);
    assert_string_equal(argument, "zoë");
    const struct route *r = find(METHOD_DELETE, "/api/v1/rooms/tea/members/zoë");
    assert_int_equal(r->act, ROOM_ACT_ROLE);
    assert_string_equal(arguments.at[0], "tea");
    assert_string_equal(arguments.at[1], "zoë");
    assert_string_equal(r->names[1], "user");
    assert_int_equal(find(METHOD_POST, "/api/v1/rooms/tea")->act, ROOM_ACT_INFO);
    assert_string_equal(arguments.at[1], "");
    assert_ptr_equal(find(METHOD_GET, "/anna/chat")->answer, http_not_upgraded);
    assert_string_equal(argument, "anna");
}

static void another_method_learns_which_ones_there_are(void **state)
{
    (void)state;
    assert_null(find(METHOD_OTHER, "/api/v1/devices"));
    assert_string_equal(allow, "GET, HEAD");
    assert_null(find(METHOD_GET, "/api/v1/login"));
    assert_string_equal(allow, "POST");
    assert_null(find(METHOD_POST, "/api/v1/devices/x"));
    assert_string_equal(allow, "DELETE");
}

static void other_paths_have_none(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "/",
        "/api/v1/",
        "/api/v1/healthy",
        "/api/v1/health/",
        "/api/v1/messages/",
        "/api/v1/messages/a/b/c",
        "/api/v1/rooms/",
        "/api/v1/rooms//members",
        "/api/v1/rooms/tea/members/",
        "/api/v1/rooms/tea/members/a/b",
        "/api/v1/users/anna",
        "/api/v1/users//password",
        "/api/v1/users/a/b/password",
        "//chat",
        "/a/b/chat",
        "/anna/chat/",
        "api/v1/health",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_null(find(METHOD_GET, paths[i]));
        assert_string_equal(allow, "");
    }
}

static void an_argument_that_does_not_fit_is_another_path(void **state)
{
    (void)state;
    static char path[64 + ARGUMENT_BYTES] = "/api/v1/messages/";
    const size_t at = strlen(path);
    memset(path + at, 'r', ARGUMENT_BYTES - 1);
    assert_non_null(find(METHOD_GET, path));
    assert_int_equal(strlen(argument), ARGUMENT_BYTES - 1);
    path[at + ARGUMENT_BYTES - 1] = 'r';
    assert_null(find(METHOD_GET, path));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_and_a_method_have_one_route),
        cmocka_unit_test(another_method_learns_which_ones_there_are),
        cmocka_unit_test(other_paths_have_none),
        cmocka_unit_test(an_argument_that_does_not_fit_is_another_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
