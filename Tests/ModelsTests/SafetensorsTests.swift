import Foundation
import Graphs
import Testing

@testable import Models

@Suite struct SafetensorsTests {
  private func file(_ header: String, data: [UInt8], length: UInt64? = nil) -> [UInt8] {
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Array($0) } + Array(header.utf8) + data
  }

  @Test("written tensors read back, whatever their names, and give the same bytes each time")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let tensors = [
      "b": Tensor([1, 2, 3] as [Float], shape: [3, 1]), "a \"quoted\" \\ name\n": Tensor(scalar: Float(7)),
      "empty": Tensor([] as [Float], shape: [2, 0]),
    ]
    for name in ["one.safetensors", "two.safetensors"] { try TensorArchive.write(tensors, to: folder.file(name)) }
    #expect(try bytes(of: folder.file("one.safetensors")) == bytes(of: folder.file("two.safetensors")))
    let read = try TensorArchive.read(folder.file("one.safetensors"))
    #expect(read.keys.sorted() == tensors.keys.sorted())
    for (name, tensor) in tensors {
      #expect(read[name]?.shape == tensor.shape)
      #expect(read[name]?.array(of: Float.self) == tensor.array(of: Float.self))
    }
  }

  @Test("a .npy file is written that reads back")
  func npy() throws {
    let folder = try TemporaryFolder()
    for shape in [[3], [1, 3], [3, 1, 1]] {
      try TensorArchive.write(["y": Tensor([1, 2, 3] as [Float], shape: shape)], to: folder.file("y.npy"))
      let samples = try SampleSet(path: folder.file("y.npy"))
      #expect([samples.count] + samples.sampleShape()! == shape)
      #expect(try samples.samples(0..<samples.count).array(of: Float.self) == [1, 2, 3])
    }
    #expect(modelError { try TensorArchive.write([:], to: folder.file("y.npy")) } != nil)
    #expect(modelError { try TensorArchive.write([:], to: folder.file("y.txt")) } != nil)
  }

  @Test("types of all sizes, metadata and spaces behind the header are read")
  func types() throws {
    let header = #"""
      {"__metadata__":{"format":"pt"},"h":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},
      "f":{"dtype":"F16","shape":[1],"data_offsets":[4,6]},"i":{"dtype":"I8","shape":[],"data_offsets":[6,7]},
      "t":{"dtype":"BOOL","shape":[3],"data_offsets":[7,10]}}
      """#
    let folder = try TemporaryFolder()
    let path = try folder.write(
      file(header + "   ", data: [0x80, 0x3F, 0, 0xC0, 0, 0x3C, 0xFF, 0, 1, 2]), to: "a.safetensors")
    let tensors = try TensorArchive.read(path)
    #expect(tensors["h"]?.floatValues == [1, -2])
    #expect(tensors["f"]?.floatValues == [1])
    #expect(tensors["i"]?.array(of: Int8.self) == [-1])
    #expect(tensors["t"]?.array(of: Bool.self) == [false, true, true])
  }

  @Test(
    "holes, overlaps, trailing bytes, wrong sizes and unknown types are refused",
    arguments: [
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,  // four bytes are left over
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,  // a hole in front
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
      #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#,
      #"{"a":{"dtype":"I4","shape":[16],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[2]}}"#, #"[1]"#, #"{"a":"#, "",
    ])
  func hostile(header: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(file(header, data: [UInt8](repeating: 0, count: 8)), to: "a.safetensors")
    #expect(modelError { _ = try TensorArchive.read(path) } != nil)
  }

  @Test("a header length beyond the file is refused", arguments: [3, 1 << 40, UInt64.max])
  func length(_ length: UInt64) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(file("{}", data: [], length: length), to: "a.safetensors")
    guard case .malformed? = modelError({ _ = try TensorArchive.read(path) }) else {
      Issue.record("it was read")
      return
    }
    let short = try folder.write([1, 0, 0], to: "b.safetensors")
    #expect(modelError { _ = try TensorArchive.read(short) } != nil)
  }
}
