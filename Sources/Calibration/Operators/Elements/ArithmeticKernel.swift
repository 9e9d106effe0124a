import Graphs
import LinearAlgebra

/// Add, Sub, Mul, Div, Min, Max: element by element, with broadcasting. Min and Max take any number of inputs.
struct ArithmeticKernel: PiecewiseKernel {
  /// Which of the operators.
  enum Operation {
    case add, sub, mul, div, min, max
  }

  private let operation: Operation

  init(_ node: Node) throws(OperatorError) {
    operation =
      switch node.kind {
      case .add: .add
      case .sub: .sub
      case .mul: .mul
      case .div: .div
      case .min: .min
      case .max: .max
      default: throw .unsupported("\(node.kind.rawValue) as arithmetic")
      }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let isVariadic = operation == .min || operation == .max
    guard isVariadic ? !inputs.isEmpty : inputs.count == 2 else { throw .invalid("\(inputs.count) inputs") }
    var operands: [InputFacts] = []
    for index in inputs.indices { operands.append(try inputs.required(index, named: "operand")) }
    let type = operands[0].elementType
    for operand in operands where operand.elementType != type {
      throw .invalid("the operands are \(type) and \(operand.elementType); they must have one type")
    }
    guard type != .bool else { throw .invalid("the operands are bool, not numbers") }
    return [TensorType(type, try BroadcastPlan.shape(of: operands.map(\.shape)))]
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    var result = inputs.required(0)
    for index in inputs.indices.dropFirst() {
      let operand = inputs.required(index)
      let plan = try BroadcastPlan([result.shape, operand.shape])
      result = try result.elementType.visit(
        Pair(operation: operation, plan: plan, a: result, b: operand, workers: workers))
    }
    return [result]
  }

  private struct Pair: ArithmeticVisitor {
    let operation: Operation
    let plan: BroadcastPlan
    let a: Tensor
    let b: Tensor
    let workers: Workers

    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Tensor {
      switch operation {
      case .add: plan.combine(a, b, Addition<Element>(), workers)
      case .sub: plan.combine(a, b, Subtraction<Element>(), workers)
      case .mul: plan.combine(a, b, Multiplication<Element>(), workers)
      case .div: plan.combine(a, b, Division<Element>(), workers)
      case .min: plan.combine(a, b, Minimum<Element>(), workers)
      case .max: plan.combine(a, b, Maximum<Element>(), workers)
      }
    }
  }

  private struct Addition<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Element { Element.sum(a, b) }
  }
  private struct Subtraction<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Element { Element.difference(a, b) }
  }
  private struct Multiplication<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Element { Element.product(a, b) }
  }
  private struct Division<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Element { Element.quotient(a, b) }
  }
  private struct Minimum<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Element { Element.minimumOrNaN(a, b) }
  }
  private struct Maximum<Element: ArithmeticElement>: BinaryOperation {
    @inline(__always) func apply(_ a: Element, _ b: Element) -> Element { Element.maximumOrNaN(a, b) }
  }
}
