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

# moe_add_dialect(NAME mnemonic kind) in a dialect's folder of headers: what
# TableGen makes of NAMEOps.td, and of NAMEInterfaces.td, which has interfaces of
# this kind (`op` or `attr`); as target MoE<NAME>IncGen, and the reference.
function(moe_add_dialect name mnemonic kind)
  set(LLVM_TARGET_DEFINITIONS ${name}Ops.td)
  mlir_tablegen(${name}Ops.h.inc -gen-op-decls)
  mlir_tablegen(${name}Ops.cpp.inc -gen-op-defs)
  mlir_tablegen(${name}Dialect.h.inc -gen-dialect-decls -dialect=${mnemonic})
  mlir_tablegen(${name}Dialect.cpp.inc -gen-dialect-defs -dialect=${mnemonic})
  mlir_tablegen(${name}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${name}Enums.cpp.inc -gen-enum-defs)
  mlir_tablegen(${name}Attrs.h.inc
    -gen-attrdef-decls -attrdefs-dialect=${mnemonic})
  mlir_tablegen(${name}Attrs.cpp.inc
    -gen-attrdef-defs -attrdefs-dialect=${mnemonic})
  set(LLVM_TARGET_DEFINITIONS ${name}Interfaces.td)
  mlir_tablegen(${name}Interfaces.h.inc -gen-${kind}-interface-decls)
  mlir_tablegen(${name}Interfaces.cpp.inc -gen-${kind}-interface-defs)
  add_public_tablegen_target(MoE${name}IncGen)
  add_mlir_doc(${name}Ops ${name}Dialect reference/
    -gen-dialect-doc -dialect=${mnemonic})
endfunction()
