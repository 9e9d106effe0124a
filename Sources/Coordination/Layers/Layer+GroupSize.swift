import Graphs

extension [Layer] {
  /// The largest of 128, 64 and 32 that divides the columns of all. Throws if none does.
  func largestGroupSize() throws(CoordinationError) -> Int {
    if let size = [128, 64, 32].first(where: { size in allSatisfy { $0.columns % size == 0 } }) { return size }
    let odd = first { $0.columns % 32 != 0 }!
    throw .layer(
      name: odd.name,
      reason: "groups of 128, 64 or 32 do not divide its \(odd.columns) columns; give a --group-size that does, "
        + "--granularity channel, or leave the layer out (quantize: --keep)")
  }
}
