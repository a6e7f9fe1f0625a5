//===- Gate.cpp - Loops of moe.gate ---------------------------------------===//
//
//   for t: z = scores[t]; p = score(z); c = p + bias, groups;
//          ids, weights = the selection, normalised and scaled;
//          sums; ids by the table
//   counts = 0; for t, s: ++counts[ids[t, s]]
//
// The steps are those of `moe.route`; see RowMath for their arithmetic.
//
//===----------------------------------------------------------------------===//
#include "Gate.h"

#include "mlir/IR/BuiltinOps.h"

#include <limits>

using namespace mlir;
using namespace moe;

using I = arith::CmpIPredicate;
using F = arith::CmpFPredicate;

namespace {
class GateEmitter {
public:
  GateEmitter(GateOp gate, LoopBuilder &builder, SymbolTable &symbolTable,
              RowMath &rowMath)
      : op(gate), b(builder), symbols(symbolTable), rows(rowMath),
        zero(builder.index(0)) {
    if (auto values = op.getTable())
      table = makeTable(*values);
  }

  /// Tokens [begin, end): all but the counts.
  void emitTokens(Value begin, Value end) {
    Workspace memory(b, rows.getAlignment());
    workspace = &memory;
    int64_t block = rows.getTokensPerBlock(op.getNumColumns());
    makeBuffers(block);
    b.forEach(
        begin, end,
        [&](Value first) {
          Value count =
              b.createOrFold<arith::MinUIOp>(b.sub(end, first), b.index(block));
          forEachToken(first, count, block, [&] { emitScores(); });
          forEachToken(first, count, block, [&] { emitSlots(); });
        },
        block);
    memory.release();
  }

  /// The histogram of all ids, behind the tokens.
  void emitCounts() {
    b.forEach(zero, b.extent(op.getCounts(), 0),
              [&](Value e) { b.store(b.i32(0), op.getCounts(), e); });
    b.forEach(zero, b.extent(op.getIds(), 0), [&](Value t) {
      b.forEach(zero, b.extent(op.getIds(), 1), [&](Value s) {
        Value id = b.load(op.getIds(), {t, s});
        b.ifTrue(b.compare(I::sge, id, b.i32(0)), [&] {
          Value e = b.toIndex(id);
          Value count = b.load(op.getCounts(), e);
          b.store(b.add(count, b.i32(1)), op.getCounts(), e);
        });
      });
    });
  }

private:
  /// A block of tokens, whose columns stand one after the other.
  void forEachToken(Value first, Value count, int64_t block,
                    LoopBuilder::Branch body) {
    if (block == 1) {
      token = first;
      return body();
    }
    int64_t stride = op.getNumColumns() + rows.getPadding();
    b.forEach(zero, count, [&](Value i) {
      token = b.add(first, i);
      for (Row *row : {&z, &p, &c})
        row->begin = b.mul(i, b.index(stride));
      body();
    });
  }

  /// z, p and c of the token.
  void emitScores() {
    loadScores();
    if (isa<SparseMixerAttr>(op.getSelect()))
      return;
    if (op.getOrder() == ScoreOrder::Before)
      rows.score(op.getScore(), z, p);
    emitSelectionScores();
  }

  /// What becomes of them.
  void emitSlots() {
    if (auto mixer = dyn_cast<SparseMixerAttr>(op.getSelect())) {
      emitSparseMixer(mixer);
    } else {
      rows.select(c, best, cast<TopKAttr>(op.getSelect()).getTie());
      emitWeights();
    }
    emitNormalisation();
    emitScale();
    emitSums();
    emitTable();
    storeSlots();
  }

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  void makeBuffers(int64_t block) {
    int64_t k = op.getNumSlots();
    Value size = columnCount();
    auto makeColumns = [&] { return makeRow(op.getNumColumns(), size, block); };
    z = makeColumns();
    bool isMixer = isa<SparseMixerAttr>(op.getSelect());
    bool scoresBefore =
        op.getOrder() == ScoreOrder::Before && op.getScore() != Score::None;
    p = scoresBefore ? makeColumns() : z;
    bool changesSelection = op.getBias() || op.getGroupsAttr();
    c = changesSelection || isMixer ? makeColumns() : p;
    best = makeList(k);
    weights = makeRow(k, b.index(k));
    if (GroupsAttr groups = op.getGroupsAttr()) {
      groupScores = makeRow(groups.getCount(), b.index(groups.getCount()));
      bestGroups = makeList(groups.getKeep());
      if (groups.getScore() == GroupScore::SumTop2)
        bestOfGroup = makeList(2);
    }
  }

  /// `size` is `known`, as a value.
  Row makeRow(int64_t known, Value size, int64_t block = 1) {
    int64_t room = known;
    if (known != ShapedType::kDynamic)
      room = block * (known + rows.getPadding());
    return {workspace->buffer(room, size, rows.getWide()), size, known,
            Value()};
  }

  BestList makeList(int64_t size) {
    return {workspace->buffer(size, rows.getWide()),
            workspace->buffer(size, b.getI32Type()), size};
  }

  Value loadAt(const Row &row, Value j) {
    return b.load(row.memory, rows.placeOf(row, j));
  }
  void storeAt(Value value, const Row &row, Value j) {
    b.store(value, row.memory, rows.placeOf(row, j));
  }

  Value columnCount() {
    if (op.getScores())
      return b.extent(op.getScores(), 1);
    Value count = zero;
    for (Value matrix : op.getProject().drop_front())
      count = b.add(count, b.extent(matrix, 1));
    return count;
  }

  /// memref.global @moe_table = dense<table>
  Value makeTable(ArrayRef<int32_t> values) {
    auto type =
        MemRefType::get({static_cast<int64_t>(values.size())}, b.getI32Type());
    auto tensor = RankedTensorType::get(type.getShape(), b.getI32Type());
    OpBuilder::InsertionGuard guard(b);
    auto module = op->getParentOfType<ModuleOp>();
    b.setInsertionPointToStart(module.getBody());
    auto global = memref::GlobalOp::create(
        b, "moe_table", b.getStringAttr("private"), type,
        DenseElementsAttr::get(tensor, values), /*constant=*/true,
        /*alignment=*/IntegerAttr());
    StringAttr name = symbols.insert(global);
    b.setInsertionPoint(op);
    return memref::GetGlobalOp::create(b, type, name);
  }

  //===--------------------------------------------------------------------===//
  // Scores and selection
  //===--------------------------------------------------------------------===//

  /// z = scores[t] + mask, or the products x[t] w side by side
  void loadScores() {
    if (op.getScores()) {
      rows.fill(z, [&](const RowChunk &chunk) {
        return addMask(rows.load(op.getScores(), token, chunk), chunk);
      });
      return;
    }
    b.forEach(zero, z.size,
              [&](Value j) { storeAt(b.number(rows.getWide(), 0), z, j); });
    Value x = op.getProject().front(), first = zero;
    for (Value matrix : op.getProject().drop_front()) {
      Value width = b.extent(matrix, 1);
      b.forEach(zero, b.extent(x, 1), [&](Value h) {
        Value factor = b.widen(b.load(x, {token, h}));
        b.forEach(zero, width, [&](Value j) {
          Value at = b.add(first, j);
          Value product = b.mul(factor, b.widen(b.load(matrix, {h, j})));
          storeAt(b.add(loadAt(z, at), product), z, at);
        });
      });
      first = b.add(first, width);
    }
    rows.fill(z, [&](const RowChunk &chunk) {
      return addMask(rows.round(rows.load(z, chunk)), chunk);
    });
  }

  Value addMask(Value scores, const RowChunk &chunk) {
    if (!op.getMask())
      return scores;
    return b.add(scores, rows.load(op.getMask(), {}, chunk));
  }

  /// c = p + bias, and groups
  void emitSelectionScores() {
    if (op.getBias() || op.getGroupsAttr())
      rows.fill(c, [&](const RowChunk &chunk) {
        Value scores = rows.load(p, chunk);
        return op.getBias() ? b.add(scores, rows.load(op.getBias(), {}, chunk))
                            : scores;
      });
    if (GroupsAttr groups = op.getGroupsAttr())
      emitGroups(groups);
  }

  /// c[j] = masked in all groups but the best
  void emitGroups(GroupsAttr groups) {
    Value length = b.createOrFold<arith::DivUIOp>(c.size, groupScores.size);
    int64_t known =
        c.known == ShapedType::kDynamic ? c.known : c.known / groups.getCount();
    rows.fillEach(groupScores, [&](Value g) -> Value {
      Row group{c.memory, length, known, rows.placeOf(c, b.mul(g, length))};
      if (groups.getScore() == GroupScore::Max)
        return rows.greatest(group);
      rows.select(group, bestOfGroup);
      return sumOf(bestOfGroup.values, 2);
    });
    rows.select(groupScores, bestGroups);
    Value masked = rows.constant(groups.getMasked().getValueAsDouble());
    b.forEach(zero, groupScores.size, [&](Value g) {
      Value isKept = b.fold(
          zero, b.index(bestGroups.size),
          arith::ConstantOp::create(b, b.getBoolAttr(false)),
          [&](Value i, Value found) -> Value {
            Value kept = b.toIndex(b.load(bestGroups.indices, i));
            return arith::OrIOp::create(b, found, b.compare(I::eq, kept, g));
          });
      Value isMasked = arith::XOrIOp::create(
          b, isKept, arith::ConstantOp::create(b, b.getBoolAttr(true)));
      b.ifTrue(isMasked, [&] {
        b.forEach(zero, length, [&](Value j) {
          storeAt(masked, c, b.add(b.mul(g, length), j));
        });
      });
    });
  }

  /// The sum from 0 in order, rounded once.
  Value sumOf(Value memory, int64_t count) {
    return rows.round(b.fold(
        zero, b.index(count), b.number(rows.getWide(), 0),
        [&](Value i, Value sum) { return b.add(sum, b.load(memory, i)); }));
  }

  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  Value idAt(Value s) { return b.load(best.indices, s); }
  Value weightAt(Value s) { return b.load(weights.memory, s); }

  /// weights[s] = mix[t, id], or p[id]; `order` after: the score of those
  void emitWeights() {
    rows.fillEach(weights, [&](Value s) {
      Value id = b.toIndex(idAt(s));
      return op.getMix() ? b.widen(b.load(op.getMix(), {token, id}))
                         : loadAt(p, id);
    });
    if (op.getOrder() == ScoreOrder::After)
      rows.score(op.getScore(), weights, weights);
  }

  /// The sum, in slot order, of the weights whose ids are in `columns`.
  Value sumOver(ColumnsAttr columns) {
    return b.fold(zero, weights.size, b.number(rows.getWide(), 0),
                  [&](Value s, Value sum) -> Value {
                    Value id = idAt(s);
                    Value isIn = arith::AndIOp::create(
                        b, b.compare(I::sge, id, b.i32(columns.getBegin())),
                        b.compare(I::slt, id, b.i32(columns.getEnd())));
                    return arith::SelectOp::create(
                        b, isIn, b.add(sum, weightAt(s)), sum);
                  });
  }

  void emitNormalisation() {
    ColumnsAttr columns = op.getNormalizeOverAttr();
    if (!columns)
      return;
    Value d = rows.round(sumOver(columns));
    if (DenominatorAttr denominator = op.getDenominatorAttr())
      d = emitDenominator(denominator, d);
    rows.fillEach(weights, [&](Value s) -> Value {
      return arith::DivFOp::create(b, weightAt(s), d);
    });
  }

  Value emitDenominator(DenominatorAttr denominator, Value d) {
    auto value = [&] {
      return rows.constant(denominator.getValue().getValueAsDouble());
    };
    switch (denominator.getKind()) {
    case DenominatorKind::Plain:
      return d;
    case DenominatorKind::ZeroAsOne: {
      Value isZero = b.compare(F::OEQ, d, rows.constant(0));
      return arith::SelectOp::create(b, isZero, rows.constant(1), d);
    }
    case DenominatorKind::Plus:
      return rows.round(b.add(d, value()));
    case DenominatorKind::AtLeast:
      return onnx::maxScalars(b, d, value(), /*isUnsignedType=*/false);
    }
    return d;
  }

  void emitScale() {
    if (std::optional<APFloat> scale = op.getScale())
      rows.fillEach(weights, [&](Value s) {
        return b.mul(weightAt(s), rows.constant(scale->convertToDouble()));
      });
  }

  //===--------------------------------------------------------------------===//
  // The sparse mixer
  //===--------------------------------------------------------------------===//

  /// Two rounds over z; the second one with the first's choice at -inf.
  void emitSparseMixer(SparseMixerAttr mixer) {
    Value threshold = rows.constant(mixer.getThreshold().getValueAsDouble());
    Value lowest =
        b.number(rows.getWide(), -std::numeric_limits<double>::infinity());
    Value chosen;
    for (int64_t round : {0, 1}) {
      // c = the scores of this round.
      rows.fillEach(c, [&](Value j) -> Value {
        Value score = loadAt(z, j);
        if (!chosen)
          return score;
        Value isGone = b.compare(I::eq, j, chosen);
        return arith::SelectOp::create(b, isGone, lowest, score);
      });
      Value top = rows.greatest(c);
      chosen = rows.argGreatest(c);
      rows.fillEach(c, [&](Value j) -> Value {
        Value score = loadAt(z, j);
        Value size = onnx::maxScalars(b, math::AbsFOp::create(b, score), top,
                                      /*isUnsignedType=*/false);
        Value distance = rows.round(b.sub(top, score));
        Value ratio = rows.round(arith::DivFOp::create(b, distance, size));
        Value isFar = b.compare(F::OGT, ratio, threshold);
        return arith::SelectOp::create(b, isFar, lowest, loadAt(c, j));
      });
      rows.softmax(c, c);
      Value s = b.index(round);
      b.store(loadAt(c, chosen), weights.memory, s);
      b.store(b.toI32(chosen), best.indices, s);
    }
  }

  //===--------------------------------------------------------------------===//
  // Slots
  //===--------------------------------------------------------------------===//

  void emitSums() {
    ArrayAttr sums = op.getSumsAttr();
    if (!sums)
      return;
    for (auto [range, out] :
         llvm::zip_equal(sums.getAsRange<ColumnsAttr>(), op.getSumOuts()))
      b.store(b.narrow(sumOver(range), rows.getType()), out, token);
  }

  /// id = table[id]; a later slot of an id joins the first one
  void emitTable() {
    if (!table)
      return;
    b.forEach(zero, weights.size, [&](Value s) {
      b.store(b.load(table, b.toIndex(idAt(s))), best.indices, s);
    });
    if (isInjective(*op.getTable()))
      return;
    b.forEach(zero, weights.size, [&](Value s) {
      Value id = idAt(s);
      Value next = b.add(s, b.index(1));
      b.ifTrue(b.compare(I::sge, id, b.i32(0)), [&] {
        b.forEach(next, weights.size, [&](Value other) {
          b.ifTrue(b.compare(I::eq, idAt(other), id), [&] {
            Value sum = rows.round(b.add(weightAt(s), weightAt(other)));
            b.store(sum, weights.memory, s);
            b.store(b.i32(-1), best.indices, other);
          });
        });
      });
    });
  }

  /// Whether no two ids come to the same one.
  static bool isInjective(ArrayRef<int32_t> table) {
    llvm::SmallDenseSet<int32_t> seen;
    return llvm::all_of(
        table, [&](int32_t id) { return id < 0 || seen.insert(id).second; });
  }

  void storeSlots() {
    b.forEach(zero, weights.size, [&](Value s) {
      Value id = idAt(s);
      b.store(id, op.getIds(), {token, s});
      b.store(b.narrow(weightAt(s), rows.getType()), op.getWeights(),
              {token, s});
    });
  }

  GateOp op;
  LoopBuilder &b;
  SymbolTable &symbols;
  RowMath &rows;
  Workspace *workspace = nullptr;
  Value zero, token, table;
  Row z;         ///< scores
  Row p;         ///< probabilities, or z
  Row c;         ///< what is selected by, or p
  BestList best; ///< ids of the token's slots
  Row weights;   ///< of its slots
  Row groupScores;
  BestList bestGroups, bestOfGroup;
};
} // namespace

void moe::emitGate(GateOp op, LoopBuilder &b, SymbolTable &symbols,
                   RowMath &rows, ShareTokens share) {
  GateEmitter emitter(op, b, symbols, rows);
  share(b.extent(op.getIds(), 0),
        [&](Value begin, Value end) { emitter.emitTokens(begin, end); });
  emitter.emitCounts();
}

void moe::lowerGate(GateOp op, LoopBuilder &b, SymbolTable &symbols) {
  RowMath rows(b, b.elementOf(op.getWeights()));
  emitGate(op, b, symbols, rows,
           [&](Value tokens, function_ref<void(Value, Value)> emit) {
             emit(b.index(0), tokens);
           });
}
