/*===- ThreadPool.c - The threads of a context -----------------------------===*
 *
 * One job at a time. `state` holds an open flag and the number of workers
 * inside the job; a worker enters by raising that number while the flag is
 * set, so the caller waits only for workers that did enter, never for one that
 * the system has not scheduled. The caller works too. Idle workers spin for a
 * while, because parallel regions follow each other closely and waking a core
 * that sleeps takes longer than most regions, then sleep.
 *
 * A failure inside a job jumps to the worker's own frame; the job is then cut
 * short and the caller leaves generated code once everyone is out.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/** Pauses between two looks at the clock or two yields: a microsecond. */
#define MOE_SPINS 64
/** Nanoseconds of spinning before a worker sleeps, and before it lets other
 *  threads of the machine run between its spins. */
#define MOE_SLEEP_AFTER 1000000
#define MOE_YIELD_AFTER 50000
/** Chunks per thread: small enough to even out, large enough to be few. */
#define MOE_CHUNKS_PER_THREAD 8
/** Bit of `state`: the job may be entered. The bits above number the jobs, the
 *  32 below count the workers inside. */
#define MOE_JOB_OPEN ((uint64_t)1 << 32)
#define MOE_JOB_STEP ((uint64_t)1 << 33)
#define MOE_JOB_INSIDE (MOE_JOB_OPEN - 1)

struct moe_pool {
  moe_context *context;
  int32_t num_workers; /**< besides the calling thread */
  int32_t num_started;
  bool start_tried;
  pthread_t *threads;

  void (*fn)(void *data, int64_t i);
  void *data;
  int64_t end;
  int64_t chunk;
  _Atomic int64_t next;
  atomic_bool failed;

  _Atomic uint64_t state;
  atomic_bool stop;
  _Atomic int32_t num_sleeping;
  pthread_mutex_t lock;
  pthread_cond_t wake;
};

static void cpu_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int32_t moe_available_cores(void) {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0 && CPU_COUNT(&cores) > 0)
    return CPU_COUNT(&cores);
  // More cores than cpu_set_t holds.
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int32_t)online : 1;
}

/** Takes chunks until none is left or somebody failed. */
static void work(moe_pool *pool) {
  moe_thread_state *thread = moe_current_thread();
  const moe_thread_state outer = *thread;
  jmp_buf failure;
  if (_setjmp(failure) != 0) {
    atomic_store(&pool->failed, true);
    *moe_current_thread() = outer;
    return;
  }
  *thread = (moe_thread_state){
      .context = pool->context, .failure = &failure, .in_parallel = true};
  while (!atomic_load_explicit(&pool->failed, memory_order_relaxed)) {
    int64_t begin = atomic_fetch_add(&pool->next, pool->chunk);
    if (begin >= pool->end)
      break;
    int64_t end =
        pool->end - begin < pool->chunk ? pool->end : begin + pool->chunk;
    for (int64_t i = begin; i < end; ++i)
      pool->fn(pool->data, i);
  }
  *thread = outer;
}

/** Whether `state` shows an open job other than `last`. */
static bool is_new_job(uint64_t state, uint64_t last) {
  return (state & MOE_JOB_OPEN) && (state & ~MOE_JOB_INSIDE) != last;
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/** Returns at the next job, or when the pool stops. */
static uint64_t wait_for_job(moe_pool *pool, uint64_t last) {
  const int64_t begin = now();
  for (int64_t waited = 0; waited < MOE_SLEEP_AFTER; waited = now() - begin) {
    for (int spin = 0; spin < MOE_SPINS; ++spin) {
      uint64_t state = atomic_load(&pool->state);
      if (is_new_job(state, last) || atomic_load(&pool->stop))
        return state;
      cpu_pause();
    }
    if (waited > MOE_YIELD_AFTER)
      sched_yield();
  }
  pthread_mutex_lock(&pool->lock);
  atomic_fetch_add(&pool->num_sleeping, 1);
  uint64_t state = atomic_load(&pool->state);
  while (!is_new_job(state, last) && !atomic_load(&pool->stop)) {
    pthread_cond_wait(&pool->wake, &pool->lock);
    state = atomic_load(&pool->state);
  }
  atomic_fetch_sub(&pool->num_sleeping, 1);
  pthread_mutex_unlock(&pool->lock);
  return state;
}

static void *worker_main(void *argument) {
  moe_pool *pool = argument;
  uint64_t last = 0;
  for (;;) {
    uint64_t state = wait_for_job(pool, last);
    if (atomic_load(&pool->stop))
      return NULL;
    // Enter while the job is open; if it closes first there is nothing to do.
    while (is_new_job(state, last)) {
      if (!atomic_compare_exchange_weak(&pool->state, &state, state + 1))
        continue;
      last = state & ~MOE_JOB_INSIDE;
      work(pool);
      atomic_fetch_sub(&pool->state, 1);
      break;
    }
  }
}

static void wake_all(moe_pool *pool) {
  if (atomic_load(&pool->num_sleeping) == 0)
    return;
  pthread_mutex_lock(&pool->lock);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
}

/** Starts the workers, with all signals left to the program's own threads. If
 *  the system refuses some, the others do the work. */
static void start_workers(moe_pool *pool) {
  pool->start_tried = true;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (pool->num_started < pool->num_workers &&
         pthread_create(&pool->threads[pool->num_started], NULL, worker_main,
                        pool) == 0)
    ++pool->num_started;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

moe_pool *moe_pool_create(int32_t num_threads, moe_context *context) {
  if (num_threads == 0)
    num_threads = moe_available_cores();
  moe_pool *pool = calloc(1, sizeof(*pool));
  if (!pool)
    return NULL;
  pool->context = context;
  pool->num_workers = num_threads - 1;
  pool->threads = calloc((size_t)num_threads, sizeof(*pool->threads));
  if (!pool->threads) {
    free(pool);
    return NULL;
  }
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  return pool;
}

void moe_pool_destroy(moe_pool *pool) {
  if (!pool)
    return;
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->stop, true);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (int32_t i = 0; i < pool->num_started; ++i)
    pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
  free(pool->threads);
  free(pool);
}

int64_t moe_pool_num_threads(const moe_pool *pool) {
  return (int64_t)pool->num_workers + 1;
}

bool moe_pool_run(moe_pool *pool, void (*fn)(void *data, int64_t i), void *data,
                  int64_t n) {
  if (!pool->start_tried)
    start_workers(pool);
  pool->fn = fn;
  pool->data = data;
  pool->end = n;
  int64_t chunks = ((int64_t)pool->num_started + 1) * MOE_CHUNKS_PER_THREAD;
  pool->chunk = n > chunks ? n / chunks : 1;
  atomic_store(&pool->next, 0);
  atomic_store(&pool->failed, false);

  if (pool->num_started > 0) {
    // Nobody is inside: the last job was closed and waited for.
    uint64_t state = atomic_load(&pool->state);
    atomic_store(&pool->state, (state | MOE_JOB_OPEN) + MOE_JOB_STEP);
    wake_all(pool);
  }
  work(pool);
  if (pool->num_started > 0) {
    atomic_fetch_and(&pool->state, ~MOE_JOB_OPEN);
    for (int spin = 0; atomic_load(&pool->state) & MOE_JOB_INSIDE; ++spin) {
      if (spin < 16 * MOE_SPINS)
        cpu_pause();
      else
        sched_yield();
    }
  }
  return !atomic_load(&pool->failed);
}
