import Calibration
import LinearAlgebra
import Quantization

/// The true losses of a Hessian's rows: E‖(W x + b) - (Q x + b')‖² over samples, exactly from their second moments and
/// means.
///
/// With D = W - Q, S = E[x xᵀ] and μ = E[x] of the samples that are measured: D S Dᵀ if the bias stays. If it takes up the
/// mean error on the calibration inputs, b' = b + D m, it is D S Dᵀ - 2 (D μ)(D m) + (D m)². S = H / 2, since H is 2/N X Xᵀ.
struct RowLosses: Sendable {
  /// The second moments of the calibration inputs, without damping and not about the mean.
  private let calibration: QuadraticForm
  /// Their mean, m.
  private let mean: [Double]
  /// The second moments of the inputs held out, and their mean.
  private let heldOut: QuadraticForm?
  private let heldOutMean: [Double]

  /// Losses on what `calibration` and `heldOut` (nil: nothing is held out) are the moments of.
  init(calibration: InputMoments, heldOut: InputMoments?) {
    self.calibration = QuadraticForm(calibration.hessian)
    mean = calibration.mean
    self.heldOut = heldOut.map { QuadraticForm($0.hessian) }
    heldOutMean = heldOut?.mean ?? []
  }

  /// The losses on the calibration inputs and on those held out, of each row of D (rows x columns).
  func losses(of difference: [Double], correctsBias: Bool) -> (calibration: [Double], heldOut: [Double]) {
    let columns = mean.count
    let rows = difference.count / columns
    func product(_ row: Int, _ vector: [Double]) -> Double {
      (0..<columns).reduce(0) { $0 + difference[row * columns + $1] * vector[$1] }
    }
    func losses(_ form: QuadraticForm, _ sampleMean: [Double]) -> [Double] {
      form.values(difference).enumerated().map { row, value in
        guard correctsBias else { return max(value / 2, 0) }
        let corrected = product(row, mean)
        return max(value / 2 - 2 * product(row, sampleMean) * corrected + corrected * corrected, 0)
      }
    }
    return (
      losses(calibration, mean), heldOut.map { losses($0, heldOutMean) } ?? [Double](repeating: 0, count: rows)
    )
  }
}
