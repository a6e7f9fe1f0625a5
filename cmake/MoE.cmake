# Helpers shared by all folders: warnings, sanitizers, precompiled header,
# library and tool targets. A library is a static archive; only `MLIR` and
# `LLVM` (the shared libraries) are linked, since mixing them with static MLIR
# archives duplicates TypeIDs.

set(MOE_WARNINGS -Wall -Wextra -Wshadow -Werror -Wno-unused-parameter)

# Our code only: libMLIR and libLLVM are not instrumented, so what needs both
# sides (vptr, poisoning by LLVM's allocators) is off; test/lit.cfg.py sets the
# matching run-time options.
if(MOE_SANITIZE)
  set(MOE_SANITIZE_FLAGS -fsanitize=address,undefined
    -fno-sanitize=vptr,function -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_compile_options(${MOE_SANITIZE_FLAGS})
  add_link_options(${MOE_SANITIZE_FLAGS})
endif()

# One precompiled header for all C++ that includes MLIR. Without a time stamp
# in it, ccache can tell that it is the same one.
add_library(MoEPCH OBJECT ${CMAKE_CURRENT_LIST_DIR}/MoEPCH.cpp)
target_compile_options(MoEPCH PRIVATE ${MOE_WARNINGS}
  "SHELL:-Xclang -fno-pch-timestamp")
target_precompile_headers(MoEPCH PRIVATE ${CMAKE_CURRENT_LIST_DIR}/MoEPCH.h)

function(_moe_common name)
  target_compile_options(${name} PRIVATE ${MOE_WARNINGS}
    "SHELL:-Xclang -fno-pch-timestamp")
  target_precompile_headers(${name} REUSE_FROM MoEPCH)
endfunction()

# moe_add_library(NAME sources... [DEPENDS tablegen targets...] [LINK libs...])
function(moe_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  _moe_common(${name})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
endfunction()

# moe_add_tool(NAME sources... [LINK libs...])
function(moe_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  # -fPIC rather than -fPIE, so that the precompiled header serves tools too.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  _moe_common(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
endfunction()
