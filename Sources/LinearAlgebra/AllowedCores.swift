import Foundation

/// The cores that this process may run on.
public enum AllowedCores {
  /// Numbers of the cores, ascending: hardware threads of one core count once. Never empty.
  ///
  /// The affinity mask that `mpirun --bind-to`, Slurm or `taskset` gave the process (what `sched_getaffinity` says), by the
  /// topology in `/sys`. A core has the number of its first hardware thread.
  public static var numbers: [Int] {
    Set(processors.map { firstThread(ofCoreWith: $0) }).sorted()
  }

  /// The hardware threads of the affinity mask; all of the machine's where there is no `/proc`.
  private static var processors: [Int] {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
    let listed = line.flatMap { $0.split(separator: "\t").last }.map { list(String($0)) } ?? []
    return listed.isEmpty ? Array(0..<max(1, ProcessInfo.processInfo.activeProcessorCount)) : listed
  }

  /// The numbers of a list as the kernel writes it: `0-3,8`; empty if `text` is none.
  static func list(_ text: String) -> [Int] {
    var numbers: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last else {
        return []
      }
      numbers += first...last
    }
    return numbers
  }

  private static func firstThread(ofCoreWith processor: Int) -> Int {
    let path = "/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
    let siblings = (try? String(contentsOfFile: path, encoding: .utf8)).map { text in
      list(String(text.prefix { $0 != "\n" }))
    }
    return siblings?.first ?? processor
  }
}
