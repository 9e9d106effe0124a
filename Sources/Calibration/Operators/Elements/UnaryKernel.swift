import Graphs

/// Neg, Abs, Reciprocal, Floor: element by element. Neg needs a sign; Reciprocal and Floor floating-point numbers.
struct UnaryKernel: OperatorKernel {
  /// Which of the operators.
  enum Operation {
    case neg, abs, reciprocal, floor
  }

  private let operation: Operation

  init(_ node: Node) throws(OperatorError) {
    operation =
      switch node.kind {
      case .neg: .neg
      case .abs: .abs
      case .reciprocal: .reciprocal
      case .floor: .floor
      default: throw .unsupported("\(node.kind.rawValue) of one operand")
      }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "X")
    let fits =
      switch operation {
      case .abs: input.elementType != .bool
      case .neg: input.elementType != .bool && !input.elementType.isUnsigned
      case .reciprocal, .floor: input.elementType.isFloatingPoint
      }
    guard fits else { throw .invalid("the operator is not defined on \(input.elementType)") }
    return [TensorType(input.elementType, input.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = inputs.required(0)
    let isDouble = input.elementType == .float64
    return switch operation {
    case .neg: [try input.elementType.visit(Negate(input: input))]
    case .abs: [try input.elementType.visit(Absolute(input: input))]
    case .reciprocal: [isDouble ? input.map(Reciprocal<Double>()) : input.map(Reciprocal<Float>())]
    case .floor: [isDouble ? input.map(Floor<Double>()) : input.map(Floor<Float>())]
    }
  }

  private struct Negate: ArithmeticVisitor {
    let input: Tensor
    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Tensor {
      input.map(Negation<Element>())
    }
  }
  private struct Absolute: ArithmeticVisitor {
    let input: Tensor
    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Tensor {
      input.map(Magnitude<Element>())
    }
  }

  private struct Negation<Element: ArithmeticElement>: UnaryOperation {
    // 0 - x would not change the sign of zero; a product with -1 does.
    @inline(__always) func apply(_ x: Element) -> Element { Element.product(x, Element(count: -1)) }
  }
  private struct Magnitude<Element: ArithmeticElement>: UnaryOperation {
    @inline(__always) func apply(_ x: Element) -> Element { Element.magnitude(x) }
  }
  private struct Reciprocal<Element: BinaryFloatingPoint & TensorElement>: UnaryOperation {
    @inline(__always) func apply(_ x: Element) -> Element { 1 / x }
  }
  private struct Floor<Element: BinaryFloatingPoint & TensorElement>: UnaryOperation {
    @inline(__always) func apply(_ x: Element) -> Element { x.rounded(.down) }
  }
}
