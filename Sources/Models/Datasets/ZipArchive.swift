import CZlib
internal import Foundation
import Graphs

/// The members of a zip archive (with the 64-bit extension), stored or deflated.
struct ZipArchive {
  /// One member as the central directory describes it.
  struct Member {
    /// Its name.
    let name: String
    fileprivate let method: Int
    fileprivate let checksum: Int
    fileprivate let compressedCount: Int
    fileprivate let count: Int
    fileprivate let headerOffset: Int
  }

  /// The members in the directory's order.
  let members: [Member]
  private let path: String
  private let bytes: SharedBytes

  /// Reads the directory of the archive at `path`. Throws `malformed` if it contradicts the file's size.
  init(path: String) throws(ModelError) {
    self.path = path
    bytes = SharedBytes(try MappedFile(path: path))
    members = try bytes.withBytes { buffer throws(ModelError) in
      try Self.directory(Fields(bytes: buffer, path: path))
    }
  }

  /// The content of `member`: shared with the file if it is stored, else inflated. Its size and checksum are checked.
  func content(of member: Member) throws(ModelError) -> SharedBytes {
    let start = try bytes.withBytes { buffer throws(ModelError) in
      let fields = Fields(bytes: buffer, path: path)
      guard try fields.integer(at: member.headerOffset, count: 4) == 0x0403_4B50 else {
        throw fields.damaged("member \(member.name) has no header at \(member.headerOffset)")
      }
      let nameCount = try fields.integer(at: member.headerOffset + 26, count: 2)
      let extraCount = try fields.integer(at: member.headerOffset + 28, count: 2)
      let start = member.headerOffset + 30 + nameCount + extraCount
      guard start <= buffer.count, member.compressedCount <= buffer.count - start else {
        throw fields.damaged("member \(member.name) is cut off")
      }
      return start
    }
    let stored = bytes.slice(start..<start + member.compressedCount)
    let damaged = { (reason: String) -> ModelError in
      .malformed(path: self.path, reason: "member \(member.name): \(reason)")
    }
    let content: SharedBytes
    switch member.method {
    case 0:
      guard member.count == member.compressedCount else { throw damaged("stored with two different sizes") }
      content = stored
    case 8:
      // Deflate never shrinks more than 1032 times: a larger claim is a lie that would only cost memory.
      guard member.count / 1032 <= member.compressedCount + 16 else {
        throw damaged("\(member.compressedCount) bytes cannot hold \(member.count)")
      }
      guard let inflated = Self.inflated(stored, count: member.count) else {
        throw damaged("the compressed data does not give \(member.count) bytes")
      }
      content = inflated
    default: throw .unsupported(path: path, reason: "member \(member.name): compression method \(member.method)")
    }
    guard Self.checksum(content) == member.checksum else { throw damaged("the checksum is wrong") }
    return content
  }

  /// Little-endian numbers at checked positions.
  private struct Fields {
    let bytes: UnsafeRawBufferPointer
    let path: String

    func damaged(_ reason: String) -> ModelError { .malformed(path: path, reason: "a damaged zip archive: \(reason)") }

    func integer(at offset: Int, count: Int) throws(ModelError) -> Int {
      guard offset >= 0, offset <= bytes.count - count else { throw damaged("it ends inside a record at \(offset)") }
      let value = (0..<count).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
      guard let result = Int(exactly: value) else { throw damaged("a number at \(offset) is too large") }
      return result
    }
  }

  private static func directory(_ fields: Fields) throws(ModelError) -> [Member] {
    // The end record is last; a comment of up to 65535 bytes may follow it.
    let size = fields.bytes.count
    guard size >= 22 else { throw fields.damaged("it has \(size) bytes") }
    var end = size - 22
    let lowest = max(0, end - 65535)
    while try fields.integer(at: end, count: 4) != 0x0605_4B50 {
      end -= 1
      guard end >= lowest else { throw fields.damaged("it has no directory") }
    }
    var entries = try fields.integer(at: end + 10, count: 2)
    var offset = try fields.integer(at: end + 16, count: 4)
    if end >= 20, try fields.integer(at: end - 20, count: 4) == 0x0706_4B50 {
      let large = try fields.integer(at: end - 12, count: 8)
      guard try fields.integer(at: large, count: 4) == 0x0606_4B50 else {
        throw fields.damaged("its 64-bit directory is not at \(large)")
      }
      entries = try fields.integer(at: large + 32, count: 8)
      offset = try fields.integer(at: large + 48, count: 8)
    }
    guard entries <= size / 46 else { throw fields.damaged("\(entries) members do not fit \(size) bytes") }
    var members: [Member] = []
    for _ in 0..<entries {
      guard try fields.integer(at: offset, count: 4) == 0x0201_4B50 else {
        throw fields.damaged("no directory entry at \(offset)")
      }
      let flags = try fields.integer(at: offset + 8, count: 2)
      guard flags & 1 == 0 else { throw .unsupported(path: fields.path, reason: "an encrypted archive") }
      let nameCount = try fields.integer(at: offset + 28, count: 2)
      let extraCount = try fields.integer(at: offset + 30, count: 2)
      let commentCount = try fields.integer(at: offset + 32, count: 2)
      let next = offset + 46 + nameCount + extraCount + commentCount
      guard next <= size else { throw fields.damaged("it ends inside its directory") }
      var sizes = [
        try fields.integer(at: offset + 24, count: 4), try fields.integer(at: offset + 20, count: 4),
        try fields.integer(at: offset + 42, count: 4),
      ]
      try readLargeSizes(&sizes, fields, from: offset + 46 + nameCount, count: extraCount)
      members.append(
        Member(
          name: String(decoding: fields.bytes[offset + 46..<offset + 46 + nameCount], as: UTF8.self),
          method: try fields.integer(at: offset + 10, count: 2),
          checksum: try fields.integer(at: offset + 16, count: 4),
          compressedCount: sizes[1], count: sizes[0], headerOffset: sizes[2]))
      offset = next
    }
    return members
  }

  /// Replaces the sizes that 32 bits cannot hold by those of the 64-bit extension, in its order.
  private static func readLargeSizes(
    _ sizes: inout [Int], _ fields: Fields, from start: Int, count: Int
  ) throws(ModelError) {
    var offset = start
    while offset + 4 <= start + count {
      let identifier = try fields.integer(at: offset, count: 2)
      let length = try fields.integer(at: offset + 2, count: 2)
      offset += 4
      if identifier == 1 {
        var field = offset
        for index in sizes.indices where sizes[index] == 0xFFFF_FFFF {
          guard field + 8 <= offset + length else { throw fields.damaged("a 64-bit size is missing") }
          sizes[index] = try fields.integer(at: field, count: 8)
          field += 8
        }
      }
      offset += length
    }
  }

  /// The `count` bytes that `compressed` (raw deflate) expands to; nil if it does not.
  private static func inflated(_ compressed: SharedBytes, count: Int) -> SharedBytes? {
    var isComplete = false
    let storage = TensorStorage(byteCount: count) { target in
      compressed.withBytes { source in
        var stream = z_stream()
        guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return }
        defer { inflateEnd(&stream) }
        // zlib counts with 32 bits, so both sides are handed over in pieces; one spare byte shows an excess.
        let piece = 1 << 30
        var (read, written) = (0, 0)
        var spare: UInt8 = 0
        var status = Z_OK
        while status == Z_OK {
          let input = min(piece, source.count - read)
          let output = min(piece, count - written)
          stream.next_in = source.baseAddress.map {
            UnsafeMutablePointer(mutating: ($0 + read).assumingMemoryBound(to: UInt8.self))
          }
          stream.avail_in = UInt32(input)
          if output > 0 {
            stream.next_out = (target.baseAddress! + written).assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(output)
            status = inflate(&stream, Z_NO_FLUSH)
            written += output - Int(stream.avail_out)
          } else {
            status = withUnsafeMutablePointer(to: &spare) { pointer in
              stream.next_out = pointer
              stream.avail_out = 1
              return inflate(&stream, Z_NO_FLUSH)
            }
            if stream.avail_out == 0 { return }
          }
          read += input - Int(stream.avail_in)
        }
        isComplete = status == Z_STREAM_END && written == count && read == source.count
      }
    }
    guard isComplete else { return nil }
    return SharedBytes(storage)
  }

  private static func checksum(_ content: SharedBytes) -> Int {
    content.withBytes { bytes in
      var value = crc32(0, nil, 0)
      var start = 0
      while start < bytes.count {
        let count = min(1 << 30, bytes.count - start)
        value = crc32(value, (bytes.baseAddress! + start).assumingMemoryBound(to: UInt8.self), UInt32(count))
        start += count
      }
      return Int(value)
    }
  }
}
