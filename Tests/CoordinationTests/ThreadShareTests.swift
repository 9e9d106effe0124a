import Foundation
import TestSupport
import Testing

@testable import Coordination
@testable import LinearAlgebra

@Suite("Threads of a rank")
struct ThreadShareTests {
  @Test("a rank has the cores that it is bound to, and its part of those that it shares")
  func shares() {
    func shares(_ cores: [[Int]]) -> [Int] { cores.indices.map { ThreadShare.share(of: $0, cores: cores) } }
    #expect(shares([Array(0..<8)]) == [8])
    #expect(shares([[0, 1, 2], [3, 4, 5]]) == [3, 3])
    let unbound = Array(repeating: Array(0..<8), count: 3)
    #expect(shares(unbound) == [2, 2, 2])
    #expect(shares(Array(repeating: Array(0..<3), count: 3)) == [1, 1, 1])
    #expect(shares(Array(repeating: [0, 1], count: 16)) == Array(repeating: 1, count: 16))
    // Two sockets, two ranks bound to each.
    let sockets = [Array(0..<4), Array(0..<4), Array(4..<8), Array(4..<8)]
    #expect(shares(sockets) == [2, 2, 2, 2])
    #expect(shares([[0], Array(0..<4)]) == [1, 3])
  }

  @Test("a list of the kernel's is read")
  func lists() {
    #expect(AllowedCores.list("0-3,8") == [0, 1, 2, 3, 8])
    #expect(AllowedCores.list("5") == [5])
    for text in ["", "3-1", "1,,2", "x", "1-2-3"] { #expect(AllowedCores.list(text).isEmpty, "\(text)") }
  }

  @Test("the cores are those of the affinity mask")
  func affinity() throws {
    let cores = AllowedCores.numbers
    #expect(!cores.isEmpty && cores.count <= ProcessInfo.processInfo.processorCount)
    // In a process of its own: taskset binds it to one of these cores.
    let example = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Examples/resnet50-fashion")
    let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("OMPI_") }
    let launch = try launch(
      try program(named: "taskset"),
      [
        "-c", "\(cores.last!)", try builtExecutable(named: "rankwise").path, "sensitivity",
        example.appending(path: "resnet50-fashion.onnx").path, "--calibration",
        example.appending(path: "calibration.npy").path, "--samples", "1", "--layers", "last", "--output",
        FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString).png").path,
      ], environment: environment)
    #expect(launch.output.contains("threads per rank: 1\n"), "\(launch.output) \(launch.errors)")
  }
}
