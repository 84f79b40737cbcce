# Manual pages, and the Debian package that scripts/package.sh makes.
set(man_dir ${CMAKE_CURRENT_BINARY_DIR}/man)
function(confab_man program name section)
  add_custom_command(OUTPUT ${man_dir}/${name}.${section}.gz
    COMMAND ${CMAKE_SOURCE_DIR}/scripts/man.sh ${program} ${name} ${section} ${man_dir}
    DEPENDS ${program} ${CMAKE_SOURCE_DIR}/scripts/man.sh VERBATIM)
  set_property(GLOBAL APPEND PROPERTY CONFAB_MAN ${man_dir}/${name}.${section}.gz)
  install(FILES ${man_dir}/${name}.${section}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()
if(NOT CONFAB_SANITIZE AND NOT CONFAB_FUZZ)
  confab_man($<TARGET_FILE:confab> confab 1)
  if(TARGET confab-soak)
    confab_man($<TARGET_FILE:confab-soak> confab-soak 1)
  endif()
  confab_man(${CMAKE_SOURCE_DIR}/firewall-control.sh confab-firewall 8)
  get_property(pages GLOBAL PROPERTY CONFAB_MAN)
  add_custom_target(man ALL DEPENDS ${pages})
endif()

set(CPACK_PACKAGE_CONTACT "the confab authors <confab@localhost>" CACHE STRING
  "Who answers for the package: name <address>")
# Debian wants to know what a version brings.
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC) # or SOURCE_DATE_EPOCH
configure_file(deploy/debian/changelog.in changelog @ONLY)
execute_process(COMMAND gzip -9nf changelog WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}
  COMMAND_ERROR_IS_FATAL ANY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/confab)

set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# a Redis of its own unless another is named; the event loop is a plugin of libwebsockets
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, redis-server, libwebsockets-evlib-ev")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "avahi-daemon")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "real-time chat server for a local network")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"A chat for homes, classrooms and offices: one program with a page for
browsers, rooms, private messages, accounts and an archive. It needs no
internet. Any number of instances share one Redis.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/deploy/debian/postinst ${CMAKE_SOURCE_DIR}/deploy/debian/prerm
  ${CMAKE_SOURCE_DIR}/deploy/debian/postrm ${CMAKE_SOURCE_DIR}/deploy/debian/conffiles)
include(CPack)
