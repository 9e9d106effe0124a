internal import Foundation
import Graphs
import Synchronization

/// Tensors of zeros that take addresses but no memory as long as nobody reads them.
///
/// Tensors of one size share their pages. Corresponds to `mmap` with `MAP_ANONYMOUS` and `MAP_NORESERVE`, read-only.
final class ZeroPages: Sendable {
  /// Pages that are given back with the last tensor.
  private final class Mapping: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    init?(byteCount: Int) {
      let base = mmap(
        nil, max(byteCount, 1), PROT_READ, MAP_PRIVATE | Int32(MAP_ANONYMOUS) | Int32(MAP_NORESERVE), -1, 0)
      guard let base, base != MAP_FAILED else { return nil }
      bytes = UnsafeRawBufferPointer(start: base, count: byteCount)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), max(bytes.count, 1)) }
  }

  private let mappings = Mutex<[Int: Mapping]>([:])

  /// A tensor of zeros. Throws where the shape has more bytes than a process can address; `path` is for the error.
  func tensor(_ type: ElementType, shape: [Int], path: String) throws(ModelError) -> Tensor {
    guard let byteCount = checkedByteCount(of: shape, type) else {
      throw .unsupported(path: path, reason: "it asks for a tensor of shape \(shape)")
    }
    let mapping = mappings.withLock { mappings -> Mapping? in
      if let known = mappings[byteCount] { return known }
      guard let made = Mapping(byteCount: byteCount) else { return nil }
      mappings[byteCount] = made
      return made
    }
    guard let mapping else {
      throw .unreadable(path: path, reason: "no addresses for a tensor of \(byteCount) bytes; see ulimit -v")
    }
    return Tensor(
      elementType: type, shape: shape, storage: TensorStorage(borrowing: mapping.bytes, owner: mapping))
  }

  /// The bytes of a tensor; nil from 64 TiB on.
  private func checkedByteCount(of shape: [Int], _ type: ElementType) -> Int? {
    var count = type.byteCount
    for dimension in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow, (0...1 << 46).contains(product) else { return nil }
      count = product
    }
    return count
  }
}
