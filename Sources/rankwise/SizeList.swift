import ArgumentParser
import Foundation

/// Byte counts on the command line: `32MiB`, a list such as `64KiB,1MiB`, or a range such as `64KiB..64MiB`.
struct SizeList: ExpressibleByArgument {
  /// What was written between the commas; of a range both ends.
  enum Part: Equatable {
    case one(Int)
    case range(Int, Int)
  }

  let parts: [Part]

  init?(argument: String) {
    var parts: [Part] = []
    for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = word.components(separatedBy: "..")
      let sizes = ends.compactMap { Self.bytes($0) }
      guard sizes.count == ends.count, (1...2).contains(sizes.count), sizes[0] <= sizes[sizes.count - 1] else {
        return nil
      }
      parts.append(sizes.count == 1 ? .one(sizes[0]) : .range(sizes[0], sizes[1]))
    }
    self.parts = parts
  }

  /// The sizes; in a range each is `factor` times the one before.
  func sizes(factor: Int) -> [Int] {
    parts.flatMap { part in
      switch part {
      case .one(let size): return [size]
      case .range(let first, let last):
        return Array(sequence(first: first) { $0 <= last / factor ? $0 * factor : nil })
      }
    }
  }

  /// The bytes that `text` names: a whole number above 0 and B, KiB, MiB or GiB, or nothing for bytes; at most `most`.
  static func bytes(_ text: String, most: Int = 64 << 30) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let units = ["": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]
    guard let number = Int(digits), number > 0, let unit = units[String(text.dropFirst(digits.count))] else {
      return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow || bytes > most ? nil : bytes
  }

  /// The bytes that the option `name` was given, up to 1024 TiB; nil if it was not. Throws what is wrong with it.
  static func optionalBytes(_ text: String?, _ name: String) throws -> Int? {
    try text.map { text in
      guard let bytes = Self.bytes(text, most: 1 << 50) else {
        throw ValidationError("\(name) is \"\(text)\"; it must be a size such as 512MiB or 8GiB")
      }
      return bytes
    }
  }
}
