import ArgumentParser

/// Numbers of nodes or ranks on the command line: `1,2,8`, or `1..256` for the powers of two from 1 to 256.
struct NumberList: ExpressibleByArgument {
  let numbers: [Int]

  init(numbers: [Int]) { self.numbers = numbers }

  init?(argument: String) {
    var numbers: [Int] = []
    for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = word.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
      switch ends.count {
      case 1:
        guard let number = ends[0] else { return nil }
        numbers.append(number)
      case 3:
        guard word.contains(".."), let low = ends[0], let high = ends[2], low >= 1, low <= high else { return nil }
        numbers += sequence(first: low) { $0 <= high / 2 ? $0 * 2 : nil }
      default: return nil
      }
    }
    guard numbers.allSatisfy({ (1...100_000).contains($0) }), numbers.count <= 64 else { return nil }
    self.numbers = numbers
  }

  var defaultValueDescription: String { numbers.map(String.init).joined(separator: ",") }
}
