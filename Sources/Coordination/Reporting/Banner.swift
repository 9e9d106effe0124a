import Foundation
import LinearAlgebra
import MPI
import Quantization

/// What a run prints first: what it is and what it runs on.
public enum Banner {
  /// The lines, the same on every rank; `threads` are those of this rank. Collective.
  public static func lines(version: String, threads: Int, _ world: borrowing Communicator) throws -> [String] {
    let names = try world.allGatherv(Array((MPIEnvironment.processorName + "\n").utf8).span).elements
    let hosts = String(decoding: names, as: UTF8.self).split(separator: "\n").map(String.init)
    var counts: [(host: String, ranks: Int)] = []
    for host in hosts {
      if let index = counts.firstIndex(where: { $0.host == host }) {
        counts[index].ranks += 1
      } else {
        counts.append((host, 1))
      }
    }
    let all = try world.allGather(Int64(threads))
    let (fewest, most) = (all.min()!, all.max()!)
    let places = counts.map { $0.ranks == 1 ? $0.host : "\($0.host) x \($0.ranks)" }.joined(separator: ", ")
    var lines = [
      "Rankwise \(version)  \(CommandLine.arguments.dropFirst().joined(separator: " "))",
      "ranks: \(world.size) (\(places)), threads per rank: \(fewest == most ? "\(most)" : "\(fewest) to \(most)")",
      "MPI: \(MPIEnvironment.libraryVersion)",
      "row solve: \(InstructionSet.current.description), OpenBLAS: \(BLAS.kernelName)",
    ]
    if let forced = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] {
      lines.append(
        "warning: OPENBLAS_CORETYPE=\(forced) chooses OpenBLAS's kernels; unset it unless they are this machine's best")
    }
    return lines
  }
}
