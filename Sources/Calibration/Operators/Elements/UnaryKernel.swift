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
    switch operation {
    case .neg: return [try input.elementType.visit(Negate(input: input))]
    case .abs: return [try input.elementType.visit(Absolute(input: input))]
    case .reciprocal:
      return [
        input.elementType == .float64
          ? input.mapElements { (x: Double) in 1 / x } : input.mapElements { (x: Float) in 1 / x }
      ]
    case .floor:
      return [
        input.elementType == .float64
          ? input.mapElements { (x: Double) in x.rounded(.down) }
          : input.mapElements { (x: Float) in x.rounded(.down) }
      ]
    }
  }

  private struct Negate: ArithmeticVisitor {
    let input: Tensor
    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Tensor {
      // -0.0 - x, not 0 - x, would be needed for signed zeros of floats; a product with -1 gives them too.
      input.mapElements { (x: Element) in Element.product(x, Element(count: -1)) }
    }
  }

  private struct Absolute: ArithmeticVisitor {
    let input: Tensor
    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Tensor {
      input.mapElements { (x: Element) in Element.magnitude(x) }
    }
  }
}

extension Tensor {
  /// `operation` on every element; inlined so that the loop is compiled for the concrete operation.
  @inline(__always)
  func mapElements<Element: TensorElement, R: TensorElement>(_ operation: (Element) -> R) -> Tensor {
    Tensor(shape: shape, of: R.self) { result in
      withElements(as: Element.self) { elements in
        for i in elements.indices { result[i] = operation(elements[i]) }
      }
    }
  }
}
