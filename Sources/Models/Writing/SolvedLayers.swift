/// The layers that a writer writes, by their numbers; fetched when they are needed, so that not all have to be in memory.
public protocol SolvedLayers: Sendable {
  /// Number of layers.
  var count: Int { get }
  /// rows x columns codes of a layer, see `SolvedLayer`. Throws if they cannot be read back.
  func codes(_ index: Int) throws(ModelError) -> [UInt8]
  /// rows x groups scales of a layer.
  func scales(_ index: Int) throws(ModelError) -> [Float]
  /// As many zero points.
  func zeroPoints(_ index: Int) throws(ModelError) -> [UInt8]
  /// The new bias of a layer; nil if it stays.
  func bias(_ index: Int) throws(ModelError) -> [Float]?
}

extension [SolvedLayer]: SolvedLayers {
  /// The codes of layer `index`.
  public func codes(_ index: Int) -> [UInt8] { self[index].codes }
  /// The scales of layer `index`.
  public func scales(_ index: Int) -> [Float] { self[index].scales }
  /// The zero points of layer `index`.
  public func zeroPoints(_ index: Int) -> [UInt8] { self[index].zeroPoints }
  /// The new bias of layer `index`; nil if it stays.
  public func bias(_ index: Int) -> [Float]? { self[index].bias }
}
