# The page in one file: OUT/index.html is FOLDER/index.html with its style sheets and scripts in
# it, those of app.js with all that they import. Browsers get it in one answer (docs/RATIONALE.md,
# "One answer"). OUT/inlined.list names what went into it, one path of FOLDER per line.
#   cmake -DFOLDER=public -DOUT=… -DESBUILD=/usr/bin/esbuild -P Page.cmake

cmake_policy(VERSION 3.25)
set(inlined "")

# Sets `out` to the text of a file with what it imports, without comments, for an element of that
# name.
function(join_file element file out)
  execute_process(
    COMMAND ${ESBUILD} ${file} --bundle --minify --charset=utf8 --target=es2022
      --log-level=warning --outfile=${OUT}/joined --metafile=${OUT}/joined.json ${ARGN}
    WORKING_DIRECTORY ${FOLDER} COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${OUT}/joined text)
  string(STRIP "${text}" text)
  if(text MATCHES "</${element}|<!--")
    message(FATAL_ERROR "${file} has what would end it inside of a page: ${CMAKE_MATCH_0}")
  endif()
  file(READ ${OUT}/joined.json meta)
  string(JSON count LENGTH "${meta}" inputs)
  foreach(number RANGE 1 ${count})
    math(EXPR number "${number} - 1")
    string(JSON name MEMBER "${meta}" inputs ${number})
    if(EXISTS ${FOLDER}/${name})
      list(APPEND inlined ${name})
    endif()
  endforeach()
  set(inlined "${inlined}" PARENT_SCOPE)
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# Replaces what must stand in the page once.
function(put_in_page old new)
  string(FIND "${html}" "${old}" first)
  string(FIND "${html}" "${old}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "index.html must have this once: ${old}")
  endif()
  string(REPLACE "${old}" "${new}" text "${html}")
  set(html "${text}" PARENT_SCOPE)
endfunction()

file(READ ${FOLDER}/index.html html)
set(sheet "<link rel=\"stylesheet\" href=\"/([^\"]+)\">\n")
string(REGEX MATCHALL "${sheet}" links "${html}")
set(styles "")
foreach(link IN LISTS links)
  string(REGEX REPLACE "${sheet}" "\\1" name "${link}")
  join_file(style ${name} text)
  string(APPEND styles "${text}")
endforeach()
string(REGEX REPLACE "${sheet}" "" html "${html}")
string(REGEX REPLACE "<link rel=\"modulepreload\" [^>]+>" "" html "${html}")
join_file(script js/first.js first --format=iife)
join_file(script js/app.js app --format=esm)
put_in_page("<script src=\"/js/first.js\"></script>"
  "<script>${first}</script><style>${styles}</style>")
# It runs when all is there, so what takes longest comes last: all else is read meanwhile.
put_in_page("<script type=\"module\" src=\"/js/app.js\"></script>" "")
put_in_page("</body>" "<script type=\"module\">${app}</script></body>")
string(REGEX REPLACE "\n[\n ]+" "\n" html "${html}") # there is no <pre>
list(JOIN inlined "\n" lines)
file(WRITE ${OUT}/inlined.list "${lines}\n")
file(WRITE ${OUT}/index.html "${html}")
