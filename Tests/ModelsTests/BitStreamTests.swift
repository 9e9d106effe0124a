import Testing

@testable import Models

@Suite struct BitStreamTests {
  @Test(
    "codes are packed as written down by hand, the first in the lowest bits, straddling words",
    arguments: [
      // 0, 1, 2, 3 in two bits each are 0b11100100.
      (2, Array(repeating: [0, 1, 2, 3] as [UInt8], count: 4).flatMap { $0 } + [3], [0xE4E4_E4E4, 0x3]),
      // 0 to 7 in three bits each are 0o76543210 = 0xFAC688; the eleventh code has bits 30 to 32.
      (3, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7], [0x88FA_C688, 0x0000_FAC6]),
      (4, [0, 1, 2, 3, 4, 5, 6, 7, 15], [0x7654_3210, 0xF]),
      (8, [1, 2, 3, 255, 128], [0xFF03_0201, 0x80]),
    ] as [(Int, [UInt8], [UInt32])])
  func byHand(bits: Int, codes: [UInt8], words: [UInt32]) {
    #expect(BitStream.packed(codes, rows: 1, columns: codes.count, bits: bits) == words)
    #expect(BitStream.unpacked(words, rows: 1, columns: codes.count, bits: bits) == codes)
  }

  @Test("a stream is the number whose digits are the codes", arguments: [2, 3, 4, 5, 6, 7, 8])
  func number(bits: Int) {
    // Nine codes fill at most 72 bits: a number of 128.
    let codes: [UInt8] = (0..<9).map { UInt8(($0 * 37 + 11) % (1 << bits)) }
    var number: UInt128 = 0
    for code in codes.reversed() { number = number << UInt128(bits) | UInt128(code) }
    let words: [UInt32] = (0..<(9 * bits + 31) / 32).map { UInt32(truncatingIfNeeded: number >> UInt128(32 * $0)) }
    #expect(BitStream.packed(codes, rows: 1, columns: 9, bits: bits) == words)
  }

  @Test("every row starts a word, and unpacking gives back what was packed", arguments: [2, 3, 4, 5, 6, 7, 8])
  func roundTrip(bits: Int) {
    for (rows, columns) in [(1, 1), (3, 5), (5, 32), (2, 33), (7, 64), (4, 0)] {
      let codes: [UInt8] = (0..<rows * columns).map { UInt8(($0 * 101 + $0 / 3) % (1 << bits)) }
      let words = BitStream.packed(codes, rows: rows, columns: columns, bits: bits)
      #expect(words.count == rows * ((columns * bits + 31) / 32))
      #expect(BitStream.unpacked(words, rows: rows, columns: columns, bits: bits) == codes)
      let width = words.count / rows
      for row in 0..<rows {
        let own: [UInt8] = Array(codes[row * columns..<(row + 1) * columns])
        let expected: [UInt32] = Array(words[row * width..<(row + 1) * width])
        #expect(BitStream.packed(own, rows: 1, columns: columns, bits: bits) == expected)
      }
    }
  }

  @Test("a transpose has its columns as rows, whatever the tiles")
  func transpose() {
    #expect(BitStream.transposed([1, 2, 3, 4, 5, 6], rows: 2, columns: 3) == [1, 4, 2, 5, 3, 6])
    let matrix = Array(0..<70 * 45)
    let result = BitStream.transposed(matrix, rows: 70, columns: 45)
    for row in 0..<70 { for column in 0..<45 { #expect(result[column * 70 + row] == matrix[row * 45 + column]) } }
  }
}
