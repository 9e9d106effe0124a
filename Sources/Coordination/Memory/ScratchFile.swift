import Foundation
import Graphs
import Synchronization

/// A file without a name in which activations wait that are above the memory limit; the system removes it with the process,
/// however that ends.
///
/// Bytes are written with `pwrite`, so that a full disk is an error and no signal, and read through a mapping whose pages are
/// given back when a chunk is put away.
final class ScratchFile: Sendable {
  /// Extents that nobody uses, ascending, and the end of those in use.
  private struct Space {
    var free: [Range<Int>] = []
    var end = 0
  }

  private let folder: String
  private let descriptor: Int32
  private let space = Mutex(Space())

  /// Makes a file in `folder`. Throws if that cannot be done.
  init(folder: String) throws(CoordinationError) {
    self.folder = folder
    var template = Array((folder + "/.rankwise-scratch-XXXXXX").utf8CString)
    descriptor = template.withUnsafeMutableBufferPointer { mkstemp($0.baseAddress!) }
    guard descriptor >= 0 else { throw Self.failure(folder) }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit { close(descriptor) }

  private static func failure(_ folder: String) -> CoordinationError {
    .scratch(folder: folder, reason: String(cString: strerror(errno)))
  }

  /// The same tensor with its bytes in the file.
  func store(_ tensor: Tensor) throws(CoordinationError) -> Tensor {
    let page = Int(getpagesize())
    let byteCount = tensor.storage.byteCount
    let place = take((byteCount + page - 1) / page * page)
    var failed = false
    tensor.withBytes { bytes in
      var written = 0
      while written < bytes.count {
        let count = pwrite(
          descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(place.lowerBound + written))
        if count < 0, errno == EINTR { continue }
        if count <= 0 {
          failed = true
          return
        }
        written += count
      }
    }
    guard !failed,
      let start = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, off_t(place.lowerBound)), start != MAP_FAILED
    else {
      let failure = Self.failure(folder)
      giveBack(place)
      throw failure
    }
    let bytes = UnsafeRawBufferPointer(start: start, count: byteCount)
    return Tensor(
      elementType: tensor.elementType, shape: tensor.shape,
      storage: TensorStorage(borrowing: bytes, owner: Extent(file: self, place: place, bytes: bytes)))
  }

  /// A run of bytes for `count`, a multiple of the page size: the first that is free and large enough, else at the end.
  private func take(_ count: Int) -> Range<Int> {
    space.withLock { space in
      if let index = space.free.firstIndex(where: { $0.count >= count }) {
        let found = space.free[index]
        let taken = found.lowerBound..<found.lowerBound + count
        if found.count == count {
          space.free.remove(at: index)
        } else {
          space.free[index] = taken.upperBound..<found.upperBound
        }
        return taken
      }
      defer { space.end += count }
      return space.end..<space.end + count
    }
  }

  private func giveBack(_ place: Range<Int>) {
    space.withLock { space in
      let index = space.free.firstIndex { $0.lowerBound > place.lowerBound } ?? space.free.count
      space.free.insert(place, at: index)
      if index + 1 < space.free.count, space.free[index].upperBound == space.free[index + 1].lowerBound {
        space.free[index] = space.free[index].lowerBound..<space.free.remove(at: index + 1).upperBound
      }
      if index > 0, space.free[index - 1].upperBound == space.free[index].lowerBound {
        space.free[index - 1] = space.free[index - 1].lowerBound..<space.free.remove(at: index).upperBound
      }
    }
  }

  /// The bytes of one tensor; free for others when it is gone.
  private final class Extent: PageSource, @unchecked Sendable {
    private let file: ScratchFile
    private let place: Range<Int>
    private let bytes: UnsafeRawBufferPointer

    init(file: ScratchFile, place: Range<Int>, bytes: UnsafeRawBufferPointer) {
      (self.file, self.place, self.bytes) = (file, place, bytes)
    }

    /// Corresponds to `madvise` with `MADV_DONTNEED`: the bytes are in the file.
    func release(_ bytes: UnsafeRawBufferPointer) {
      _ = madvise(UnsafeMutableRawPointer(mutating: self.bytes.baseAddress!), self.bytes.count, MADV_DONTNEED)
    }

    deinit {
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count)
      file.giveBack(place)
    }
  }
}
