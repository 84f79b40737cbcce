# CONFAB_SANITIZE=address,undefined or thread. How the sanitizers behave is compiled into every
# executable from tests/support/sanitizers/options.c: no run depends on the environment.
add_library(confab_sanitizers INTERFACE)
set(CONFAB_SANITIZER_SOURCES "")
set(CONFAB_TEST_LAUNCHER "")
set(CONFAB_TEST_TIMEOUT 60)

if(CONFAB_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "CONFAB_FUZZ needs clang: set CMAKE_C_COMPILER, or use the preset fuzz")
  endif()
  target_compile_options(confab_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(CONFAB_SANITIZE)
  set(flags -fsanitize=${CONFAB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(confab_sanitizers INTERFACE ${flags})
  target_link_options(confab_sanitizers INTERFACE ${flags})
  set(CONFAB_SANITIZER_SOURCES
    ${CMAKE_CURRENT_SOURCE_DIR}/tests/support/sanitizers/options.c)
  set(CONFAB_TEST_TIMEOUT 180)
endif()

# ThreadSanitizer before clang 18 dies at start on kernels that randomise more than 28 bits of
# an address (vm.mmap_rnd_bits): run its programs without, where that is permitted.
if(CONFAB_SANITIZE MATCHES "thread")
  execute_process(COMMAND setarch -R true RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(NOT failed)
    set(CONFAB_TEST_LAUNCHER setarch -R)
  endif()
endif()
