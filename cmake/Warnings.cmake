add_library(confab_warnings INTERFACE)
target_compile_options(confab_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wwrite-strings -Wundef -Wformat=2 -Wno-format-zero-length -Wvla
  -Werror=implicit-function-declaration -Werror=incompatible-pointer-types)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  target_compile_options(confab_warnings INTERFACE
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:CONFAB_EVERY_ROLE>>>:-Wthread-safety;-Werror=thread-safety>)
endif()
if(CONFAB_WERROR)
  target_compile_options(confab_warnings INTERFACE -Werror)
endif()
