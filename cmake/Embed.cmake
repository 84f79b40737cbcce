# Files inside the program: include/confab/base/embedded.h.
#
# Included by CMakeLists.txt it defines confab_embed(TARGET [NAME FOLDER]…), an object library
# with the tables embedded_NAME[]. Run as a script (-P) it writes the C file of one table:
#   cmake -DNAME=public -DFOLDER=… -DLIST=file-with-one-path-per-line -DOUT=out.c -P Embed.cmake
# With -DPAGE=folder, which Page.cmake has filled, its index.html stands in for that of FOLDER.

cmake_policy(VERSION 3.25)

# bytes → "0x3c,0x68,…,0x00": the NUL at the end is not part of the size
function(embed_bytes file out)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)"
    "\\1\n" bytes "${bytes}")
  set(${out} "${bytes}0x00" PARENT_SCOPE)
endfunction()

function(embed_write_table)
  file(STRINGS ${LIST} paths)
  set(inlined "")
  if(PAGE)
    file(STRINGS ${PAGE}/inlined.list inlined)
  endif()
  set(arrays "")
  set(rows "")
  set(number 0)
  foreach(path IN LISTS paths)
    set(file ${FOLDER}/${path})
    if(PAGE AND path STREQUAL "index.html")
      set(file ${PAGE}/${path})
    endif()
    file(SIZE ${file} size)
    file(SHA256 ${file} sum)
    string(SUBSTRING ${sum} 0 32 etag)
    embed_bytes(${file} bytes)
    string(APPEND arrays "static const unsigned char data_${number}[] = {\n${bytes}\n};\n")

    set(packed ${OUT}.gz)
    set(pack gzip -9nc)
    if(ZOPFLI AND NOT path IN_LIST inlined) # slow, and a twentieth smaller
      set(pack ${ZOPFLI} -c)
    endif()
    execute_process(COMMAND ${pack} ${file} OUTPUT_FILE ${packed}
      COMMAND_ERROR_IS_FATAL ANY)
    file(SIZE ${packed} packed_size)
    set(gzip "")
    if(packed_size LESS size)
      embed_bytes(${packed} bytes)
      string(APPEND arrays "static const unsigned char gzip_${number}[] = {\n${bytes}\n};\n")
      set(gzip ".gzip = gzip_${number}, .gzip_size = ${packed_size}, ")
    endif()
    file(REMOVE ${packed})

    set(flag "")
    if(path IN_LIST inlined)
      set(flag ", .inlined = true")
    endif()
    string(APPEND rows "    { .path = \"/${path}\", .data = data_${number}, .size = ${size}, "
      "${gzip}.etag = \"\\\"${etag}\\\"\"${flag} },\n")
    math(EXPR number "${number} + 1")
  endforeach()

  file(WRITE ${OUT} "/* Made by cmake/Embed.cmake. */\n#include \"confab/base/embedded.h\"\n\n"
    "${arrays}\nconst struct embedded embedded_${NAME}[] = {\n${rows}"
    "    { .path = NULL }, /* an empty table is not C */\n};\n"
    "const size_t embedded_${NAME}_count = ${number};\n")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  embed_write_table()
  return()
endif()

set(CONFAB_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
set(CONFAB_PAGE_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/Page.cmake)

function(confab_embed target)
  find_program(GZIP gzip REQUIRED)
  find_program(ESBUILD esbuild)
  find_program(ZOPFLI zopfli)
  if(NOT ESBUILD)
    message(WARNING "There is no esbuild: the page is served in many files, and loads slowly.")
  endif()
  add_library(${target} OBJECT)
  target_link_libraries(${target} PRIVATE confab_flags)
  set_target_properties(${target} PROPERTIES C_CLANG_TIDY "")
  while(ARGN)
    list(POP_FRONT ARGN name folder)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*)
    list(FILTER files EXCLUDE REGEX "(^|/)\\.") # hidden files of editors
    list(SORT files)
    # The list is an input of its own: a file that goes away must lead to a new table.
    list(JOIN files "\n" lines)
    file(CONFIGURE OUTPUT embedded/${name}.list CONTENT "${lines}\n" @ONLY)
    list(TRANSFORM files PREPEND ${folder}/ OUTPUT_VARIABLE inputs)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.c)
    set(page "")
    if(ESBUILD AND "index.html" IN_LIST files)
      set(page ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.page)
      file(MAKE_DIRECTORY ${page})
      add_custom_command(OUTPUT ${page}/index.html ${page}/inlined.list
        COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUT=${page} -DESBUILD=${ESBUILD}
          -P ${CONFAB_PAGE_SCRIPT}
        DEPENDS ${inputs} ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.list ${CONFAB_PAGE_SCRIPT}
        COMMENT "Joining ${name}/index.html"
        VERBATIM)
      list(APPEND inputs ${page}/index.html)
    endif()
    add_custom_command(OUTPUT ${out}
      COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DFOLDER=${folder} -DOUT=${out} -DPAGE=${page}
        -DZOPFLI=$<$<BOOL:${ZOPFLI}>:${ZOPFLI}>
        -DLIST=${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.list -P ${CONFAB_EMBED_SCRIPT}
      DEPENDS ${inputs} ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.list ${CONFAB_EMBED_SCRIPT}
      COMMENT "Embedding ${name}"
      VERBATIM)
    target_sources(${target} PRIVATE ${out})
  endwhile()
endfunction()
