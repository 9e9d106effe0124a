import Foundation
import Models

/// What rank 0 says of the files that are read: what another node compares its own with, and asks for.
struct FileManifest: Codable, Sendable, Equatable {
  /// One file.
  struct Entry: Codable, Sendable, Equatable {
    /// Relative to the folder.
    var name: String
    /// Bytes.
    var size: Int
    /// Of the file's beginning and end, see `fingerprint`.
    var fingerprint: UInt64
  }

  /// Where they are on rank 0.
  var folder: String
  /// Whether the folder is opened, or its first file.
  var opensFolder: Bool
  var entries: [Entry]

  /// Reads what has to be said of `files`. Links are followed. Throws if one is missing or no regular file.
  init(_ files: InputFiles) throws(CoordinationError) {
    (folder, opensFolder, entries) = (files.folder, files.opensFolder, [])
    for name in files.names {
      let path = folder + "/" + name
      do throws(FileProblem) {
        let file = try InputFile(path)
        entries.append(Entry(name: name, size: file.size, fingerprint: try file.fingerprint()))
      } catch {
        throw .access(path: path, reason: error.reason)
      }
    }
  }

  /// Bytes of all files.
  var byteCount: Int { entries.reduce(0) { $0 + $1.size } }

  /// What is opened where the files lie in `folder`.
  func path(in folder: String) -> String { opensFolder ? folder : folder + "/" + entries[0].name }

  /// What differs on this node under `folder`; nil if all files are there and look the same.
  func difference(under folder: String) -> (path: String, reason: String)? {
    for entry in entries {
      let path = folder + "/" + entry.name
      do throws(FileProblem) {
        let file = try InputFile(path)
        if file.size != entry.size {
          return (path, "it has \(file.size) bytes here, \(entry.size) where rank 0 reads it")
        }
        if try file.fingerprint() != entry.fingerprint {
          return (path, "its first or last bytes differ from those that rank 0 reads")
        }
      } catch {
        return (path, error.reason)
      }
    }
    return nil
  }

  /// Throws unless all names are such that files can be made by them in a folder of one's own.
  func check() throws(CoordinationError) {
    for entry in entries {
      let parts = entry.name.split(separator: "/", omittingEmptySubsequences: false)
      let isSafe =
        !entry.name.utf8.contains(0) && entry.name.utf8.count < 1024 && entry.size >= 0
        && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count < 256 }
      guard isSafe else {
        throw .access(
          path: entry.name.debugDescription, reason: "a file of this name and size is not taken from rank 0")
      }
    }
    guard !entries.isEmpty, Set(entries.map(\.name)).count == entries.count else {
      throw .access(path: folder, reason: "rank 0 names no file, or one twice")
    }
  }
}
