import ArgumentParser
import Coordination
import MPI

/// `rankwise tokenize`.
struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turns text into token ids by a model's tokenizer.json.",
    discussion: """
      A file that ends in .jsonl or .json has one JSON object per line, with a text, or with messages whose contents are \
      joined by newlines; each gets the tokenizer's special tokens. Any other file is one document, without them.
      """)

  @Argument(help: "A folder with tokenizer.json, or such a file.")
  var tokenizer: String

  @Option(help: "The text: plain, or JSON lines.")
  var text: String

  @Option(help: "Where the ids are written: a .npy file of int64.")
  var output: String?

  @Option(help: "Write this many samples of --sequence-length tokens, chosen by --seed, instead of all ids.")
  var samples: Int?

  @Option(help: "Tokens of a sample.")
  var sequenceLength = 2048

  @Option(help: "Chooses the samples; the same seed gives the same ones on every machine.")
  var seed: UInt64 = 0

  func validate() throws {
    if let samples, samples < 1 { throw ValidationError("--samples is \(samples); it must be at least 1") }
    if sequenceLength < 1 { throw ValidationError("--sequence-length is \(sequenceLength); it must be at least 1") }
    if let output, !output.hasSuffix(".npy") { throw ValidationError("--output \(output) does not end in .npy") }
  }

  mutating func run() throws {
    MPIEnvironment.run { world in
      try world.collectively {
        guard world.rank == 0 else { return }
        let start = ContinuousClock.now
        let tokenized = try TokenizedText(text: text, model: tokenizer)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let rate = Double(tokenized.count) / seconds
        show(["\(text): \(tokenized.description), \(Int(rate)) tokens/s"], on: world)
        if let output {
          try tokenized.write(to: output, samples: samples, length: sequenceLength, seed: seed)
        }
      }
    }
  }
}
