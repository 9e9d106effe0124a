/// What samples are used for.
enum SamplePart: Sendable, CaseIterable {
  /// Hessians that layers are quantized with.
  case calibration
  /// Losses on samples that no layer was quantized with.
  case heldOut

  /// Cuts `count` samples, in batches of `batch`: the last `share` of them is held out.
  ///
  /// Each part gets at least one batch if `share` is above zero; nil if there are too few samples for that.
  static func split(count: Int, share: Double, batch: Int) -> (calibration: Range<Int>, heldOut: Range<Int>)? {
    let batches = count / max(batch, 1)
    guard share > 0 else { return batches > 0 ? (0..<count, count..<count) : nil }
    guard batches >= 2 else { return nil }
    let held = min(max(1, Int((Double(batches) * share).rounded())), batches - 1) * batch
    return (0..<count - held, count - held..<count)
  }
}
