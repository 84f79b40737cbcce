find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBWEBSOCKETS REQUIRED IMPORTED_TARGET libwebsockets>=4.1)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_core>=2.1)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.37)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(JWT REQUIRED IMPORTED_TARGET libjwt>=1.10 libjwt<2)
pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-i18n icu-uc)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl>=3.0)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode>=4.0)
pkg_check_modules(AVAHI REQUIRED IMPORTED_TARGET avahi-client>=0.8)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd>=249)
pkg_check_modules(MAGIC REQUIRED IMPORTED_TARGET libmagic>=5.41)

# These two bring no .pc file in the distributions.
function(confab_find_library target name header)
  string(TOUPPER ${name} prefix)
  find_library(${prefix}_LIBRARY ${name} REQUIRED)
  find_path(${prefix}_INCLUDE_DIR ${header} REQUIRED)
  add_library(${target} UNKNOWN IMPORTED)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${${prefix}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${${prefix}_INCLUDE_DIR})
endfunction()
confab_find_library(Libev::Libev ev ev.h)
confab_find_library(Unistring::Unistring unistring uninorm.h)

# libev exports functions with the names of libevent 1 (event_add …), which crash on structs of
# libevent 2. This says that libevent needs libev; it does not, but now it stands in front of
# libev on every command line, and its functions are the ones that are found. Link libev only
# through confab_core: what a target names itself keeps its own order.
target_link_libraries(PkgConfig::LIBEVENT INTERFACE Libev::Libev)
