import Models
import Testing

@Suite("Parts of paths") struct FilePathTests {
  @Test(
    "folder, name and ending of a path",
    arguments: [
      ("m", ".", "m", ""), ("m.ONNX", ".", "m.ONNX", "onnx"), ("a/m", "a", "m", ""), ("/m", "/", "m", ""),
      ("a.b/m", "a.b", "m", ""), ("a//m.tar.gz/", "a", "m.tar.gz", "gz"), (".npy", ".", ".npy", ""), ("/", "/", "", ""),
    ])
  func parts(path: String, parent: String, name: String, ending: String) {
    #expect(FilePath.parent(of: path) == parent)
    #expect(FilePath.name(of: path) == name)
    #expect(FilePath.ending(of: path) == ending)
  }

  @Test("a file whose name is one letter is one file in its folder")
  func oneLetter() {
    let files = InputFiles(file: "m")
    #expect(files.folder == "." && files.names == ["m"] && !files.opensFolder)
  }
}
