import Graphs

/// ReduceMean, ReduceSum, ReduceMax over any axes.
///
/// Sums of floating-point numbers are formed in float64, those of integers modulo 2^64, in the order of the elements
/// in memory. The maximum of nothing is the lowest value, a mean of nothing NaN (0 for integers).
struct ReductionKernel: OperatorKernel {
  /// Which of the operators.
  enum Operation {
    case mean, sum, max
  }

  private let operation: Operation
  private let keepsDimensions: Bool
  private let isNoOperationWithoutAxes: Bool

  init(_ node: Node) throws(OperatorError) {
    operation =
      switch node.kind {
      case .reduceMean: .mean
      case .reduceSum: .sum
      case .reduceMax: .max
      default: throw .unsupported("\(node.kind.rawValue) as a reduction")
      }
    keepsDimensions = node.int("keepdims", default: 1) != 0
    isNoOperationWithoutAxes = node.int("noop_with_empty_axes", default: 0) != 0
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "data")
    guard input.elementType != .bool || operation == .max else { throw .invalid("bools have no sum or mean") }
    let axes = try axes(of: inputs.knownIfPresent(1, named: "axes"), rank: input.shape.count)
    guard let axes else { return [TensorType(input.elementType, input.shape)] }
    let plan = ReductionPlan(shape: input.shape, axes: axes, keepsDimensions: keepsDimensions)
    return [TensorType(input.elementType, plan.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = inputs.required(0)
    guard let axes = try axes(of: inputs.optional(1), rank: input.rank) else { return [input] }
    let plan = ReductionPlan(shape: input.shape, axes: axes, keepsDimensions: keepsDimensions)
    let numbers = input.bytesIfBool
    let result = try numbers.elementType.visit(Reduction(operation: operation, plan: plan, input: numbers))
    return [Tensor(elementType: input.elementType, shape: result.shape, storage: result.storage)]
  }

  /// The axes to reduce: all where none are named, or nil if then nothing is to be done.
  private func axes(of tensor: Tensor?, rank: Int) throws(OperatorError) -> Set<Int>? {
    let listed = try tensor.map { tensor throws(OperatorError) in try tensor.integers(named: "axes") } ?? []
    if listed.isEmpty { return isNoOperationWithoutAxes ? nil : Set(0..<rank) }
    return Set(try normalizedAxes(listed, rank: rank))
  }

  private struct Reduction: ArithmeticVisitor {
    let operation: Operation
    let plan: ReductionPlan
    let input: Tensor

    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Tensor {
      operation == .max ? maxima(type) : sums(type)
    }

    private func sums<Element: ArithmeticElement>(_ type: Element.Type) -> Tensor {
      let divisor = Element.Sum(count: operation == .mean ? plan.reducedCount : 1)
      let count = plan.shape.reduce(1, *)
      return withUnsafeTemporaryAllocation(of: Element.Sum.self, capacity: count) { sums in
        sums.initialize(repeating: .zero)
        input.withElements(as: type) { elements in
          plan.forEachRun { start, target in
            let run = UnsafeBufferPointer(rebasing: elements[start..<start + plan.runLength])
            if plan.reducesRuns {
              sums[target] = Element.Sum.sum(sums[target], Self.sum(run))
            } else {
              let row = UnsafeMutableBufferPointer(rebasing: sums[target..<target + plan.runLength])
              for i in run.indices { row[i] = Element.Sum.sum(row[i], run[i].term) }
            }
          }
        }
        return Tensor(shape: plan.shape, of: type) { result in
          for i in result.indices { result[i] = Element(sum: Element.Sum.quotient(sums[i], divisor)) }
        }
      }
    }

    /// The sum of a run, in eight interleaved partial sums that do not wait for each other.
    private static func sum<Element: ArithmeticElement>(_ run: UnsafeBufferPointer<Element>) -> Element.Sum {
      typealias Sum = Element.Sum
      var (a, b, c, d) = (Sum.zero, Sum.zero, Sum.zero, Sum.zero)
      var (e, f, g, h) = (Sum.zero, Sum.zero, Sum.zero, Sum.zero)
      let whole = run.count & ~7
      for i in stride(from: 0, to: whole, by: 8) {
        (a, b) = (Sum.sum(a, run[i].term), Sum.sum(b, run[i + 1].term))
        (c, d) = (Sum.sum(c, run[i + 2].term), Sum.sum(d, run[i + 3].term))
        (e, f) = (Sum.sum(e, run[i + 4].term), Sum.sum(f, run[i + 5].term))
        (g, h) = (Sum.sum(g, run[i + 6].term), Sum.sum(h, run[i + 7].term))
      }
      for i in whole..<run.count { a = Sum.sum(a, run[i].term) }
      return Sum.sum(
        Sum.sum(Sum.sum(a, e), Sum.sum(b, f)), Sum.sum(Sum.sum(c, g), Sum.sum(d, h)))
    }

    private func maxima<Element: ArithmeticElement>(_ type: Element.Type) -> Tensor {
      Tensor(shape: plan.shape, of: type) { result in
        result.update(repeating: Element.lowest)
        input.withElements(as: type) { elements in
          plan.forEachRun { start, target in
            let run = UnsafeBufferPointer(rebasing: elements[start..<start + plan.runLength])
            if plan.reducesRuns {
              result[target] = Element.maximumOrNaN(result[target], Self.maximum(run))
            } else {
              let row = UnsafeMutableBufferPointer(rebasing: result[target..<target + plan.runLength])
              for i in run.indices { row[i] = Element.maximumOrNaN(row[i], run[i]) }
            }
          }
        }
      }
    }

    /// The maximum of a run, in eight interleaved partial maxima that do not wait for each other.
    private static func maximum<Element: ArithmeticElement>(_ run: UnsafeBufferPointer<Element>) -> Element {
      var (a, b, c, d) = (Element.lowest, Element.lowest, Element.lowest, Element.lowest)
      var (e, f, g, h) = (Element.lowest, Element.lowest, Element.lowest, Element.lowest)
      let whole = run.count & ~7
      for i in stride(from: 0, to: whole, by: 8) {
        (a, b) = (Element.maximumOrNaN(a, run[i]), Element.maximumOrNaN(b, run[i + 1]))
        (c, d) = (Element.maximumOrNaN(c, run[i + 2]), Element.maximumOrNaN(d, run[i + 3]))
        (e, f) = (Element.maximumOrNaN(e, run[i + 4]), Element.maximumOrNaN(f, run[i + 5]))
        (g, h) = (Element.maximumOrNaN(g, run[i + 6]), Element.maximumOrNaN(h, run[i + 7]))
      }
      for i in whole..<run.count { a = Element.maximumOrNaN(a, run[i]) }
      return [b, c, d, e, f, g, h].reduce(a) { Element.maximumOrNaN($0, $1) }
    }
  }
}
