/*===- Cpu.c - Whether this CPU runs the code ------------------------------===*
 *
 * Reads LLVM's feature string ("+avx2,+fma,-sha,...") and asks cpuid for each
 * required feature, and the system whether it saves the registers. Tuning
 * flags only steer instruction selection and are skipped; a feature that is
 * neither known nor tuning is refused, because running into an illegal
 * instruction is worse.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };

/** Registers that the system must save, as bits of XCR0. */
#define SAVES_NOTHING 0x0u
#define SAVES_YMM 0x6u
#define SAVES_ZMM 0xe6u
#define SAVES_EGPR 0x80000u

typedef struct cpu_feature {
  const char *name; /**< LLVM's */
  uint32_t leaf;
  uint32_t subleaf;
  uint8_t reg;
  uint8_t bit;
  uint32_t saved;
} cpu_feature;

/** Those that the compiler lets code use. */
static const cpu_feature cpu_features[] = {
    {"cx8", 1, 0, EDX, 8, SAVES_NOTHING},
    {"cmov", 1, 0, EDX, 15, SAVES_NOTHING},
    {"mmx", 1, 0, EDX, 23, SAVES_NOTHING},
    {"sse", 1, 0, EDX, 25, SAVES_NOTHING},
    {"sse2", 1, 0, EDX, 26, SAVES_NOTHING},
    {"sse3", 1, 0, ECX, 0, SAVES_NOTHING},
    {"ssse3", 1, 0, ECX, 9, SAVES_NOTHING},
    {"fma", 1, 0, ECX, 12, SAVES_YMM},
    {"cx16", 1, 0, ECX, 13, SAVES_NOTHING},
    {"sse4.1", 1, 0, ECX, 19, SAVES_NOTHING},
    {"sse4.2", 1, 0, ECX, 20, SAVES_NOTHING},
    {"movbe", 1, 0, ECX, 22, SAVES_NOTHING},
    {"popcnt", 1, 0, ECX, 23, SAVES_NOTHING},
    {"avx", 1, 0, ECX, 28, SAVES_YMM},
    {"f16c", 1, 0, ECX, 29, SAVES_YMM},
    {"bmi", 7, 0, EBX, 3, SAVES_NOTHING},
    {"avx2", 7, 0, EBX, 5, SAVES_YMM},
    {"bmi2", 7, 0, EBX, 8, SAVES_NOTHING},
    {"avx512f", 7, 0, EBX, 16, SAVES_ZMM},
    {"evex512", 7, 0, EBX, 16, SAVES_ZMM},
    {"avx512dq", 7, 0, EBX, 17, SAVES_ZMM},
    {"adx", 7, 0, EBX, 19, SAVES_NOTHING},
    {"avx512ifma", 7, 0, EBX, 21, SAVES_ZMM},
    {"avx512cd", 7, 0, EBX, 28, SAVES_ZMM},
    {"avx512bw", 7, 0, EBX, 30, SAVES_ZMM},
    {"avx512vl", 7, 0, EBX, 31, SAVES_ZMM},
    {"avx512vbmi", 7, 0, ECX, 1, SAVES_ZMM},
    {"avx512vbmi2", 7, 0, ECX, 6, SAVES_ZMM},
    {"gfni", 7, 0, ECX, 8, SAVES_NOTHING},
    {"avx512vnni", 7, 0, ECX, 11, SAVES_ZMM},
    {"avx512bitalg", 7, 0, ECX, 12, SAVES_ZMM},
    {"avx512vpopcntdq", 7, 0, ECX, 14, SAVES_ZMM},
    {"avx512vp2intersect", 7, 0, EDX, 8, SAVES_ZMM},
    {"avx512fp16", 7, 0, EDX, 23, SAVES_ZMM},
    {"raoint", 7, 1, EAX, 3, SAVES_NOTHING},
    {"avxvnni", 7, 1, EAX, 4, SAVES_YMM},
    {"avx512bf16", 7, 1, EAX, 5, SAVES_ZMM},
    {"cmpccxadd", 7, 1, EAX, 7, SAVES_NOTHING},
    {"avxifma", 7, 1, EAX, 23, SAVES_YMM},
    {"movrs", 7, 1, EAX, 31, SAVES_NOTHING},
    {"avxvnniint8", 7, 1, EDX, 4, SAVES_YMM},
    {"avxneconvert", 7, 1, EDX, 5, SAVES_YMM},
    {"avxvnniint16", 7, 1, EDX, 10, SAVES_YMM},
    {"avx10.1", 7, 1, EDX, 19, SAVES_ZMM},
    {"avx10.1-512", 7, 1, EDX, 19, SAVES_ZMM},
    {"avx10.2", 0x24, 0, EBX, 1, SAVES_ZMM}, // a bit of its version, 2 or 3
    {"egpr", 7, 1, EDX, 21, SAVES_EGPR},
    {"push2pop2", 7, 1, EDX, 21, SAVES_EGPR},
    {"ppx", 7, 1, EDX, 21, SAVES_EGPR},
    {"ndd", 7, 1, EDX, 21, SAVES_EGPR},
    {"ccmp", 7, 1, EDX, 21, SAVES_EGPR},
    {"nf", 7, 1, EDX, 21, SAVES_EGPR},
    {"cf", 7, 1, EDX, 21, SAVES_EGPR},
    {"zu", 7, 1, EDX, 21, SAVES_EGPR},
    {"sahf", 0x80000001, 0, ECX, 0, SAVES_NOTHING},
    {"lzcnt", 0x80000001, 0, ECX, 5, SAVES_NOTHING},
    {"prfchw", 0x80000001, 0, ECX, 8, SAVES_NOTHING},
    {"tbm", 0x80000001, 0, ECX, 21, SAVES_NOTHING},
    {"64bit", 0x80000001, 0, EDX, 29, SAVES_NOTHING},
};

static uint64_t saved_registers(void) {
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & (1u << 27)))
    return 0; // no OSXSAVE
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

/** 1: present, 0: missing, -1: not a feature this file knows. */
static int has_feature(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof(cpu_features) / sizeof(cpu_features[0]); ++i) {
    const cpu_feature *feature = &cpu_features[i];
    if (strlen(feature->name) != length ||
        memcmp(feature->name, name, length) != 0)
      continue;
    unsigned regs[4];
    if (!__get_cpuid_count(feature->leaf, feature->subleaf, &regs[EAX],
                           &regs[EBX], &regs[ECX], &regs[EDX]))
      return 0;
    return (regs[feature->reg] >> feature->bit & 1) &&
           (saved_registers() & feature->saved) == feature->saved;
  }
  return -1;
}

/** Starts of the names that change how code is chosen, not what it needs. */
static const char *const tuning_prefixes[] = {
    "tuning",         "fast-",       "faster-",      "slow-",
    "prefer-",        "false-deps-", "no-bypass-",   "use-",
    "idiv",           "allow-light", "branchfusion", "macrofusion",
    "branch-hint",    "ermsb",       "fsrm",         "lea-",
    "pad-short",      "sbb-dep",     "vzeroupper",   "inline-asm-",
    "harden-",        "retpoline",   "lvi-",         "seses",
    "tagged-globals", "nopl",        "x87",          "64bit-mode",
    "soft-float",
};

#else

/** Elsewhere only the architecture's baseline can be vouched for. */
static int has_feature(const char *name, size_t length) {
#if defined(__aarch64__)
  return (length == 4 && memcmp(name, "neon", 4) == 0) ||
                 (length == 8 && memcmp(name, "fp-armv8", 8) == 0)
             ? 1
             : -1;
#else
  (void)name;
  (void)length;
  return -1;
#endif
}

static const char *const tuning_prefixes[] = {"tuning", "fast-", "slow-",
                                              "use-", "prefer-"};
#endif

static bool is_tuning(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof(tuning_prefixes) / sizeof(tuning_prefixes[0]);
       ++i) {
    size_t prefix = strlen(tuning_prefixes[i]);
    if (length >= prefix && memcmp(tuning_prefixes[i], name, prefix) == 0)
      return true;
  }
  return false;
}

moe_status moe_check_cpu(const char *cpu, const char *features,
                         moe_error *error) {
  const char *compiled_for = cpu && *cpu ? cpu : "another CPU";
  for (const char *entry = features; entry && *entry;) {
    size_t length = strcspn(entry, ",");
    const char *name = entry + 1;
    int name_length = (int)length - 1;
    int present = 1;
    if (*entry == '+')
      present = has_feature(name, (size_t)name_length);
    if (present < 0 && is_tuning(name, (size_t)name_length))
      present = 1;
    if (present < 1)
      return moe_set_error(
          error, MOE_UNSUPPORTED_CPU,
          present == 0
              ? "this CPU lacks the instruction set '%.*s' that the model was "
                "compiled for (%s); compile it for this machine, or with a "
                "lesser --target-cpu"
              : "cannot tell whether this CPU has the feature '%.*s' that the "
                "model was compiled for (%s); compile it with another "
                "--target-cpu",
          name_length, name, compiled_for);
    entry += length;
    if (*entry == ',')
      ++entry;
  }
  return MOE_OK;
}
