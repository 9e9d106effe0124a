internal import CDNNL

extension GEMM {
  /// Whether this CPU multiplies bfloat16 in hardware, about twice as fast as float32 (AVX512_BF16, AMX).
  public static var hasFastBFloat16: Bool {
    #if arch(x86_64)
      let isa = dnnl_get_effective_cpu_isa().rawValue
      return isa != 0 && isa & dnnl_cpu_isa_avx512_core_bf16.rawValue == dnnl_cpu_isa_avx512_core_bf16.rawValue
    #else
      return false
    #endif
  }

  /// Computes C = op(A) op(B) of bfloat16 matrices (their bits), where op transposes or leaves alone; sums are float32.
  ///
  /// op(A) is rows x depth, op(B) depth x columns, C rows x columns and float32; a stride is the distance of two rows of
  /// the matrix as it is stored. Products of two bfloat16 are exact in float32. The result depends on the values alone.
  /// 2 * rows * columns * depth operations. Throws if oneDNN has no such product on this CPU (`hasFastBFloat16`).
  public static func multiply(
    rows: Int, columns: Int, depth: Int,
    _ a: UnsafePointer<UInt16>, stride aStride: Int, transposed aTransposed: Bool = false,
    _ b: UnsafePointer<UInt16>, stride bStride: Int, transposed bTransposed: Bool = false,
    into c: UnsafeMutablePointer<Float>, stride cStride: Int
  ) throws(DNNError) {
    precondition(rows >= 0 && columns >= 0 && depth >= 0, "a product of \(rows) x \(depth) x \(columns)")
    precondition(aStride >= (aTransposed ? rows : depth), "rows of A overlap: \(aStride)")
    precondition(bStride >= (bTransposed ? depth : columns), "rows of B overlap: \(bStride)")
    precondition(cStride >= columns, "rows of C overlap: \(cStride)")
    if rows == 0 || columns == 0 { return }
    if depth == 0 {
      for row in 0..<rows { (c + row * cStride).update(repeating: 0, count: columns) }
      return
    }
    // A plan costs as much as a small product: a number of rows that may not come again is cut into ones that do.
    var first = 0
    while first < rows {
      let left = rows - first
      let count = rows % Self.evenRows == 0 || left == 1 ? left : 1 << (left.bitWidth - 1 - left.leadingZeroBitCount)
      let shape = DNNProduct.Shape(
        rows: count, columns: columns, depth: depth, aStride: aStride, aTransposed: aTransposed, bStride: bStride,
        bTransposed: bTransposed, cStride: cStride)
      try DNNProduct.planned(shape).run(a + first * (aTransposed ? 1 : aStride), b, into: c + first * cStride)
      first += count
    }
  }

  /// Multiples of this are multiplied at once.
  private static let evenRows = 64
}
