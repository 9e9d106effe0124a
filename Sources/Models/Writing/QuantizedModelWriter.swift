/// Writes one model whose layers were quantized, in the format that it was read in.
///
/// It is made before any work is done, and checks then that it will be able to write.
public protocol QuantizedModelWriter: Sendable {
  /// How codes are stored, in a few words.
  var summary: String { get }
  /// Writes `layers`, those that were announced and in that order: complete, or not at all. They are
  /// fetched one by one.
  func write(_ layers: any SolvedLayers) throws(ModelError)
  /// Bytes of codes, scales and zero points of a layer as stored.
  func storedByteCount(_ form: SolvedLayer.Form) -> Int
}
