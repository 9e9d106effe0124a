import Graphs

/// A copy of elements whose source index along each dimension is looked up in a table: Pad, Resize to the nearest.
///
/// `nil` in a table stands for an element that is not in the source and becomes the fill value.
struct IndexedCopy {
  /// For each dimension of the result, the source index of each of its indices.
  let tables: [[Int?]]

  /// The elements of `source` that the tables name; elements that are not in it have the bytes of `fill`, a tensor
  /// of the same type whose first element is taken, or are 0.
  func apply(to source: Tensor, fill: Tensor? = nil) -> Tensor {
    precondition(tables.count == source.rank, "\(tables.count) tables for a tensor of shape \(source.shape)")
    let shape = tables.map(\.count)
    let width = source.elementType.byteCount
    let storage = TensorStorage(byteCount: shape.reduce(1, *) * width) { result in
      if result.isEmpty { return }
      switch width {
      case 1: copy(source, to: result, fill, as: UInt8.self)
      case 2: copy(source, to: result, fill, as: UInt16.self)
      case 4: copy(source, to: result, fill, as: UInt32.self)
      default: copy(source, to: result, fill, as: UInt64.self)
      }
    }
    return Tensor(elementType: source.elementType, shape: shape, storage: storage)
  }

  private func copy<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ source: Tensor, to result: UnsafeMutableRawBufferPointer, _ fill: Tensor?, as: Bits.Type
  ) {
    let result = result.bindMemory(to: Bits.self)
    let filler = fill.map { $0.withBytes { $0.assumingMemoryBound(to: Bits.self)[0] } } ?? 0
    source.withBytes { bytes in
      let elements = bytes.assumingMemoryBound(to: Bits.self)
      if tables.isEmpty {
        result[0] = elements[0]
        return
      }
      let steps = StridedCopy.contiguousSteps(of: source.shape)
      // -1 marks what is not in the source: offsets themselves are never negative.
      let offsets = zip(tables, steps).map { table, step in table.map { $0.map { $0 * step } ?? -1 } }
      let inner = offsets[offsets.count - 1]
      let (prefix, middle) = Self.contiguousPart(of: inner)
      var indices = [Int](repeating: 0, count: offsets.count - 1)
      var previous: Int?
      for start in stride(from: 0, to: result.count, by: inner.count) {
        let row = UnsafeMutableBufferPointer(rebasing: result[start..<start + inner.count])
        var offset = 0
        for (table, index) in zip(offsets, indices) where offset >= 0 {
          offset = table[index] < 0 ? -1 : offset + table[index]
        }
        if offset == previous {
          // Enlarging repeats whole rows.
          _ = row.update(fromContentsOf: result[start - inner.count..<start])
        } else if offset < 0 {
          row.update(repeating: filler)
        } else {
          for i in 0..<prefix { row[i] = inner[i] < 0 ? filler : elements[offset + inner[i]] }
          if !middle.isEmpty {
            let first = offset + inner[prefix]
            _ = UnsafeMutableBufferPointer(rebasing: row[middle]).update(
              fromContentsOf: elements[first..<first + middle.count])
          }
          for i in middle.upperBound..<inner.count { row[i] = inner[i] < 0 ? filler : elements[offset + inner[i]] }
        }
        previous = offset
        for level in indices.indices.reversed() {
          indices[level] += 1
          if indices[level] < offsets[level].count { break }
          indices[level] = 0
        }
      }
    }
  }

  /// The longest part of `table` that counts up by ones, which is copied as a whole, and where it begins; an empty
  /// part at the end if none is worth it.
  private static func contiguousPart(of table: [Int]) -> (start: Int, part: Range<Int>) {
    var best = table.count..<table.count
    var start = 0
    for index in table.indices {
      if index > start, table[index] != table[index - 1] + 1 || table[index - 1] < 0 { start = index }
      if table[index] >= 0, index + 1 - start > best.count { best = start..<index + 1 }
    }
    return best.count < 4 ? (table.count, table.count..<table.count) : (best.lowerBound, best)
  }
}
