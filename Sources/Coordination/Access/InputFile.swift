import Glibc

/// Why a file cannot be read or written, in words.
struct FileProblem: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }

  /// The last error of the operating system.
  static var last: FileProblem { FileProblem(String(cString: strerror(errno))) }
}

/// A regular file that is open for reading; closed with the last reference.
final class InputFile {
  /// Bytes.
  let size: Int
  private let descriptor: Int32

  /// Opens the file behind all links.
  init(_ path: String) throws(FileProblem) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .last }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      close(descriptor)
      throw .last
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FileProblem("it is not a regular file")
    }
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Fills `target` from `offset` on. Throws if the file ends before.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileProblem) {
    var done = 0
    while done < target.count {
      let count = pread(descriptor, target.baseAddress! + done, target.count - done, offset + done)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last }
      guard count > 0 else { throw FileProblem("it ends at byte \(offset + done), it had \(size)") }
      done += count
    }
  }

  /// Bytes at either end that the fingerprint is of: the header of a safetensors file begins there.
  private static let fingerprintBytes = 64 << 10

  /// The checksum of the first and the last 64 KiB.
  func fingerprint() throws(FileProblem) -> UInt64 {
    var sum = Checksum()
    let count = min(size, Self.fingerprintBytes)
    var bytes = [UInt8](repeating: 0, count: count)
    for offset in [0, size - count] {
      let problem = bytes.withUnsafeMutableBytes { target -> FileProblem? in
        do throws(FileProblem) { try read(into: target, at: offset) } catch { return error }
        return nil
      }
      if let problem { throw problem }
      bytes.withUnsafeBytes { sum.add($0) }
    }
    return sum.value
  }
}
