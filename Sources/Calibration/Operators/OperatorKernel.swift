import Graphs
import LinearAlgebra

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
/// changes (caches take a lock). A kernel never starts threads: the caller runs chunks in parallel, and hands it the workers
/// whose threads may take pieces of what it does (`PiecewiseKernel`).
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

  /// The same, with the help of `workers`.
  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor]

  /// Into how many pieces the work on inputs of these types is cut, about.
  func pieceCount(_ inputs: [TensorType?]) -> Int
}

extension OperatorKernel {
  func pieceCount(_ inputs: [TensorType?]) -> Int { 1 }

  /// A kernel without pieces runs on the calling thread.
  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] { try run(inputs) }
}

/// An operator whose work is cut into pieces that several threads may take.
///
/// Number and size of the pieces follow from the shapes of the inputs alone, and each is computed by one thread with library calls of
/// its own, so the result does not depend on the threads. They are so large that one thread loses nothing by them.
protocol PiecewiseKernel: OperatorKernel {
  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor]
}

extension PiecewiseKernel {
  /// Passes over elements are cut by their number.
  func pieceCount(_ inputs: [TensorType?]) -> Int {
    let count = inputs.reduce(1) { max($0, $1?.shape.reduce(1, *) ?? 0) }
    return max(1, count / Pieces.elements)
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] { try run(inputs, .alone) }
}
