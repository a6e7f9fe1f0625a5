/*===- Model.c - The functions that name the linked model ------------------===*
 *
 * The only file that refers to `moe_model_descriptor`. Programs that bring
 * their own descriptor (the compiler's in-process runs) never pull this member
 * out of the archive.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/** Start of the module that this code was linked into. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/** Absolute path of the executable or shared library that holds the model;
 *  false if it cannot be found. */
static bool artefact_path(char path[PATH_MAX]) {
  // The kernel says where the executable's program headers lie; if they are
  // this module's, the module is the executable.
  uintptr_t headers = (uintptr_t)&__ehdr_start + __ehdr_start.e_phoff;
  if (getauxval(AT_PHDR) == headers) {
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length <= 0)
      return false;
    path[length] = '\0';
    return true;
  }
  Dl_info info;
  return dladdr(&moe_model_descriptor, &info) != 0 && info.dli_fname &&
         realpath(info.dli_fname, path) != NULL;
}

const char *moe_describe(void) { return moe_model_descriptor.json; }

moe_status moe_create(const moe_options *options, moe_context **context) {
  char path[PATH_MAX];
  const char *folder = NULL;
  if (artefact_path(path)) {
    char *slash = strrchr(path, '/');
    if (slash) {
      slash[slash == path ? 1 : 0] = '\0';
      folder = path;
    }
  }
  return moe_rt_create(&moe_model_descriptor, folder, options, context);
}
