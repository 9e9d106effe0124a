import Foundation
import Graphs
import Models

/// A model that is only planned for: nothing is written, and its weights may be missing.
struct PlanningModel: SourceModel {
  private let base: any SourceModel
  /// Whether the weights are there, and not only `config.json`.
  let hasWeights: Bool

  /// Opens an ONNX file, a model's folder, or a `config.json` (of any name, or in a folder without weights).
  init(_ path: String) throws {
    let isFolder = SourceModels.isFolder(path)
    if isFolder {
      hasWeights = SourceModels.hasWeights(path)
      base = hasWeights ? try HuggingFaceModel(contentsOf: path) : try HuggingFaceModel(shapesOf: path)
    } else if path.lowercased().hasSuffix(".json") {
      (base, hasWeights) = (try HuggingFaceModel(shapesOf: path), false)
    } else {
      (base, hasWeights) = (try ONNXModel(contentsOf: path), true)
    }
  }

  private init(_ base: any SourceModel, hasWeights: Bool) { (self.base, self.hasWeights) = (base, hasWeights) }

  /// Whether `path` is that of a language model.
  static func isLanguageModel(_ path: String) -> Bool {
    SourceModels.isFolder(path) || path.lowercased().hasSuffix(".json")
  }

  var path: String { base.path }
  var summary: String { base.summary }
  var isLanguageModel: Bool { base.isLanguageModel }
  /// Files that a run's output would have: those of a folder, or one.
  var fileCount: Int {
    guard SourceModels.isFolder(path) else { return 1 }
    return max(1, (try? FileManager.default.contentsOfDirectory(atPath: path).count) ?? 1)
  }
  /// The language model, if it is one.
  var language: HuggingFaceModel? { base as? HuggingFaceModel }

  /// The model with sequences of this many tokens at most.
  func limited(positions: Int) -> PlanningModel {
    guard var language else { return self }
    language.positionLimit = positions
    return PlanningModel(language, hasWeights: hasWeights)
  }

  func graph() throws(ModelError) -> Graph { try base.graph() }
  func quantizedWeights() -> [String: StoredWeight] { base.quantizedWeights() }
  func preparedForQuantization() throws(ModelError) -> PlanningModel {
    PlanningModel(try base.preparedForQuantization(), hasWeights: hasWeights)
  }
  func computing(in type: ElementType) -> PlanningModel {
    PlanningModel(base.computing(in: type), hasWeights: hasWeights)
  }

  /// The type that a run would store; where only `config.json` is there, bfloat16: the type changes no time.
  func scaleType(_ options: WritingOptions) throws(ModelError) -> FloatType {
    hasWeights ? try base.scaleType(options) : .bfloat16
  }

  func writer(_ layers: [SolvedLayer.Form], _ options: WritingOptions) -> any QuantizedModelWriter { NoWriter() }

  /// Writes nothing, and counts what a writer would write.
  private struct NoWriter: QuantizedModelWriter {
    var summary: String { "nothing, a plan only" }
    func write(_ layers: any SolvedLayers) {}
    func storedByteCount(_ form: SolvedLayer.Form) -> Int {
      form.layer.rows * (form.layer.columns * form.bits / 8 + 2 * form.groupCount)
    }
  }
}
