/*===- Weights.c - Where weights come from ---------------------------------===*
 *
 * Files are mapped, never read whole: a weight that no run touches costs no
 * page. Existence and length are checked when the context is made; the hash of
 * each range when it is first read, because checking all of it at once would
 * read all of it. A file that shrinks while it is mapped ends the process with
 * SIGBUS, as for any mapped file: replace weights files, never write into them.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOE_HUGE_PAGE ((uint64_t)2 << 20)

/** Address of weights without bytes. */
static _Alignas(64) const unsigned char empty_weight[64];

uint64_t moe_rt_hash(const void *data, uint64_t size) {
  return XXH3_64bits(data, (size_t)size);
}

/*--- Files -----------------------------------------------------------------*/

/** Writes `folder`/`name`, or `path` itself if it is no folder. */
static moe_status locate(char *result, const char *path,
                         const char *default_folder, const char *name,
                         bool path_may_be_file, moe_error *error) {
  const char *folder = path ? path : default_folder;
  struct stat info;
  if (path && stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
    if (!path_may_be_file)
      return moe_set_error(error, MOE_IO_ERROR,
                           "the weights are in several files, '%s' among them: "
                           "weights_path must be their folder, but '%s' is a "
                           "file",
                           name, path);
    snprintf(result, PATH_MAX, "%s", path);
    return MOE_OK;
  }
  if (!folder)
    return moe_set_error(error, MOE_IO_ERROR,
                         "cannot tell where weights file '%s' is: the folder "
                         "of the model is not known; give weights_path",
                         name);
  int length = name[0] == '/'
                   ? snprintf(result, PATH_MAX, "%s", name)
                   : snprintf(result, PATH_MAX, "%s/%s", folder, name);
  if (length >= PATH_MAX)
    return moe_set_error(error, MOE_IO_ERROR,
                         "the path of weights file '%s' is too long", name);
  return MOE_OK;
}

static moe_status io_error(moe_error *error, const char *path) {
  return moe_set_error(error, MOE_IO_ERROR,
                       "cannot read weights file '%s': %s; put the file there "
                       "or give its place (weights_path, --weights)",
                       path, strerror(errno));
}

/** Maps the file at `path`. */
static moe_status map_file(moe_mapping *mapping, const char *path,
                           moe_error *error) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return io_error(error, path);
  struct stat info;
  moe_status status = MOE_OK;
  void *data = (void *)(uintptr_t)empty_weight;
  if (fstat(file, &info) != 0) {
    status = io_error(error, path);
  } else if (!S_ISREG(info.st_mode)) {
    status = moe_set_error(error, MOE_IO_ERROR,
                           "weights file '%s' is not a regular file", path);
  } else if (info.st_size > 0) {
    data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED)
      status = io_error(error, path);
  }
  close(file);
  if (status != MOE_OK)
    return status;
  mapping->data = data;
  mapping->size = (uint64_t)info.st_size;
  mapping->path = strdup(path);
  if (!mapping->path) {
    if (mapping->size > 0)
      munmap(data, mapping->size);
    return moe_set_error(error, MOE_OUT_OF_MEMORY,
                         "out of memory while opening weights");
  }
  return MOE_OK;
}

static moe_status check_range(const moe_mapping *mapping, uint64_t offset,
                              uint64_t size, const char *weight,
                              moe_error *error) {
  if (offset <= mapping->size && size <= mapping->size - offset)
    return MOE_OK;
  return moe_set_error(
      error, MOE_IO_ERROR,
      "weights file '%s' is truncated or of another build: weight '%s' needs "
      "bytes %" PRIu64 " to %" PRIu64 " but the file has %" PRIu64,
      mapping->path, weight, offset, offset + size, mapping->size);
}

static moe_mapping *find_mapping(moe_weights *weights, const char *name) {
  for (int64_t i = 0; i < weights->num_mappings; ++i)
    if (strcmp(weights->mappings[i].name, name) == 0)
      return &weights->mappings[i];
  return NULL;
}

/** Maps the file called `name` unless it is. The array has room. */
static moe_status add_mapping(moe_weights *weights, const char *path,
                              const char *default_folder, const char *name,
                              bool path_may_be_file, moe_error *error) {
  if (find_mapping(weights, name))
    return MOE_OK;
  char full[PATH_MAX];
  moe_mapping *mapping = &weights->mappings[weights->num_mappings];
  moe_status status =
      locate(full, path, default_folder, name, path_may_be_file, error);
  if (status == MOE_OK)
    status = map_file(mapping, full, error);
  if (status != MOE_OK)
    return status;
  mapping->name = name;
  ++weights->num_mappings;
  return MOE_OK;
}

/*--- Open and close --------------------------------------------------------*/

static moe_status open_beside(moe_weights *weights, const char *path,
                              const char *default_folder, moe_error *error) {
  const moe_model_desc *model = weights->model;
  moe_status status = add_mapping(weights, path, default_folder,
                                  model->weights_file, true, error);
  if (status != MOE_OK)
    return status;
  const moe_mapping *mapping = &weights->mappings[0];
  for (int64_t i = 0; i < model->num_weights && status == MOE_OK; ++i)
    status = check_range(mapping, model->weights[i].offset,
                         model->weights[i].size, model->weights[i].name, error);
  return status;
}

/** Whether all spans of the model are in one file. */
static bool is_one_file(const moe_model_desc *model) {
  const char *first = NULL;
  for (int64_t i = 0; i < model->num_weights; ++i)
    for (int64_t s = 0; s < model->weights[i].num_spans; ++s) {
      const char *file = model->weights[i].spans[s].file;
      if (first && strcmp(first, file) != 0)
        return false;
      first = file;
    }
  return true;
}

static moe_status open_deferred(moe_weights *weights, const char *path,
                                const char *default_folder, moe_error *error) {
  const moe_model_desc *model = weights->model;
  bool one_file = is_one_file(model);
  for (int64_t i = 0; i < model->num_weights; ++i) {
    const moe_weight_desc *weight = &model->weights[i];
    for (int64_t s = 0; s < weight->num_spans; ++s) {
      const moe_span_desc *span = &weight->spans[s];
      moe_status status = add_mapping(weights, path, default_folder, span->file,
                                      one_file, error);
      if (status == MOE_OK)
        status = check_range(find_mapping(weights, span->file), span->offset,
                             span->length, weight->name, error);
      if (status != MOE_OK)
        return status;
    }
  }
  return MOE_OK;
}

/** Most files that can get mapped. */
static size_t count_files(const moe_model_desc *model) {
  if (model->weights_kind != MOE_WEIGHTS_DEFERRED || is_one_file(model))
    return 1;
  size_t spans = 0;
  for (int64_t i = 0; i < model->num_weights; ++i)
    spans += (size_t)model->weights[i].num_spans;
  return spans;
}

moe_status moe_weights_open(moe_weights *weights, const moe_model_desc *model,
                            const char *path, const char *default_folder,
                            moe_error *error) {
  memset(weights, 0, sizeof(*weights));
  pthread_mutex_init(&weights->lock, NULL);
  weights->model = model;
  if (model->num_weights == 0)
    return MOE_OK;
  size_t count = (size_t)model->num_weights;
  weights->slots = calloc(count, sizeof(*weights->slots));
  weights->owned = calloc(count, sizeof(*weights->owned));
  weights->mappings = calloc(count_files(model), sizeof(*weights->mappings));
  if (!weights->slots || !weights->owned || !weights->mappings)
    return moe_set_error(error, MOE_OUT_OF_MEMORY,
                         "out of memory while opening weights");
  if (model->weights_kind == MOE_WEIGHTS_BESIDE)
    return open_beside(weights, path, default_folder, error);
  if (model->weights_kind == MOE_WEIGHTS_DEFERRED)
    return open_deferred(weights, path, default_folder, error);
  return MOE_OK;
}

void moe_weights_close(moe_weights *weights) {
  for (int64_t i = 0; i < weights->num_mappings; ++i) {
    moe_mapping *mapping = &weights->mappings[i];
    if (mapping->size > 0)
      munmap((void *)(uintptr_t)mapping->data, mapping->size);
    free(mapping->path);
  }
  for (int64_t i = 0; weights->owned && i < weights->model->num_weights; ++i)
    free(weights->owned[i]);
  free(weights->mappings);
  free(weights->owned);
  free(weights->slots);
  pthread_mutex_destroy(&weights->lock);
}

/*--- First read ------------------------------------------------------------*/

static moe_status check_hash(const void *data, uint64_t size, uint64_t expected,
                             const char *weight, const char *place,
                             moe_error *error) {
  if (expected == 0)
    return MOE_OK;
  uint64_t actual = moe_rt_hash(data, size);
  if (actual == expected)
    return MOE_OK;
  return moe_set_error(
      error, MOE_WEIGHTS_MISMATCH,
      "weight '%s' in %s is not the one this code was compiled "
      "with: its hash is %016" PRIx64 ", expected %016" PRIx64
      "; use the weights of this build or compile again",
      weight, place, actual, expected);
}

/** 64-byte aligned memory that the context owns. */
static void *own_memory(moe_weights *weights, int64_t slot, uint64_t size,
                        moe_error *error) {
  void *memory = NULL;
  const bool is_large = size >= MOE_HUGE_PAGE;
  if (posix_memalign(&memory, is_large ? MOE_HUGE_PAGE : MOE_ALIGNMENT,
                     (size_t)size) != 0) {
    moe_set_error(error, MOE_OUT_OF_MEMORY,
                  "out of memory: no room for weight '%s' (%" PRIu64 " bytes)",
                  weights->model->weights[slot].name, size);
    return NULL;
  }
  // Fewer faults now, and fewer misses of the TLB in every run. Only whole
  // pages: no weight takes more memory than it has bytes.
  if (is_large)
    madvise(memory, (size_t)(size / MOE_HUGE_PAGE * MOE_HUGE_PAGE),
            MADV_HUGEPAGE);
  weights->owned[slot] = memory;
  return memory;
}

/** A finished tensor in the embedded data or the file beside the artefact. */
static const void *load_ready(moe_weights *weights, int64_t slot,
                              moe_error *error) {
  const moe_model_desc *model = weights->model;
  const moe_weight_desc *weight = &model->weights[slot];
  bool embedded = model->weights_kind == MOE_WEIGHTS_EMBEDDED;
  const unsigned char *data =
      (embedded ? (const unsigned char *)model->embedded_weights
                : weights->mappings[0].data) +
      weight->offset;
  char place[PATH_MAX + 32];
  snprintf(place, sizeof(place), embedded ? "the program" : "file '%s'",
           embedded ? "" : weights->mappings[0].path);
  if (check_hash(data, weight->size, weight->hash, weight->name, place,
                 error) != MOE_OK)
    return NULL;
  if ((uintptr_t)data % MOE_ALIGNMENT == 0)
    return data;
  void *copy = own_memory(weights, slot, weight->size, error);
  return copy ? memcpy(copy, data, weight->size) : NULL;
}

/** A tensor to be made of ranges of the model's own files. */
static const void *load_deferred(moe_weights *weights, int64_t slot,
                                 moe_error *error) {
  const moe_weight_desc *weight = &weights->model->weights[slot];
  const void **data = calloc((size_t)weight->num_spans + 1, sizeof(*data));
  if (!data) {
    moe_set_error(error, MOE_OUT_OF_MEMORY, "out of memory for weight '%s'",
                  weight->name);
    return NULL;
  }
  moe_status status = MOE_OK;
  for (int64_t s = 0; s < weight->num_spans && status == MOE_OK; ++s) {
    const moe_span_desc *span = &weight->spans[s];
    const moe_mapping *mapping = find_mapping(weights, span->file);
    data[s] = mapping->data + span->offset;
    char place[PATH_MAX + 32];
    snprintf(place, sizeof(place), "file '%s'", mapping->path);
    status = check_hash(data[s], span->length, span->hash, weight->name, place,
                        error);
  }
  const void *result = NULL;
  if (status == MOE_OK && weight->num_spans == 1 && weight->num_steps == 0 &&
      weight->spans[0].length == weight->size &&
      (uintptr_t)data[0] % MOE_ALIGNMENT == 0) {
    result = data[0];
  } else if (status == MOE_OK) {
    void *made = own_memory(weights, slot, weight->size, error);
    moe_error reason;
    if (made && moe_execute_recipe(weight->spans, data, weight->num_spans,
                                   weight->steps, weight->num_steps, made,
                                   weight->size, &reason) != MOE_OK)
      moe_set_error(error, reason.status, "weight '%s' cannot be made: %.800s",
                    weight->name, reason.message);
    else if (made && check_hash(made, weight->size, weight->hash, weight->name,
                                "memory", error) == MOE_OK)
      result = made;
    if (!result && made) {
      free(made);
      weights->owned[slot] = NULL;
    }
  }
  free(data);
  return result;
}

const void *moe_weights_get(moe_weights *weights, int64_t slot,
                            moe_error *error) {
  if (slot < 0 || slot >= weights->model->num_weights) {
    moe_set_error(error, MOE_INVALID_ARGUMENT,
                  "internal error of the compiled model: weight slot %" PRId64
                  " of %" PRId64,
                  slot, weights->model->num_weights);
    return NULL;
  }
  const void *data =
      atomic_load_explicit(&weights->slots[slot], memory_order_acquire);
  if (data)
    return data;
  if (weights->model->weights[slot].size == 0)
    return empty_weight;
  pthread_mutex_lock(&weights->lock);
  data = atomic_load_explicit(&weights->slots[slot], memory_order_relaxed);
  if (!data) {
    data = weights->model->weights_kind == MOE_WEIGHTS_DEFERRED
               ? load_deferred(weights, slot, error)
               : load_ready(weights, slot, error);
    if (data)
      atomic_store_explicit(&weights->slots[slot], data, memory_order_release);
  }
  pthread_mutex_unlock(&weights->lock);
  return data;
}
