/// How ranks on other nodes than rank 0's get the model and the samples.
public enum ModelAccess: String, Sendable, CaseIterable, Codable {
  /// A node that has the files under their names reads them there; to others rank 0 sends them.
  case auto
  /// Every node has the files under their names: a shared file system, or copies. It is an error if one has not.
  case shared
  /// Rank 0 sends the files to every other node, whatever is there.
  case scatter
}
