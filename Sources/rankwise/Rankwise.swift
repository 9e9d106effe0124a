import ArgumentParser
import Foundation
import Glibc
import MPI

/// `rankwise`: quantizes the weights of neural networks on any number of MPI ranks.
@main
struct Rankwise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rankwise",
    abstract: "Quantizes the weights of trained networks to 2 to 8 bits, on any number of MPI ranks.",
    discussion: "Start it under mpirun: mpirun -np 8 rankwise quantize MODEL --calibration DATA --output OUT",
    version: version,
    subcommands: [
      Quantize.self, Plan.self, Evaluate.self, Compare.self, Sensitivity.self, Inspect.self, Tokenize.self, Trace.self,
      CommBench.self,
    ])

  /// The version that `--version` prints.
  static let version = "0.1.0"

  /// Parses the command line and runs. Only rank 0 prints help and usage errors; every rank ends with their status.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      guard isFirstRank else {
        // mpirun ends the job when the first rank ends with an error; rank 0 must have printed by then.
        if !exitCode(for: error).isSuccess { sleep(1) }
        Glibc.exit(exitCode(for: error).rawValue)
      }
      exit(withError: error)
    }
  }
}

extension Rankwise {
  /// Whether this process will be rank 0, by what the program that starts ranks tells them before MPI is there.
  static var isFirstRank: Bool {
    let environment = ProcessInfo.processInfo.environment
    return (environment["OMPI_COMM_WORLD_RANK"] ?? environment["PMI_RANK"] ?? environment["PMIX_RANK"] ?? "0") == "0"
  }
}

/// What a command prints, on rank 0.
func show(_ lines: [String], on world: borrowing Communicator) {
  guard world.rank == 0 else { return }
  for line in lines { print(line) }
  fflush(nil)
}
