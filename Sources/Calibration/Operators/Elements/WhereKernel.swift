import Graphs

/// Where: elements of X where the condition holds, of Y elsewhere, with broadcasting. Any type of element.
struct WhereKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let condition = try inputs.required(0, named: "condition")
    let (x, y) = (try inputs.required(1, named: "X"), try inputs.required(2, named: "Y"))
    guard condition.elementType == .bool else { throw .invalid("the condition is \(condition.elementType), not bool") }
    guard x.elementType == y.elementType else {
      throw .invalid("X is \(x.elementType) and Y is \(y.elementType); they must have one type")
    }
    return [TensorType(x.elementType, try BroadcastPlan.shape(of: [condition.shape, x.shape, y.shape]))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (condition, x, y) = (inputs.required(0), inputs.required(1), inputs.required(2))
    let plan = try BroadcastPlan([condition.shape, x.shape, y.shape])
    return switch x.elementType.byteCount {
    case 1: [choose(plan, condition, x, y, UInt8.self)]
    case 2: [choose(plan, condition, x, y, UInt16.self)]
    case 4: [choose(plan, condition, x, y, UInt32.self)]
    default: [choose(plan, condition, x, y, UInt64.self)]
    }
  }

  /// Chooses elements as bit patterns of their width.
  private func choose<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ plan: BroadcastPlan, _ condition: Tensor, _ x: Tensor, _ y: Tensor, _: Bits.Type
  ) -> Tensor {
    let byteCount = plan.shape.reduce(1, *) * MemoryLayout<Bits>.stride
    let storage = TensorStorage(byteCount: byteCount) { result in
      condition.withElements(as: Bool.self) { condition in
        x.withBytes { x in
          y.withBytes { y in
            guard let out = result.bindMemory(to: Bits.self).baseAddress, let condition = condition.baseAddress,
              let x = x.assumingMemoryBound(to: Bits.self).baseAddress,
              let y = y.assumingMemoryBound(to: Bits.self).baseAddress
            else { return }
            plan.forEachRun { start, offsets in
              let (out, condition) = (out + start, condition + offsets[0])
              let (x, y) = (x + offsets[1], y + offsets[2])
              let steps = plan.runSteps
              for i in 0..<plan.runLength {
                out[i] = condition[i &* steps[0]] ? x[i &* steps[1]] : y[i &* steps[2]]
              }
            }
          }
        }
      }
    }
    return Tensor(elementType: x.elementType, shape: plan.shape, storage: storage)
  }
}
