import Foundation
import Graphs

/// The outcomes of all cases, operator by operator, as Markdown.
struct ConformanceTable {
  private var outcomes: [OperatorKind: [(name: String, outcome: ConformanceCase.Outcome)]] = [:]

  /// Adds the outcome of a case.
  mutating func add(_ name: String, _ kind: OperatorKind, _ outcome: ConformanceCase.Outcome) {
    outcomes[kind, default: []].append((name, outcome))
  }

  /// Number of cases that ran and gave what they must.
  var passedCount: Int { outcomes.values.joined().count { $0.outcome == .passed } }

  /// Failed cases with their reasons, by operator and name.
  var failures: [(kind: OperatorKind, name: String, reason: String)] {
    OperatorKind.allCases.flatMap { kind in
      (outcomes[kind] ?? []).compactMap { name, outcome in
        if case .failed(let reason) = outcome { (kind, name, reason) } else { nil }
      }
    }
  }

  /// A table with one row per operator, and one per case that did not pass; `reasons` explains failures that are known.
  func markdown(reasons: [String: String]) -> String {
    var lines = ["| operator | passed | failed | skipped |", "|---|---:|---:|---:|"]
    var total = (passed: 0, failed: 0, skipped: 0)
    var remarks: [String] = []
    for kind in OperatorKind.allCases {
      var row = (passed: 0, failed: 0, skipped: 0)
      for (name, outcome) in outcomes[kind] ?? [] {
        switch outcome {
        case .passed: row.passed += 1
        case .failed(let reason):
          row.failed += 1
          remarks.append("| \(kind.rawValue) | `\(name)` | failed | \(reasons[name] ?? reason) |")
        case .skipped(let reason):
          row.skipped += 1
          remarks.append("| \(kind.rawValue) | `\(name)` | skipped | \(reason) |")
        }
      }
      lines.append("| \(kind.rawValue) | \(row.passed) | \(row.failed) | \(row.skipped) |")
      total = (total.passed + row.passed, total.failed + row.failed, total.skipped + row.skipped)
    }
    lines.append("| **all** | **\(total.passed)** | **\(total.failed)** | **\(total.skipped)** |")
    if !remarks.isEmpty {
      lines += ["", "| operator | case | outcome | reason |", "|---|---|---|---|"] + remarks
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The page around the table that is kept in the repository.
  func page(command: String, reasons: [String: String]) -> String {
    """
    # Conformance to ONNX

    Every test case of ONNX's own suite (Debian's package `libonnx-testdata`) whose model is one node of an operator
    that Rankwise runs: the model is read, converted to operator set 21 and executed on the case's inputs; the outputs
    must agree with the expected ones by the suite's own tolerances (relative 1e-3, absolute 1e-7; integers exactly).
    Cases about strings, sequences and optionals are skipped. An operator without cases here has its own unit tests.

    The table is written by

        \(command)

    \(markdown(reasons: reasons))
    """
  }
}
