import Foundation
import Graphs
import Testing

@testable import Models

@Suite struct SampleSetTests {
  /// `ramp(5, 2, 3)` of make_fixtures.py.
  private let ramp = (0..<30).map { Float($0 % 17 - 8) / 8 }

  @Test(
    "all versions and byte orders of .npy are read", arguments: ["samples", "samples-version-2", "samples-big-endian"])
  func npy(name: String) throws {
    let samples = try SampleSet(path: fixture(name + ".npy"))
    #expect(samples.count == 5)
    #expect(samples.sampleShape() == [2, 3])
    #expect(samples.elementType() == .float32)
    #expect(try samples.samples(0..<5).array(of: Float.self) == ramp)
    let middle = try samples.samples(1..<3, input: "any")
    #expect(middle.shape == [2, 2, 3] && middle.array(of: Float.self) == Array(ramp[6..<18]))
  }

  @Test("Fortran order is refused")
  func fortran() {
    guard case .unsupported? = modelError({ _ = try SampleSet(path: fixture("samples-fortran.npy")) }) else {
      Issue.record("it was read")
      return
    }
  }

  @Test("archives are read, stored and compressed", arguments: ["stored", "deflated"])
  func archives(name: String) throws {
    let samples = try SampleSet(path: fixture(name + ".npz"))
    #expect(samples.names == ["mask", "x"])
    #expect(try samples.samples(0..<5, input: "x").array(of: Float.self) == ramp)
    #expect(try samples.samples(2..<4, input: "mask").array(of: UInt8.self) == [2, 3])
    #expect(modelError { _ = try samples.samples(0..<1, input: "y") } != nil)
    #expect(modelError { _ = try samples.samples(0..<1) } != nil)
  }

  @Test("an archive with a flipped bit anywhere never gives other samples", arguments: ["stored", "deflated"])
  func flippedBits(name: String) throws {
    let folder = try TemporaryFolder()
    let original = try bytes(of: fixture(name + ".npz"))
    for position in original.indices {
      var broken = original
      broken[position] ^= 0x40
      let path = try folder.write(broken, to: "broken.npz")
      guard let samples = try? SampleSet(path: path), samples.names == ["mask", "x"] else { continue }
      #expect(try samples.samples(0..<5, input: "x").array(of: Float.self) == ramp, "byte \(position)")
    }
  }

  @Test("a file that is cut off anywhere is refused", arguments: ["samples.npy", "stored.npz", "deflated.npz"])
  func truncated(name: String) throws {
    let folder = try TemporaryFolder()
    let original = try bytes(of: fixture(name))
    for length in 0..<original.count {
      let path = try folder.write(original.prefix(length), to: name)
      guard case .malformed? = modelError({ _ = try SampleSet(path: path) }) else {
        Issue.record("\(length) of \(original.count) bytes were read")
        continue
      }
    }
  }

  private func npy(_ header: String, data: [UInt8] = [], declared: Int? = nil) -> [UInt8] {
    let length = declared ?? header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(header.utf8) + data
  }

  @Test(
    "a .npy header that lies is refused",
    arguments: [
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",  // four bytes too few
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",  // no axis of samples
      "{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }",
      "{'descr': '<f4', 'fortran_order': False, }",
      "{'descr': '<f4', 'shape': (1,), ",
      "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
      "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
      "[]", "",
    ])
  func lyingHeaders(header: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(npy(header, data: [0, 0, 128, 63]), to: "a.npy")
    #expect(modelError { _ = try SampleSet(path: path) } != nil)
  }

  @Test("a folder's files follow each other by name")
  func folder() throws {
    let folder = try TemporaryFolder()
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }"
    _ = try folder.write(npy(header, data: [5, 6, 7, 8]), to: "b.npy")
    _ = try folder.write(npy(header, data: [1, 2, 3, 4]), to: "a.npy")
    _ = try folder.write([], to: "notes.txt")
    let samples = try SampleSet(path: folder.path)
    #expect(samples.count == 4)
    #expect(try samples.samples(0..<4).array(of: UInt8.self) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(try samples.samples(1..<3).array(of: UInt8.self) == [3, 4, 5, 6])
    #expect(try samples.samples(2..<2).count == 0)

    let other = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 4), }"
    _ = try folder.write(npy(other, data: [1, 2, 3, 4]), to: "c.npy")
    guard case .malformed(folder.file("c.npy"), _)? = modelError({ _ = try SampleSet(path: folder.path) }) else {
      Issue.record("samples of two shapes were read")
      return
    }
  }

  @Test("samples are checked against the model's inputs")
  func inputs() throws {
    let single = try SampleSet(path: fixture("samples.npy"))
    try single.check(inputs: [Value(name: "input", shape: [nil, 2, 3])])
    try single.check(inputs: [Value(name: "input", shape: [1, nil, nil])])
    for shape in [[nil, 3, 2], [nil, 6], [nil, 2, 3, 1]] as [[Int?]] {
      let error = modelError { try single.check(inputs: [Value(name: "input", shape: shape)]) }
      #expect(error != nil, "\(shape)")
    }
    #expect(modelError { try single.check(inputs: [Value(name: "a"), Value(name: "b")]) } != nil)
    let named = try SampleSet(path: fixture("stored.npz"))
    try named.check(inputs: [Value(name: "x", shape: [nil, 2, 3]), Value(name: "mask", shape: [nil])])
    #expect(modelError { try named.check(inputs: [Value(name: "image")]) } != nil)
  }
}
