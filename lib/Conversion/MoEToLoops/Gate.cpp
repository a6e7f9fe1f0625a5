//===- Gate.cpp - Loops of moe.gate ---------------------------------------===//
//
//   counts = 0
//   for t: z = scores[t]; p = score(z); c = p + bias, groups;
//          ids, weights = the selection, normalised and scaled;
//          sums; ids by the table; ++counts[id]
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
  GateEmitter(GateOp gate, LoopBuilder &builder, SymbolTable &symbolTable)
      : op(gate), b(builder), symbols(symbolTable), workspace(builder, gate),
        rows(builder, builder.elementOf(gate.getWeights())) {}

  void emit() {
    zero = b.index(0);
    tokens = b.extent(op.getIds(), 0);
    makeBuffers();
    b.forEach(zero, b.extent(op.getCounts(), 0),
              [&](Value e) { b.store(b.i32(0), op.getCounts(), e); });
    b.forEach(zero, tokens, [&](Value t) {
      token = t;
      loadScores();
      if (auto mixer = dyn_cast<SparseMixerAttr>(op.getSelect())) {
        emitSparseMixer(mixer);
      } else {
        emitTopK(cast<TopKAttr>(op.getSelect()));
        emitWeights();
      }
      emitNormalisation();
      emitScale();
      emitSums();
      emitTable();
      storeSlots();
    });
    workspace.release();
  }

private:
  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  void makeBuffers() {
    int64_t columns = op.getNumColumns(), k = op.getNumSlots();
    Value size = columnCount();
    auto makeRow = [&] {
      return Row{workspace.buffer(columns, size, rows.getWide()), size};
    };
    z = makeRow();
    bool isMixer = isa<SparseMixerAttr>(op.getSelect());
    bool scoresBefore =
        op.getOrder() == ScoreOrder::Before && op.getScore() != Score::None;
    p = scoresBefore ? makeRow() : z;
    bool changesSelection = op.getBias() || op.getGroupsAttr();
    c = changesSelection || isMixer ? makeRow() : p;
    best = makeList(k);
    weights = Row{workspace.buffer(k, rows.getWide()), b.index(k)};
    if (GroupsAttr groups = op.getGroupsAttr()) {
      groupScores = Row{workspace.buffer(groups.getCount(), rows.getWide()),
                        b.index(groups.getCount())};
      bestGroups = makeList(groups.getKeep());
      if (groups.getScore() == GroupScore::SumTop2)
        bestOfGroup = makeList(2);
    }
    if (auto values = op.getTable())
      table = makeTable(*values);
  }

  BestList makeList(int64_t size) {
    return {workspace.buffer(size, rows.getWide()),
            workspace.buffer(size, b.getI32Type()), size};
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
      rows.fill(z, [&](Value j) {
        Value score = b.widen(b.load(op.getScores(), {token, j}));
        return op.getMask() ? b.add(score, maskAt(j)) : score;
      });
      return;
    }
    b.forEach(zero, z.size, [&](Value j) {
      b.store(b.number(rows.getWide(), 0), z.memory, j);
    });
    Value x = op.getProject().front(), first = zero;
    for (Value matrix : op.getProject().drop_front()) {
      Value width = b.extent(matrix, 1);
      b.forEach(zero, b.extent(x, 1), [&](Value h) {
        Value factor = b.widen(b.load(x, {token, h}));
        b.forEach(zero, width, [&](Value j) {
          Value at = b.add(first, j);
          Value product = b.mul(factor, b.widen(b.load(matrix, {h, j})));
          b.store(b.add(b.load(z.memory, at), product), z.memory, at);
        });
      });
      first = b.add(first, width);
    }
    rows.fill(z, [&](Value j) {
      Value score = rows.round(b.load(z.memory, j));
      return op.getMask() ? b.add(score, maskAt(j)) : score;
    });
  }

  Value maskAt(Value j) { return b.widen(b.load(op.getMask(), j)); }

  void emitTopK(TopKAttr select) {
    if (op.getOrder() == ScoreOrder::Before)
      rows.score(op.getScore(), z, p);
    if (op.getBias() || op.getGroupsAttr())
      rows.fill(c, [&](Value j) {
        Value score = b.load(p.memory, j);
        return op.getBias() ? b.add(score, b.widen(b.load(op.getBias(), j)))
                            : score;
      });
    if (GroupsAttr groups = op.getGroupsAttr())
      emitGroups(groups);
    rows.select(
        c.size, [&](Value j) { return b.load(c.memory, j); }, best,
        select.getTie());
  }

  /// c[j] = masked in all groups but the best
  void emitGroups(GroupsAttr groups) {
    Value length = arith::DivUIOp::create(b, c.size, groupScores.size);
    auto inGroup = [&](Value g, Value j) {
      return b.load(c.memory, b.add(b.mul(g, length), j));
    };
    rows.fill(groupScores, [&](Value g) -> Value {
      if (groups.getScore() == GroupScore::SumTop2) {
        rows.select(
            length, [&](Value j) { return inGroup(g, j); }, bestOfGroup);
        return sumOf(bestOfGroup.values, 2);
      }
      double infinity = std::numeric_limits<double>::infinity();
      return b.fold(zero, length, b.number(rows.getWide(), -infinity),
                    [&](Value j, Value most) {
                      return onnx::maxScalars(b, most, inGroup(g, j),
                                              /*isUnsignedType=*/false);
                    });
    });
    rows.select(
        groupScores.size,
        [&](Value g) { return b.load(groupScores.memory, g); }, bestGroups);
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
          b.store(masked, c.memory, b.add(b.mul(g, length), j));
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
    rows.fill(weights, [&](Value s) {
      Value id = b.toIndex(idAt(s));
      return op.getMix() ? b.widen(b.load(op.getMix(), {token, id}))
                         : b.load(p.memory, id);
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
    rows.fill(weights, [&](Value s) -> Value {
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
      rows.fill(weights, [&](Value s) {
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
      rows.fill(c, [&](Value j) -> Value {
        Value score = b.load(z.memory, j);
        if (!chosen)
          return score;
        Value isGone = b.compare(I::eq, j, chosen);
        return arith::SelectOp::create(b, isGone, lowest, score);
      });
      Value top = rows.greatest(c);
      chosen = rows.argGreatest(c);
      rows.fill(c, [&](Value j) -> Value {
        Value score = b.load(z.memory, j);
        Value size = onnx::maxScalars(b, math::AbsFOp::create(b, score), top,
                                      /*isUnsignedType=*/false);
        Value distance = rows.round(b.sub(top, score));
        Value ratio = rows.round(arith::DivFOp::create(b, distance, size));
        Value isFar = b.compare(F::OGT, ratio, threshold);
        return arith::SelectOp::create(b, isFar, lowest, b.load(c.memory, j));
      });
      rows.softmax(c, c);
      Value s = b.index(round);
      b.store(b.load(c.memory, chosen), weights.memory, s);
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
      b.ifTrue(b.compare(I::sge, id, b.i32(0)), [&] {
        Value e = b.toIndex(id);
        Value count = b.load(op.getCounts(), e);
        b.store(b.add(count, b.i32(1)), op.getCounts(), e);
      });
    });
  }

  GateOp op;
  LoopBuilder &b;
  SymbolTable &symbols;
  Workspace workspace;
  RowMath rows;
  Value zero, tokens, token, table;
  Row z;         ///< scores
  Row p;         ///< probabilities, or z
  Row c;         ///< what is selected by, or p
  BestList best; ///< ids of the token's slots
  Row weights;   ///< of its slots
  Row groupScores;
  BestList bestGroups, bestOfGroup;
};
} // namespace

void moe::lowerGate(GateOp op, LoopBuilder &b, SymbolTable &symbols) {
  GateEmitter(op, b, symbols).emit();
}
