# layergate_options: what every target of this project is compiled with.
add_library(layergate_options INTERFACE)
add_library(layergate::options ALIAS layergate_options)
target_include_directories(layergate_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(layergate_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Wnon-virtual-dtor -Wold-style-cast)
if(LAYERGATE_WERROR)
  target_compile_options(layergate_options INTERFACE -Werror)
endif()

if(LAYERGATE_SANITIZE)
  target_compile_options(layergate_options INTERFACE
    -O1 -g1 -fsanitize=${LAYERGATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(layergate_options INTERFACE -fsanitize=${LAYERGATE_SANITIZE})
  target_compile_definitions(layergate_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

if(LAYERGATE_FUZZ)
  target_compile_options(layergate_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(LAYERGATE_HARDENING)
  # Not -fPIE: the libraries go into the program and into the Python module. With hidden symbols that
  # costs the program nothing.
  target_compile_options(layergate_options INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -fstack-clash-protection
    -fstack-protector-strong -fcf-protection=full -ftrivial-auto-var-init=zero
    -fPIC -fvisibility=hidden -fno-semantic-interposition)
  target_link_options(layergate_options INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie> -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

# layergate_library(NAME SOURCES... LINK targets...): one static library a folder.
function(layergate_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(layergate_${name} STATIC ${arg_SOURCES})
  add_library(layergate::${name} ALIAS layergate_${name})
  target_link_libraries(layergate_${name} PUBLIC layergate::options ${arg_LINK})
endfunction()
