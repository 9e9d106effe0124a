import Graphs
import LinearAlgebra

extension Tensor {
  /// The elements as another type, by the rules of `CastElement`; the same tensor if the type is the same.
  func cast(to target: ElementType, _ workers: Workers = .alone) -> Tensor {
    if target == elementType { return self }
    if elementType == .float32, target == .bfloat16 { return narrowedToBFloat16(workers) }
    if elementType == .bfloat16, target == .float32 { return widened }
    return switch elementType {
    case .float32: cast(from: Float.self, to: target)
    case .float64: cast(from: Double.self, to: target)
    case .float16: cast(from: Half.self, to: target)
    case .bfloat16: cast(from: BFloat16.self, to: target)
    case .int8: cast(from: Int8.self, to: target)
    case .int16: cast(from: Int16.self, to: target)
    case .int32: cast(from: Int32.self, to: target)
    case .int64: cast(from: Int64.self, to: target)
    case .uint8: cast(from: UInt8.self, to: target)
    case .uint16: cast(from: UInt16.self, to: target)
    case .uint32: cast(from: UInt32.self, to: target)
    case .uint64: cast(from: UInt64.self, to: target)
    case .bool: cast(from: Bool.self, to: target)
    }
  }

  private func cast<Source: CastElement>(from source: Source.Type, to target: ElementType) -> Tensor {
    switch target {
    case .float32: convert(source, Float.self)
    case .float64: convert(source, Double.self)
    case .float16: convert(source, Half.self)
    case .bfloat16: convert(source, BFloat16.self)
    case .int8: convert(source, Int8.self)
    case .int16: convert(source, Int16.self)
    case .int32: convert(source, Int32.self)
    case .int64: convert(source, Int64.self)
    case .uint8: convert(source, UInt8.self)
    case .uint16: convert(source, UInt16.self)
    case .uint32: convert(source, UInt32.self)
    case .uint64: convert(source, UInt64.self)
    case .bool: convert(source, Bool.self)
    }
  }

  private func convert<Source: CastElement, Target: CastElement>(_ source: Source.Type, _: Target.Type) -> Tensor {
    Tensor(shape: shape, of: Target.self) { target in
      withElements(as: source) { source in
        for i in source.indices { target[i] = source[i].carrier.unload(as: Target.self) }
      }
    }
  }
}
