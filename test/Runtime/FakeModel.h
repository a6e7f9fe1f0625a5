/*===- FakeModel.h - A model written by hand -----------------------*- C -*-===*
 *
 * What tests need to know of FakeModel.c.
 *
 *===----------------------------------------------------------------------===*/
#ifndef MOE_TEST_RUNTIME_FAKEMODEL_H
#define MOE_TEST_RUNTIME_FAKEMODEL_H

#include "moe/Runtime/MoEModelABI.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a run of the fake model does besides adding. */
enum {
  FAKE_ADD = 0,
  FAKE_REQUIRE = 1,           /**< fails a moe_rt_require */
  FAKE_ALLOCATE_TOO_MUCH = 2, /**< asks for 2^61 bytes */
  FAKE_FAIL_IN_PARALLEL = 3,  /**< the same, in one of 100 parallel tasks */
  FAKE_WRONG_FREE = 4,        /**< frees what it never allocated */
  FAKE_PARALLEL = 5,          /**< checks that parallel tasks run once each */
  FAKE_LEAK = 6,              /**< keeps 1 MiB */
  FAKE_ALIAS = 7              /**< two results share memory */
};

extern const moe_value_desc fakeInputs[2];
extern const moe_value_desc fakeOutputs[3];

#ifdef __cplusplus
}
#endif
#endif /* MOE_TEST_RUNTIME_FAKEMODEL_H */
