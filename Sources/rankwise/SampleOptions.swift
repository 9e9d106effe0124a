import ArgumentParser
import Coordination

/// The options by which every command takes samples.
struct SampleOptions: ParsableArguments {
  @Option(help: "Use at most this many samples, from the first.")
  var samples: Int?

  @Option(
    help: "Mean per channel, comma-separated, subtracted from the samples (uint8 samples are divided by 255 before).")
  var mean: String?

  @Option(help: "Standard deviation per channel, comma-separated, that the samples are divided by.")
  var std: String?

  @Option(
    help: "Threads of each rank (default: the cores it is bound to; ranks that are not bound share the node's cores).")
  var threads: Int?

  func validate() throws {
    if let samples, samples < 1 { throw ValidationError("--samples is \(samples); it must be at least 1") }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); it must be 1 to 1024")
    }
    _ = try normalization()
  }

  /// The normalization that `--mean` and `--std` describe.
  func normalization() throws -> SampleNormalization {
    let deviation = try Self.numbers(std, "--std")
    if deviation.contains(0) { throw ValidationError("--std has a zero; samples cannot be divided by it") }
    return SampleNormalization(mean: try Self.numbers(mean, "--mean"), deviation: deviation)
  }

  private static func numbers(_ text: String?, _ option: String) throws -> [Float] {
    guard let text else { return [] }
    return try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let value = Float(word), value.isFinite else {
        throw ValidationError("\(option): \"\(word)\" in \"\(text)\" is not a number")
      }
      return value
    }
  }
}
