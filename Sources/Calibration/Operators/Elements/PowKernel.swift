import Foundation
import Graphs

/// Pow: base to the power of exponent, with broadcasting; the result has the type of the base.
///
/// Integers to integer powers are exact, modulo the width of the type; a negative power of an integer truncates to 0,
/// except of 1 and -1. An integer to a floating-point power is computed in float64 and truncated.
struct PowKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let (base, exponent) = (try inputs.required(0, named: "X"), try inputs.required(1, named: "Y"))
    guard base.elementType != .bool, exponent.elementType != .bool else {
      throw .invalid("\(base.elementType) to the power of \(exponent.elementType)")
    }
    return [TensorType(base.elementType, try BroadcastPlan.shape(of: [base.shape, exponent.shape]))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (base, exponent) = (inputs.required(0), inputs.required(1))
    let plan = try BroadcastPlan([base.shape, exponent.shape])
    switch base.elementType {
    case .float32: return [singlePower(plan, base, exponent.cast(to: .float32))]
    case .float64: return [doublePower(plan, base, exponent.cast(to: .float64))]
    case .float16, .bfloat16:
      let power = singlePower(plan, base.cast(to: .float32), exponent.cast(to: .float32))
      return [power.cast(to: base.elementType)]
    default:
      if exponent.elementType.isFloatingPoint {
        let power = doublePower(plan, base.cast(to: .float64), exponent.cast(to: .float64))
        return [power.cast(to: base.elementType)]
      }
      // Modulo 2^64 is enough for every width, signed or not: the low bits of a product need only low bits.
      let power = plan.combine(base.cast(to: .int64), exponent.cast(to: .int64), IntegerPower())
      return [power.cast(to: base.elementType)]
    }
  }

  private func singlePower(_ plan: BroadcastPlan, _ base: Tensor, _ exponent: Tensor) -> Tensor {
    // Squares are most of what networks ask for, and a product is exact where powf is only close.
    if exponent.count == 1, exponent.withElements(as: Float.self, { $0[0] }) == 2 {
      return plan.combine(base, exponent, Square())
    }
    return plan.combine(base, exponent, SinglePower())
  }

  private func doublePower(_ plan: BroadcastPlan, _ base: Tensor, _ exponent: Tensor) -> Tensor {
    plan.combine(base, exponent, DoublePower())
  }

  private struct Square: BinaryOperation {
    @inline(__always) func apply(_ x: Float, _: Float) -> Float { x * x }
  }
  private struct SinglePower: BinaryOperation {
    @inline(__always) func apply(_ x: Float, _ y: Float) -> Float { powf(x, y) }
  }
  private struct DoublePower: BinaryOperation {
    @inline(__always) func apply(_ x: Double, _ y: Double) -> Double { Foundation.pow(x, y) }
  }
  private struct IntegerPower: BinaryOperation {
    func apply(_ base: Int64, _ exponent: Int64) -> Int64 {
      if exponent < 0 {
        return base == 1 ? 1 : base == -1 ? (exponent & 1 == 0 ? 1 : -1) : 0
      }
      var (result, square, rest) = (Int64(1), base, exponent)
      while rest > 0 {
        if rest & 1 == 1 { result &*= square }
        square &*= square
        rest >>= 1
      }
      return result
    }
  }
}
