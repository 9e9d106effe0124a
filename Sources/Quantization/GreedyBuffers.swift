internal import CKernels

/// The working memory of exact OBQ in one call of a solver: the inverse Hessian that all rows start from, and the one of
/// the row at work, C^2 / 2 floats each (C columns).
final class GreedyBuffers {
  /// What `make_inverse` wrote.
  let shared: UnsafeMutablePointer<Float>
  /// The inverse Hessian of a row.
  let inverse: UnsafeMutablePointer<Float>
  /// Vectors of a row, and the downdates that wait.
  let scratch: UnsafeMutablePointer<Float>
  /// Downdates that are applied to an inverse at once.
  let block: Int

  /// Computes the inverse that all rows start from: C^3 / 6 multiplications.
  init(_ problem: KernelProblem, columns: Int, block: Int, kernels: RowKernels) {
    precondition(block > 0, "\(block) downdates at once")
    self.block = block
    shared = Self.allocate(kernels_obq_inverse(Int64(columns)))
    inverse = Self.allocate(kernels_obq_inverse(Int64(columns)))
    scratch = Self.allocate(kernels_obq_scratch(Int64(columns), Int64(block)))
    problem.withPointer { kernels.make_inverse($0, Int64(block), shared, scratch) }
  }

  deinit {
    for pointer in [shared, inverse, scratch] { UnsafeMutableRawPointer(pointer).deallocate() }
  }

  /// Memory on a cache line, so that no vector straddles two.
  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Float>.stride, alignment: 64)
      .bindMemory(to: Float.self, capacity: count)
  }
}
