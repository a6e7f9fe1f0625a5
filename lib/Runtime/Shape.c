/*===- Shape.c - Element types and shapes: sizes, text, copies ------------===*
 *
 * The text forms are those of every message: `float32[batch,sequence,32]` for
 * what was compiled, `float32[2,7,32]` for what came.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint64_t moe_dtype_size(int32_t code, int32_t bits) {
  bool known = false;
  switch (code) {
  case MOE_INT:
  case MOE_UINT:
    known = bits == 8 || bits == 16 || bits == 32 || bits == 64;
    break;
  case MOE_FLOAT:
    known = bits == 16 || bits == 32 || bits == 64;
    break;
  case MOE_BFLOAT:
    known = bits == 16;
    break;
  case MOE_BOOL:
    known = bits == 8;
    break;
  default:
    break;
  }
  return known ? (uint64_t)bits / 8 : 0;
}

const char *moe_dtype_name(int32_t code, int32_t bits, char *buffer,
                           size_t size) {
  if (moe_dtype_size(code, bits) == 0)
    snprintf(buffer, size, "unknown type (code %d, %d bits)", (int)code,
             (int)bits);
  else if (code == MOE_BOOL)
    snprintf(buffer, size, "bool");
  else
    snprintf(buffer, size, "%s%d",
             code == MOE_INT      ? "int"
             : code == MOE_UINT   ? "uint"
             : code == MOE_BFLOAT ? "bfloat"
                                  : "float",
             (int)bits);
  return buffer;
}

/** Appends to `buffer` at `*length`; stops at its end. */
__attribute__((format(printf, 4, 5))) static void
append(char *buffer, size_t size, size_t *length, const char *format, ...) {
  if (*length + 1 >= size)
    return;
  va_list arguments;
  va_start(arguments, format);
  int written = vsnprintf(buffer + *length, size - *length, format, arguments);
  va_end(arguments);
  if (written > 0)
    *length += (size_t)written;
}

const char *moe_value_type(const moe_value_desc *value, char *buffer,
                           size_t size) {
  char name[48];
  size_t length = 0;
  append(
      buffer, size, &length, "%s[",
      moe_dtype_name(value->dtype_code, value->dtype_bits, name, sizeof(name)));
  for (int64_t d = 0; d < value->rank; ++d) {
    const char *dim = value->dim_names ? value->dim_names[d] : NULL;
    if (d > 0)
      append(buffer, size, &length, ",");
    if (value->dims[d] >= 0)
      append(buffer, size, &length, "%" PRId64, value->dims[d]);
    else
      append(buffer, size, &length, "%s", dim && *dim ? dim : "?");
  }
  append(buffer, size, &length, "]");
  return buffer;
}

const char *moe_tensor_type(int32_t code, int32_t bits, int64_t rank,
                            const int64_t *dims, char *buffer, size_t size) {
  char name[48];
  size_t length = 0;
  append(buffer, size, &length, "%s[",
         moe_dtype_name(code, bits, name, sizeof(name)));
  for (int64_t d = 0; d < rank; ++d)
    append(buffer, size, &length, "%s%" PRId64, d > 0 ? "," : "", dims[d]);
  append(buffer, size, &length, "]");
  return buffer;
}

bool moe_byte_size(uint64_t element_size, int64_t rank, const int64_t *dims,
                   uint64_t *size) {
  // A zero extent makes the tensor empty however large the others are.
  for (int64_t d = 0; d < rank; ++d) {
    if (dims[d] == 0) {
      *size = 0;
      return true;
    }
  }
  uint64_t bytes = element_size;
  for (int64_t d = 0; d < rank; ++d)
    if (__builtin_mul_overflow(bytes, (uint64_t)dims[d], &bytes) ||
        bytes > (uint64_t)PTRDIFF_MAX)
      return false;
  *size = bytes;
  return true;
}

void moe_copy_strided(unsigned char *to, int64_t to_stride,
                      const unsigned char *from, int64_t from_stride,
                      int64_t count, uint64_t element) {
  if (to_stride == 1 && from_stride == 1) {
    memcpy(to, from, (size_t)count * element);
    return;
  }
#define COPY_ELEMENTS(size)                                                    \
  for (int64_t i = 0; i < count; ++i)                                          \
  memcpy(to + i * to_stride * (size), from + i * from_stride * (size), (size))
  switch (element) {
  case 1:
    COPY_ELEMENTS(1);
    break;
  case 2:
    COPY_ELEMENTS(2);
    break;
  case 4:
    COPY_ELEMENTS(4);
    break;
  default:
    COPY_ELEMENTS(8);
    break;
  }
#undef COPY_ELEMENTS
}
