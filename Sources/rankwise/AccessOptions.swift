import ArgumentParser
import Coordination
import MPI

extension ModelAccess: ExpressibleByArgument {}

/// The options by which nodes get what is read.
struct AccessOptions: ParsableArguments {
  @Option(
    help: """
      How nodes get the model and the samples: all have them under the same names (shared), rank 0 sends them into \
      --scratch (scatter), or it sends to those that have not (auto).
      """)
  var modelAccess = ModelAccess.auto

  @Option(
    help: ArgumentHelp(
      """
      Where a node puts what rank 0 sends, until all is opened, and quantize activations above its memory limit (default: \
      TMPDIR, or /tmp; for activations the folder of the output).
      """, valueName: "folder"))
  var scratch: String?

  /// Where this rank finds `inputs`, which rank 0 sends if need be. Collective.
  func open(_ inputs: [InputAccess.Input], _ world: borrowing Communicator) throws -> InputAccess {
    try InputAccess(inputs, modelAccess, scratch: scratch, world)
  }
}
