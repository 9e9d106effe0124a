import Graphs

/// MaxPool: the largest value under a window of one to three dimensions, and on demand its position.
struct MaxPoolKernel: OperatorKernel {
  private let window: Window
  private let kernel: [Int]
  private let wantsIndices: Bool
  private let columnMajor: Bool

  init(_ node: Node) throws(OperatorError) {
    window = try Window(node, maximumRank: 3)
    guard let kernel = window.kernel else { throw .invalid("kernel_shape is missing") }
    self.kernel = kernel
    wantsIndices = node.outputs.count > 1 && node.outputs[1] != nil
    columnMajor = node.int("storage_order", default: 0) != 0
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0, named: "X")
    switch x.elementType {
    case .float16, .bfloat16, .float32, .float64, .int8, .uint8: break
    default: throw .unsupported("input X of type \(x.elementType.rawValue); it must be floating-point, int8 or uint8")
    }
    guard x.shape.count == kernel.count + 2 else {
      throw .invalid("an input of \(x.shape) under a kernel of \(kernel)")
    }
    let shape = x.shape[..<2] + (try window.place(input: Array(x.shape[2...]), kernel: kernel)).output
    return [TensorType(x.elementType, Array(shape))] + (wantsIndices ? [TensorType(.int64, Array(shape))] : [])
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let x = inputs.required(0)
    let place = PoolPlacement(try window.place(input: Array(x.shape[2...]), kernel: kernel))
    let shape = x.shape[..<2] + place.spatialOutput
    return try x.elementType.visit(
      Largest(x: x, place: place, shape: Array(shape), wantsIndices: wantsIndices, columnMajor: columnMajor))
  }

  private struct Largest: ArithmeticVisitor {
    let x: Tensor
    let place: PoolPlacement
    let shape: [Int]
    let wantsIndices: Bool
    let columnMajor: Bool

    func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> [Tensor] {
      if wantsIndices { return indexed(type) }
      let output = Tensor(shape: shape) { (y: UnsafeMutableBufferPointer<Element>) in
        guard !y.isEmpty else { return }
        x.withElements { (x: UnsafeBufferPointer<Element>) in
          place.reduce(x, volumes: shape[0] * shape[1], into: y, initial: .lowest) { $0 < $1 ? $1 : $0 }
        }
      }
      return [output]
    }

    /// Values and flat positions in the whole input, the first of equal values.
    private func indexed<Element: ArithmeticElement>(_ type: Element.Type) -> [Tensor] {
      var (values, indices) = ([Element](), [Int64]())
      values.reserveCapacity(shape.reduce(1, *))
      indices.reserveCapacity(shape.reduce(1, *))
      x.withElements { (x: UnsafeBufferPointer<Element>) in
        for volume in 0..<shape[0] * shape[1] {
          for slice in 0..<place.output[0] {
            for row in 0..<place.output[1] {
              for column in 0..<place.output[2] {
                let (value, position) = largest(in: x, volume: volume, at: (slice, row, column))
                values.append(value)
                indices.append(Int64(position))
              }
            }
          }
        }
      }
      return [Tensor(values, shape: shape), Tensor(indices, shape: shape)]
    }

    /// The largest value under one window and its position, which counts the volume column by column on demand.
    private func largest<Element: ArithmeticElement>(
      in x: UnsafeBufferPointer<Element>, volume: Int, at output: (slice: Int, row: Int, column: Int)
    ) -> (value: Element, position: Int) {
      let (depth, height, width) = (place.input[0], place.input[1], place.input[2])
      let first = volume * depth * height * width
      var best = (value: Element.lowest, position: -1)
      for d in place.taps(0, at: output.slice) {
        for r in place.taps(1, at: output.row) {
          for c in place.taps(2, at: output.column) {
            let value = x[first + (d * height + r) * width + c]
            guard value > best.value || best.position < 0 else { continue }
            // Written so that NaN is never the largest, as without positions.
            best = (
              value > best.value ? value : best.value,
              first + (columnMajor ? (c * height + r) * depth + d : (d * height + r) * width + c)
            )
          }
        }
      }
      return (best.value, max(best.position, 0))
    }
  }
}
