import Graphs

/// Equal, Less, Greater: element by element, with broadcasting, to bool. Equal also compares bools.
struct ComparisonKernel: OperatorKernel {
  /// Which of the operators.
  enum Operation {
    case equal, less, greater
  }

  private let operation: Operation

  init(_ node: Node) throws(OperatorError) {
    operation =
      switch node.kind {
      case .equal: .equal
      case .less: .less
      case .greater: .greater
      default: throw .unsupported("\(node.kind.rawValue) as a comparison")
      }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try inputs.required(0, named: "A"), try inputs.required(1, named: "B"))
    guard a.elementType == b.elementType else {
      throw .invalid("the operands are \(a.elementType) and \(b.elementType); they must have one type")
    }
    guard a.elementType != .bool || operation == .equal else { throw .invalid("bools have no order") }
    return [TensorType(.bool, try BroadcastPlan.shape(of: [a.shape, b.shape]))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (a, b) = (inputs.required(0).bytesIfBool, inputs.required(1).bytesIfBool)
    let plan = try BroadcastPlan([a.shape, b.shape])
    return [try a.elementType.visit(Pair(operation: operation, plan: plan, a: a, b: b))]
  }

  private struct Pair: ArithmeticVisitor {
    let operation: Operation
    let plan: BroadcastPlan
    let a: Tensor
    let b: Tensor

    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Tensor {
      switch operation {
      case .equal: plan.combine(a, b, Equality<Element>())
      case .less: plan.combine(a, b, Less<Element>())
      case .greater: plan.combine(a, b, Greater<Element>())
      }
    }
  }

  private struct Equality<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Bool { a == b }
  }
  private struct Less<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Bool { a < b }
  }
  private struct Greater<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Bool { a > b }
  }
}

extension Tensor {
  /// A bool tensor as the bytes 0 and 1 that it is stored as; any other tensor itself. Shares the memory.
  var bytesIfBool: Tensor {
    elementType == .bool ? Tensor(elementType: .uint8, shape: shape, storage: storage) : self
  }
}
