import Synchronization

internal import CDNNL

/// A product of two bfloat16 matrices of one shape, with float32 sums: planned once, run by any number of threads.
final class DNNProduct: Sendable {
  /// Sizes and strides, as in `GEMM.multiply`.
  struct Shape: Hashable, Sendable {
    var rows, columns, depth: Int
    var aStride: Int
    var aTransposed: Bool
    var bStride: Int
    var bTransposed: Bool
    var cStride: Int
  }

  private let primitive: DNNPrimitive
  private let (a, b, c): (DNNLayout, DNNLayout, DNNLayout)

  private init(_ shape: Shape) throws(DNNError) {
    a = try DNNLayout(
      [shape.rows, shape.depth], dnnl_bf16, strides: shape.aTransposed ? [1, shape.aStride] : [shape.aStride, 1])
    b = try DNNLayout(
      [shape.depth, shape.columns], dnnl_bf16, strides: shape.bTransposed ? [1, shape.bStride] : [shape.bStride, 1])
    c = try DNNLayout([shape.rows, shape.columns], dnnl_f32, strides: [shape.cStride, 1])
    var operation = dnnl_matmul_desc_t()
    let (source, weights, destination) = (a.descriptor, b.descriptor, c.descriptor)
    let status = withUnsafePointer(to: source) { source in
      withUnsafePointer(to: weights) { weights in
        withUnsafePointer(to: destination) { dnnl_matmul_desc_init(&operation, source, weights, nil, $0) }
      }
    }
    try checkDNN("dnnl_matmul_desc_init", status)
    primitive = try DNNPrimitive("matmul", operation)
  }

  /// Shapes whose plans are kept: those of a model's layers, several times over.
  private static let limit = 512
  private static let plans = Mutex<[Shape: DNNProduct]>([:])

  /// The plan for `shape`, made at the first call.
  static func planned(_ shape: Shape) throws(DNNError) -> DNNProduct {
    if let plan = plans.withLock({ $0[shape] }) { return plan }
    let plan = try DNNProduct(shape)
    plans.withLock { plans in
      if plans.count >= limit { plans.removeAll() }
      plans[shape] = plan
    }
    return plan
  }

  /// Computes on the calling thread.
  func run(
    _ left: UnsafePointer<UInt16>, _ right: UnsafePointer<UInt16>, into product: UnsafeMutablePointer<Float>
  ) throws(DNNError) {
    let source = try DNNMemory(a, left)
    let weights = try DNNMemory(b, right)
    let destination = try DNNMemory(c, product)
    try primitive.execute([
      dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: source.handle),
      dnnl_exec_arg_t(arg: DNNL_ARG_WEIGHTS, memory: weights.handle),
      dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: destination.handle),
    ])
  }
}
