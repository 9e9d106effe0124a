import Synchronization

/// What a kernel has prepared for input shapes that it met, shared by all threads that run the kernel.
final class ShapeCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let values = Mutex<[Key: Value]>([:])
  /// Shapes that are kept; a model that is run on more of them prepares anew.
  private let limit = 16

  /// The value for `key`, made by `make` at the first call; other threads wait meanwhile.
  func value<E: Error>(for key: Key, make: () throws(E) -> Value) throws(E) -> Value {
    let result = values.withLock { values -> Result<Value, E> in
      if let value = values[key] { return .success(value) }
      do throws(E) {
        let value = try make()
        if values.count >= limit { values.removeAll() }
        values[key] = value
        return .success(value)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
