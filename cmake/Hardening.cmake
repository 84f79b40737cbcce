# Each flag on its own: a compiler or a machine that lacks one keeps the others.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_library(confab_hardening INTERFACE)
foreach(flag IN ITEMS -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
  check_c_compiler_flag(${flag} ${have})
  if(${have})
    target_compile_options(confab_hardening INTERFACE ${flag})
  endif()
endforeach()
foreach(flag IN ITEMS -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
  check_linker_flag(C ${flag} ${have})
  if(${have})
    target_link_options(confab_hardening INTERFACE ${flag})
  endif()
endforeach()

# The checks of glibc need the optimiser, and hide from sanitizers what they look for.
if(NOT CONFAB_SANITIZE AND NOT CONFAB_FUZZ AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(confab_hardening INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
