/*===- Error.c - Statuses with messages ------------------------------------===*
 *
 * A message is complete where the failure is found: what, where, what was
 * expected. It is cut, never overrun, at MOE_ERROR_SIZE bytes.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <stdarg.h>
#include <stdio.h>

moe_status moe_set_error(moe_error *error, moe_status status,
                         const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  error->status = status;
  vsnprintf(error->message, sizeof(error->message), format, arguments);
  va_end(arguments);
  return status;
}
