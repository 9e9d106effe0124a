import Graphs
import LinearAlgebra
import Synchronization

/// A convolution's weights in oneDNN's order, remembered for as long as the weight tensor lives.
///
/// An entry is found by the identity of the tensor's storage, which nothing changes after it was made. The reference
/// is weak, so that a new storage at the address of a dead one is never taken for it.
final class PackedWeightsCache: Sendable {
  private struct Entry {
    weak var storage: TensorStorage?
    let packed: DNNPackedWeights
  }

  private let entries = Mutex<[Entry]>([])
  /// Weights that are kept: those of the model and their quantized form, in two orders each.
  private let limit = 4

  /// The weights of `tensor` in the order that `convolution` reads.
  func weights(of tensor: Tensor, for convolution: DNNConvolution) throws(DNNError) -> DNNPackedWeights {
    let result = entries.withLock { entries -> Result<DNNPackedWeights, DNNError> in
      entries.removeAll { $0.storage == nil }
      if let entry = entries.first(where: { $0.storage === tensor.storage && convolution.accepts($0.packed) }) {
        return .success(entry.packed)
      }
      do throws(DNNError) {
        let packed = try tensor.withElements { weights throws(DNNError) in try convolution.pack(weights) }
        if entries.count >= limit { entries.removeFirst() }
        entries.append(Entry(storage: tensor.storage, packed: packed))
        return .success(packed)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
