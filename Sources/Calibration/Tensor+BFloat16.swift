import Graphs
import LinearAlgebra

internal import CKernels

extension Tensor {
  /// The elements of a float32 tensor rounded to bfloat16, ties to even; the tensor itself if it has them.
  public var narrowedToBFloat16: Tensor { narrowedToBFloat16(.alone) }

  /// The same in pieces.
  func narrowedToBFloat16(_ workers: Workers) -> Tensor {
    if elementType == .bfloat16 { return self }
    let bits = Tensor(shape: shape, of: UInt16.self) { target in
      widened.withElements { (source: UnsafeBufferPointer<Float>) in
        guard let target = target.baseAddress, let source = source.baseAddress else { return }
        nonisolated(unsafe) let (bits, floats) = (target, source)
        workers.forEachRange(count, size: Pieces.elements) { range in
          kernels_to_bfloat16(bits + range.lowerBound, floats + range.lowerBound, range.count)
        }
      }
    }
    return Tensor(elementType: .bfloat16, shape: shape, storage: bits.storage)
  }

  /// `self` - `other` in float32, rounded to bfloat16; both bfloat16 and of one shape.
  func bfloat16Difference(from other: Tensor, _ workers: Workers) -> Tensor {
    let bits = Tensor(shape: shape, of: UInt16.self) { target in
      withBFloat16 { left in
        other.withBFloat16 { right in
          guard let target = target.baseAddress else { return }
          nonisolated(unsafe) let (bits, left, right) = (target, left, right)
          workers.forEachRange(count, size: Pieces.elements) { range in
            let start = range.lowerBound
            kernels_difference_bfloat16(bits + start, left + start, right + start, range.count)
          }
        }
      }
    }
    return Tensor(elementType: .bfloat16, shape: shape, storage: bits.storage)
  }

  /// Calls `body` with the bits of a bfloat16 tensor that is not empty.
  func withBFloat16<R, E: Error>(_ body: (UnsafePointer<UInt16>) throws(E) -> R) throws(E) -> R {
    precondition(elementType == .bfloat16, "elements are \(elementType), not bfloat16")
    return try withBytes { bytes throws(E) in
      try body(bytes.baseAddress!.assumingMemoryBound(to: UInt16.self))
    }
  }

  /// The bfloat16 matrix with rows of zeros below, up to a multiple of 64 rows: products over rows, of which there are any
  /// number for an expert, so have few different shapes.
  var paddedRows: Tensor {
    let columns = shape.last ?? 1
    let rows = count / max(columns, 1)
    let padded = (rows + 63) / 64 * 64
    if padded == rows { return self }
    let storage = TensorStorage(byteCount: padded * columns * 2) { target in
      withBytes { target.copyMemory(from: $0) }
      UnsafeMutableRawBufferPointer(rebasing: target[(rows * columns * 2)...]).initializeMemory(
        as: UInt8.self, repeating: 0)
    }
    return Tensor(elementType: .bfloat16, shape: [padded, columns], storage: storage)
  }
}
