import Foundation

/// A label with its probability, or of a regression its value.
public struct Scored {
    public let label: String
    public let score: Double
}

/// From logits to labels, as kerasft's pipelines do it.
public struct Answers {
    private let info: ModelInfo
    private let temperature: Double

    public init(_ info: ModelInfo) {
        self.info = info
        temperature = info.settings["temperature"].double ?? 1
    }

    /// Every label with its probability, in the order of labels.txt.
    public func scores(_ logits: [Float]) -> [Scored] {
        let scaled = logits.map { Double($0) / temperature }
        let values: [Double]
        switch info.problem {
        case "single_label":
            let largest = scaled.max() ?? 0
            let powers = scaled.map { exp($0 - largest) }
            let sum = powers.reduce(0, +)
            values = powers.map { $0 / sum }
        case "multi_label": values = scaled.map { 0.5 * (1 + tanh(0.5 * $0)) }
        default: values = logits.map { Double($0) }
        }
        return zip(info.labels, values).map { Scored(label: $0, score: $1) }
    }

    /// The answer: the likeliest label, or those labels that reach their threshold, likeliest first.
    public func best(_ logits: [Float]) -> [Scored] {
        let scores = self.scores(logits)
        switch info.problem {
        case "single_label":
            // The first of equal ones, as in training.
            guard var best = scores.first else { return [] }
            for each in scores where each.score > best.score { best = each }
            return [inScope(best)]
        case "multi_label":
            let thresholds = info.settings["thresholds"].numbers
            return scores.enumerated()
                .filter { $0.element.score >= ($0.offset < thresholds.count ? thresholds[$0.offset] : 0.5) }
                .map { $0.element }
                .sorted { $0.score > $1.score }
        default: return scores
        }
    }

    /// Below a threshold the answer is "none of the labels", if the model was tuned so.
    private func inScope(_ best: Scored) -> Scored {
        let setting = info.settings["out_of_scope"]
        guard let threshold = setting["threshold"].double, let label = setting["label"].text else { return best }
        return best.score >= threshold ? best : Scored(label: label, score: 1 - best.score)
    }
}
