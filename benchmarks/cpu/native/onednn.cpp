//===- onednn.cpp - oneDNN as a peer --------------------------------------===//
//
// A dense matmul whose weights are laid out as oneDNN asks for at each number
// of rows, and a SwiGLU layer as a loop over experts with weights laid out
// once. The loop is the best we know to write with this library: slots are
// sorted by expert, gate and up are one matmul, and the threads share what lies
// between matmuls. (SwiGLU as post-operations of the gate's matmul was no
// faster.)
//
//===----------------------------------------------------------------------===//

#include "Between.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <map>
#include <string>
#include <sys/mman.h>
#include <unordered_map>
#include <vector>

using namespace dnnl;
using Tag = memory::format_tag;
constexpr auto F32 = memory::data_type::f32;

namespace {

engine &getEngine() {
  static engine cpu(engine::kind::cpu, 0);
  return cpu;
}

stream &getStream() {
  static stream only(getEngine());
  return only;
}

memory::desc describe(memory::dim rows, memory::dim columns,
                      Tag tag = Tag::ab) {
  return memory::desc({rows, columns}, F32, tag);
}

void *mapMemory(size_t size) {
  void *mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    throw std::bad_alloc();
  madvise(mapped, size, MADV_HUGEPAGE);
  return mapped;
}

/// `plain` ([K, N], row-major) in the layout `desc`.
memory layOut(const float *plain, memory::dim k, memory::dim n,
              const memory::desc &desc) {
  memory from(describe(k, n), getEngine(), const_cast<float *>(plain));
  memory to(desc, getEngine(), mapMemory(desc.get_size()));
  reorder(from, to).execute(getStream(), from, to);
  getStream().wait();
  return to;
}

struct Dense {
  const float *weights;
  memory::dim k, n, m = 0;
  matmul product{};
  memory laidOut{};
  memory::desc layout{};
};

struct Layer {
  Layer(memory::dim experts, memory::dim hidden, memory::dim inner, int threads)
      : experts(experts), hidden(hidden), inner(inner), pair(threads) {}

  memory::dim experts, hidden, inner;
  Pair pair;
  /// By expert: gate and up ([H, 2I]); down.
  std::vector<memory> wide, back;
  std::map<std::pair<memory::dim, int>, matmul> products;
  std::vector<float> rows, gateUp, inners, outs;

  void multiply(int which, memory::dim m, memory::dim k, memory::dim n,
                memory &weights, float *from, float *to);
};

void Layer::multiply(int which, memory::dim m, memory::dim k, memory::dim n,
                     memory &weights, float *from, float *to) {
  auto found = products.find({m, which});
  if (found == products.end()) {
    matmul::primitive_desc desc(getEngine(), describe(m, k), weights.get_desc(),
                                describe(m, n));
    found = products.emplace(std::pair(m, which), matmul(desc)).first;
  }
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, memory(describe(m, k), getEngine(), from)},
      {DNNL_ARG_WEIGHTS, weights},
      {DNNL_ARG_DST, memory(describe(m, n), getEngine(), to)}};
  found->second.execute(getStream(), arguments);
}

} // namespace

extern "C" {

const char *library_version() {
  static std::string text = std::to_string(dnnl_version()->major) + "." +
                            std::to_string(dnnl_version()->minor) + "." +
                            std::to_string(dnnl_version()->patch);
  return text.c_str();
}

void *dense_create(const float *weights, int64_t k, int64_t n) {
  return new Dense{weights, k, n};
}

void dense_prepare(void *handle, int64_t m) {
  Dense &dense = *static_cast<Dense *>(handle);
  matmul::primitive_desc desc(getEngine(), describe(m, dense.k),
                              describe(dense.k, dense.n, Tag::any),
                              describe(m, dense.n));
  if (!dense.m || desc.weights_desc() != dense.layout) {
    if (dense.m)
      munmap(dense.laidOut.get_data_handle(), dense.layout.get_size());
    dense.layout = desc.weights_desc();
    dense.laidOut = layOut(dense.weights, dense.k, dense.n, dense.layout);
  }
  dense.m = m;
  dense.product = matmul(desc);
}

void dense_run(void *handle, float *from, float *to) {
  Dense &dense = *static_cast<Dense *>(handle);
  dense.product.execute(
      getStream(),
      {{DNNL_ARG_SRC, memory(describe(dense.m, dense.k), getEngine(), from)},
       {DNNL_ARG_WEIGHTS, dense.laidOut},
       {DNNL_ARG_DST, memory(describe(dense.m, dense.n), getEngine(), to)}});
  getStream().wait();
}

/// `gate`, `up`: [E, H, I]; `down`: [E, I, H].
void *layer_create(const float *gate, const float *up, const float *down,
                   int64_t experts, int64_t hidden, int64_t inner,
                   int threads) {
  Layer *layer = new Layer(experts, hidden, inner, threads);
  auto layoutOf = [](memory::dim k, memory::dim n) {
    return matmul::primitive_desc(getEngine(), describe(32, k),
                                  describe(k, n, Tag::any), describe(32, n))
        .weights_desc();
  };
  memory::desc wide = layoutOf(hidden, 2 * inner),
               back = layoutOf(inner, hidden);
  std::vector<float> both(2 * hidden * inner);
  for (int64_t e = 0, size = hidden * inner; e < experts; ++e) {
    for (int64_t h = 0; h < hidden; ++h) {
      memcpy(&both[2 * h * inner], gate + e * size + h * inner, 4 * inner);
      memcpy(&both[(2 * h + 1) * inner], up + e * size + h * inner, 4 * inner);
    }
    layer->wide.push_back(layOut(both.data(), hidden, 2 * inner, wide));
    layer->back.push_back(layOut(down + e * size, inner, hidden, back));
  }
  return layer;
}

/// `ids`, `weights`: [T, k]; `x`, `y`: [T, H].
void layer_run(void *handle, int64_t tokens, int64_t slots, const float *x,
               const int32_t *ids, const float *weights, float *y) {
  Layer &layer = *static_cast<Layer *>(handle);
  int64_t all = tokens * slots, hidden = layer.hidden, inner = layer.inner;
  std::vector<int64_t> offsets(layer.experts + 1), place(all), source(all);
  for (int64_t s = 0; s < all; ++s)
    ++offsets[ids[s] + 1];
  for (int64_t e = 0; e < layer.experts; ++e)
    offsets[e + 1] += offsets[e];
  std::vector<int64_t> next(offsets.begin(), offsets.end() - 1);
  for (int64_t s = 0; s < all; ++s)
    source[place[s] = next[ids[s]]++] = s / slots;

  layer.rows.resize(all * hidden);
  layer.outs.resize(all * hidden);
  layer.inners.resize(all * inner);
  layer.gateUp.resize(2 * all * inner);
  layer.pair.run(all, all * hidden, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      memcpy(&layer.rows[r * hidden], x + source[r] * hidden, 4 * hidden);
  });
  for (int64_t e = 0; e < layer.experts; ++e) {
    int64_t first = offsets[e], m = offsets[e + 1] - first;
    if (!m)
      continue;
    float *from = &layer.rows[first * hidden],
          *to = &layer.inners[first * inner];
    float *between = &layer.gateUp[2 * first * inner];
    layer.multiply(0, m, hidden, 2 * inner, layer.wide[e], from, between);
    getStream().wait();
    layer.pair.run(m, 8 * m * inner, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        swiglu(between + 2 * r * inner, to + r * inner, inner);
    });
    layer.multiply(1, m, inner, hidden, layer.back[e], to,
                   &layer.outs[first * hidden]);
  }
  getStream().wait();
  layer.pair.run(tokens, all * hidden, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      memset(y + t * hidden, 0, 4 * hidden);
      for (int64_t s = t * slots; s < (t + 1) * slots; ++s)
        for (int64_t h = 0; h < hidden; ++h)
          y[t * hidden + h] += weights[s] * layer.outs[place[s] * hidden + h];
    }
  });
}
}
