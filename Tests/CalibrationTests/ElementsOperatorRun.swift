import Graphs
import Testing

@testable import Calibration

/// Runs one operator on constant inputs and checks that what it returns has the types that it announced.
func runOperator(
  _ kind: OperatorKind, _ inputs: [Tensor?], _ attributes: [String: Attribute] = [:], outputs: Int = 1
) throws -> [Tensor] {
  let node = Node(
    name: "node", kind: kind, inputs: inputs.indices.map { inputs[$0] == nil ? nil : $0 },
    outputs: (0..<outputs).map { inputs.count + $0 }, attributes: attributes)
  let kernel = try OperatorLibrary.kernel(for: node)
  let facts = inputs.map { $0.map { InputFacts(elementType: $0.elementType, shape: $0.shape, constant: $0) } }
  let types = try kernel.infer(facts)
  let results = try kernel.run(inputs)
  #expect(results.map { TensorType($0.elementType, $0.shape) } == types)
  return results
}

/// The elements of the only output of an operator.
func values<Element: TensorElement>(
  _ kind: OperatorKind, _ inputs: [Tensor?], _ attributes: [String: Attribute] = [:], as: Element.Type = Element.self
) throws -> [Element] {
  try runOperator(kind, inputs, attributes)[0].array(of: Element.self)
}

/// A float32 tensor that counts up from 0.
func counting(_ shape: [Int]) -> Tensor {
  Tensor((0..<shape.reduce(1, *)).map { Float($0) }, shape: shape)
}

/// A list of int64, as shapes, axes and indices are given.
func list(_ elements: Int64...) -> Tensor { Tensor(elements, shape: [elements.count]) }
