/// One operation of a graph.
public struct Node: Sendable {
  /// The name that errors and reports use: the model's own, or one made from kind and position.
  public var name: String
  /// What the node computes.
  public var kind: OperatorKind
  /// The values it reads, in the operator's order; nil where an optional input is left out.
  public var inputs: [ValueID?]
  /// The values it writes; nil where an optional output is not wanted.
  public var outputs: [ValueID?]
  /// The operator's attributes by their names in the specification.
  public var attributes: [String: Attribute]

  /// Makes a node.
  public init(
    name: String, kind: OperatorKind, inputs: [ValueID?], outputs: [ValueID?], attributes: [String: Attribute] = [:]
  ) {
    (self.name, self.kind, self.inputs, self.outputs, self.attributes) = (name, kind, inputs, outputs, attributes)
  }
}

extension Node {
  /// The integer attribute `name`, or `fallback` if the node does not have it as an integer.
  public func int(_ name: String, default fallback: Int) -> Int {
    if case .int(let value)? = attributes[name] { value } else { fallback }
  }
  /// The float attribute `name`, or `fallback`.
  public func float(_ name: String, default fallback: Float) -> Float {
    if case .float(let value)? = attributes[name] { value } else { fallback }
  }
  /// The string attribute `name`, or `fallback`.
  public func string(_ name: String, default fallback: String) -> String {
    if case .string(let value)? = attributes[name] { value } else { fallback }
  }
  /// The list of integers `name`, or nil.
  public func ints(_ name: String) -> [Int]? {
    if case .ints(let values)? = attributes[name] { values } else { nil }
  }
}
