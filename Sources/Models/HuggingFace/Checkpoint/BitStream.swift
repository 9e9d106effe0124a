/// Codes of 2 to 8 bits as a dense stream of bits in 32-bit words.
///
/// Code i takes the bits i * b ..< (i + 1) * b, the lowest first, bit n being bit n % 32 of word n / 32; with 3, 5, 6 and 7
/// bits codes straddle words. This is how `pack-quantized` and GPTQ store codes, along one axis or the other.
package enum BitStream {
  /// Words of a stream of `count` codes; the bits behind the last code are 0.
  package static func wordCount(_ count: Int, bits: Int) -> Int { (count * bits + 31) / 32 }

  /// A stream for each row: rows x `wordCount(columns)` words from rows x columns codes.
  package static func packed(_ codes: [UInt8], rows: Int, columns: Int, bits: Int) -> [UInt32] {
    precondition(codes.count == rows * columns, "\(codes.count) codes are not \(rows) x \(columns)")
    let width = wordCount(columns, bits: bits)
    return codes.withUnsafeBufferPointer { codes in
      [UInt32](unsafeUninitializedCapacity: rows * width) { words, count in
        for row in 0..<rows {
          var (pending, filled, next) = (UInt64(0), 0, row * width)
          for column in row * columns..<(row + 1) * columns {
            pending |= UInt64(codes[column]) << UInt64(filled)
            filled += bits
            if filled >= 32 {
              words[next] = UInt32(truncatingIfNeeded: pending)
              (pending, filled, next) = (pending >> 32, filled - 32, next + 1)
            }
          }
          if filled > 0 { words[next] = UInt32(truncatingIfNeeded: pending) }
        }
        count = rows * width
      }
    }
  }

  /// The codes of rows x `wordCount(columns)` words, one stream for each row.
  package static func unpacked(_ words: [UInt32], rows: Int, columns: Int, bits: Int) -> [UInt8] {
    let width = wordCount(columns, bits: bits)
    precondition(words.count == rows * width, "\(words.count) words are not \(rows) x \(width)")
    let mask = UInt64(1) << UInt64(bits) - 1
    return words.withUnsafeBufferPointer { words in
      [UInt8](unsafeUninitializedCapacity: rows * columns) { codes, count in
        for row in 0..<rows {
          var (pending, filled, next) = (UInt64(0), 0, row * width)
          for column in row * columns..<(row + 1) * columns {
            if filled < bits {
              pending |= UInt64(words[next]) << UInt64(filled)
              (filled, next) = (filled + 32, next + 1)
            }
            codes[column] = UInt8(truncatingIfNeeded: pending & mask)
            (pending, filled) = (pending >> UInt64(bits), filled - bits)
          }
        }
        count = rows * columns
      }
    }
  }

  /// The transpose of a rows x columns matrix: columns x rows, in tiles that stay in the cache.
  static func transposed<Element: BitwiseCopyable>(_ matrix: [Element], rows: Int, columns: Int) -> [Element] {
    precondition(matrix.count == rows * columns, "\(matrix.count) elements are not \(rows) x \(columns)")
    return matrix.withUnsafeBufferPointer { matrix in
      [Element](unsafeUninitializedCapacity: rows * columns) { result, count in
        for firstRow in stride(from: 0, to: rows, by: 32) {
          for firstColumn in stride(from: 0, to: columns, by: 32) {
            for row in firstRow..<min(firstRow + 32, rows) {
              for column in firstColumn..<min(firstColumn + 32, columns) {
                result[column * rows + row] = matrix[row * columns + column]
              }
            }
          }
        }
        count = rows * columns
      }
    }
  }
}
