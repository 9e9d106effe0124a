import ArgumentParser
import Coordination
import MPI

/// `rankwise trace`.
struct Trace: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells from a file of `quantize --trace` how well the ranks were used, and where time was lost.")

  @Argument(help: "A file that `rankwise quantize --trace` wrote.")
  var file: String

  @Option(help: "How many parts of the run (stages) to list, longest first.")
  var parts = 10

  @Option(help: "Write the tables as JSON to this file.")
  var report: String?

  func validate() throws {
    if parts < 0 { throw ValidationError("--parts is \(parts); it must be at least 0") }
  }

  mutating func run() throws {
    MPIEnvironment.run { world in
      try world.collectively {
        guard world.rank == 0 else { return }
        let summary = try TraceSummary(file: file)
        if let report { try summary.write(to: report) }
        show(summary.text(longest: parts), on: world)
      }
    }
  }
}
