import Graphs

/// Clip: elements below `min` become `min`, above `max` become `max`; both are optional inputs of one element.
///
/// Where min > max, every element becomes max. NaN stays NaN.
struct ClipKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "input")
    guard input.elementType != .bool else { throw .invalid("bools cannot be clipped") }
    for (index, name) in [(1, "min"), (2, "max")] {
      guard let bound = inputs.optional(index) else { continue }
      guard bound.elementType == input.elementType, bound.shape.reduce(1, *) == 1 else {
        throw .invalid("\(name) is \(bound.elementType) \(bound.shape), not one element of \(input.elementType)")
      }
    }
    return [TensorType(input.elementType, input.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = inputs.required(0)
    return [try input.elementType.visit(Limit(input: input, lower: inputs.optional(1), upper: inputs.optional(2)))]
  }

  private struct Limit: ArithmeticVisitor {
    let input: Tensor
    let lower: Tensor?
    let upper: Tensor?

    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Tensor {
      switch (lower?.first(as: type), upper?.first(as: type)) {
      case (nil, nil): input
      case (let lower?, nil): input.map(AtLeast(bound: lower))
      case (nil, let upper?): input.map(AtMost(bound: upper))
      case (let lower?, let upper?): input.map(Between(lower: AtLeast(bound: lower), upper: AtMost(bound: upper)))
      }
    }
  }

  private struct AtLeast<Element: ArithmeticElement>: UnaryOperation {
    let bound: Element
    @inline(__always) func apply(_ x: Element) -> Element { x < bound ? bound : x }
  }
  private struct AtMost<Element: ArithmeticElement>: UnaryOperation {
    let bound: Element
    @inline(__always) func apply(_ x: Element) -> Element { x > bound ? bound : x }
  }
  private struct Between<Element: ArithmeticElement>: UnaryOperation {
    let lower: AtLeast<Element>
    let upper: AtMost<Element>
    @inline(__always) func apply(_ x: Element) -> Element { upper.apply(lower.apply(x)) }
  }
}

extension Tensor {
  /// The first element, of a tensor that has one.
  func first<Element: TensorElement>(as type: Element.Type) -> Element { withElements(as: type) { $0[0] } }
}
