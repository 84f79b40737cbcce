/* How sanitizers behave in every program of the project, read by their run-time libraries.
 * The usual environment variables (ASAN_OPTIONS …) still win. Nothing is suppressed. */

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:"
           "check_initialization_order=1:abort_on_error=0";
}

const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1:halt_on_error=1";
}

const char *__tsan_default_options(void)
{
    return "halt_on_error=0:second_deadlock_stack=1:history_size=4";
}
