/// The text of `quantization_config`, and of `quantize_config.json`.
enum QuantizationConfiguration {
  /// For compressed-tensors: a group for each scheme, and every linear module that stays as it is.
  ///
  /// `quantization_status` must be there: without it transformers loads wrong weights and says nothing.
  static func compressedTensors(_ forms: [ModuleForm], ignored: [String]) -> String {
    let schemes = Set(forms.map(\.scheme)).sorted {
      ($0.bits, $0.groupSize ?? 0, $0.isSymmetric ? 0 : 1) < ($1.bits, $1.groupSize ?? 0, $1.isSymmetric ? 0 : 1)
    }
    let groups = schemes.enumerated().map { index, scheme in
      // Names are needed only where there is something to tell apart.
      let targets = schemes.count == 1 ? ["Linear"] : forms.filter { $0.scheme == scheme }.map(\.name)
      return """
              "group_\(index)": {
                "targets": \(list(targets)),
                "format": "pack-quantized",
                "input_activations": null,
                "output_activations": null,
                "weights": {
                  "num_bits": \(scheme.bits),
                  "type": "int",
                  "symmetric": \(scheme.isSymmetric),
                  "strategy": "\(scheme.groupSize == nil ? "channel" : "group")",
                  "group_size": \(scheme.groupSize.map(String.init) ?? "null"),
                  "dynamic": false,
                  "actorder": null
                }
              }
        """
    }
    return """
      {
          "quant_method": "compressed-tensors",
          "format": "pack-quantized",
          "quantization_status": "compressed",
          "global_compression_ratio": null,
          "kv_cache_scheme": null,
          "ignore": \(list(ignored)),
          "config_groups": {
      \(groups.joined(separator: ",\n"))
          }
        }
      """
  }

  /// For GPTQ. `inBlock`: the names within a block of the modules that are quantized, where some, those of `ignored`, are not.
  static func gptq(
    _ scheme: ModuleForm.Scheme, inBlock: [String]?, ignored: [String], options: CheckpointOptions
  ) -> String {
    var modules = ""
    if let inBlock {
      // optimum reads the first, GPTQModel the second: regular expressions of modules to leave out.
      let patterns = ignored.map { "-:^\($0.split(separator: ".").joined(separator: "\\."))$" }
      modules =
        "\n    \"modules_in_block_to_quantize\": [\(list(inBlock))],\n    \"dynamic\": {"
        + patterns.map { "\(SafetensorsFile.quoted($0)): {}" }.joined(separator: ", ") + "},"
    }
    return """
      {
          "quant_method": "gptq",
          "checkpoint_format": "\(scheme.isSymmetric ? "gptq" : "gptq_v2")",
          "bits": \(scheme.bits),
          "group_size": \(scheme.groupSize ?? -1),
          "sym": \(scheme.isSymmetric),
          "desc_act": false,
          "static_groups": false,
          "true_sequential": true,
          "lm_head": false,
          "damp_percent": \(options.damping),\(modules)
          "pack_dtype": "int32",
          "meta": {
            "quantizer": [\(SafetensorsFile.quoted(options.quantizer))]
          }
        }
      """
  }

  private static func list(_ names: [String]) -> String {
    "[" + names.map(SafetensorsFile.quoted).joined(separator: ", ") + "]"
  }
}
