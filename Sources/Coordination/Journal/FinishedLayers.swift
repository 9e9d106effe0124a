import Models

/// Finished layers as a writer reads them, one by one.
struct FinishedLayers: SolvedLayers {
  /// Where a layer is.
  enum Place: Sendable {
    case memory(StoredLayer)
    case journal(LayerFile, JournalEntry.Layer)
  }

  let layers: [PlannedLayer]
  let places: [Place]

  var count: Int { layers.count }

  func codes(_ index: Int) throws(ModelError) -> [UInt8] {
    switch places[index] {
    case .memory(let layer): StoredLayer.codes(layer.words, layers[index])
    case .journal(let file, let layer):
      StoredLayer.codes(
        StoredLayer.words(try Self.reading { () throws(CoordinationError) in try file.codes(layer) }), layers[index])
    }
  }

  func scales(_ index: Int) throws(ModelError) -> [Float] { try values(index).scales }

  func zeroPoints(_ index: Int) throws(ModelError) -> [UInt8] { try values(index).zeroPoints }

  func bias(_ index: Int) throws(ModelError) -> [Float]? {
    let bias = try values(index).bias
    return bias.isEmpty ? nil : bias
  }

  private func values(
    _ index: Int
  ) throws(ModelError) -> (scales: [Float], zeroPoints: [UInt8], bias: [Float]) {
    switch places[index] {
    case .memory(let layer): return (layer.scales, layer.zeroPoints, layer.bias)
    case .journal(let file, let layer):
      let planned = layers[index]
      let bytes = try Self.reading { () throws(CoordinationError) in try file.values(layer) }
      return StoredLayer.values(
        bytes, count: planned.layer.rows * planned.scheme.groupCount(columns: planned.layer.columns))
    }
  }

  private static func reading(_ body: () throws(CoordinationError) -> [UInt8]) throws(ModelError) -> [UInt8] {
    do throws(CoordinationError) { return try body() } catch {
      if case .journal(let path, let reason) = error { throw .unreadable(path: path, reason: reason) }
      throw .unreadable(path: "", reason: error.description)
    }
  }
}
