import ArgumentParser

/// A matrix and its groups, written `4096x4096/128`; without a group size, a scale per row.
struct Shape: ExpressibleByArgument, Codable, CustomStringConvertible {
  let rows: Int
  let columns: Int
  /// Columns that share a scale; nil for all of a row.
  let groupSize: Int?

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    let sides = parts[0].split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard parts.count <= 2, sides.count == 2, sides.allSatisfy({ $0 > 0 && $0 <= 1 << 20 }) else { return nil }
    (rows, columns) = (sides[0], sides[1])
    groupSize = parts.count == 2 ? Int(parts[1]) ?? 0 : nil
    guard groupSize ?? 1 > 0 else { return nil }
  }

  var description: String { "\(rows) x \(columns), " + (groupSize.map { "groups of \($0)" } ?? "per channel") }

  /// R C^2, the operations of a row solve.
  var operations: Double { Double(rows) * Double(columns) * Double(columns) }
}
