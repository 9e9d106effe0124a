import Graphs

/// What is known of an operator's input before anything is computed.
public struct InputFacts: Sendable {
  /// The type of the elements.
  public var elementType: ElementType
  /// The shape, all dimensions known.
  public var shape: [Int]
  /// The value itself where it does not depend on data: weights, shape arithmetic.
  public var constant: Tensor?

  /// Makes facts.
  public init(elementType: ElementType, shape: [Int], constant: Tensor? = nil) {
    (self.elementType, self.shape, self.constant) = (elementType, shape, constant)
  }
}

/// Element type and shape of a tensor.
public struct TensorType: Sendable, Hashable {
  /// The type of the elements.
  public var elementType: ElementType
  /// The length of each dimension.
  public var shape: [Int]

  /// Makes a type.
  public init(_ elementType: ElementType, _ shape: [Int]) { (self.elementType, self.shape) = (elementType, shape) }
}

/// One operator of ONNX operator set 21: its shape rule and its arithmetic, side by side.
///
/// A kernel is made once per node and is then called from many threads at once, so it holds no state that a call
/// changes (caches take a lock). A kernel never starts threads: the caller runs chunks in parallel.
/// Its result depends on its inputs alone, bit for bit: never on the thread, the time, or the address of memory.
protocol OperatorKernel: Sendable {
  /// Reads and checks the node's attributes.
  init(_ node: Node) throws(OperatorError)

  /// The types of the outputs for inputs of these types. Throws if the inputs do not fit the operator.
  ///
  /// Where a shape depends on an input's value (Reshape), that input's `constant` must be there.
  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType]

  /// Computes the outputs; `inputs` has passed `infer`. One tensor per output that the operator defines.
  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor]
}
