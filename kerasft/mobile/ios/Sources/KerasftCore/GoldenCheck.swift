import Foundation

/// Compares what this port makes of the texts in golden.jsonl with what the file says: the ids, and if there is a model to run
/// its numbers, or the tokens that it writes.
public final class GoldenCheck {
    private let info: ModelInfo
    private let tokenizer: Tokenizer
    private let encoder: TextEncoder
    private let model: TextModel?
    private let generator: Generator?

    public private(set) var checked = 0
    /// Largest difference of an output.
    public private(set) var largestDifference = 0.0
    /// What was wrong: texts with other ids, or other new tokens.
    public private(set) var different: [String] = []

    public init(_ info: ModelInfo, _ tokenizer: Tokenizer, _ signatures: Signatures? = nil) throws {
        self.info = info
        self.tokenizer = tokenizer
        encoder = TextEncoder(info, tokenizer)
        let writes = !info.generation.isNull
        model = try writes ? nil : signatures.map { try TextModel(info, tokenizer, $0) }
        generator = try writes ? signatures.map { try Generator(info, $0) } : nil
    }

    /// Check all lines of golden.jsonl.
    public func run(_ data: Data) throws {
        // By bytes: some characters within a text look like ends of lines.
        for line in data.split(separator: 0x0A) where !line.isEmpty {
            let row = try Json.parse(Data(line))
            checked += 1
            if info.generation.isNull { try checkModel(row) } else { try checkGenerator(row) }
        }
    }

    private func checkModel(_ row: Json) throws {
        let texts = (row["texts"].list ?? [row["text"]]).compactMap { $0.scalars }
        let encoded = texts.count == 1 ? encoder.encode(texts[0]) : encoder.encode(texts[0], texts[1])
        guard same(texts, row["token_ids"].ints, encoded.ids) else { return }
        if !row["segment_ids"].isNull, !same(texts, row["segment_ids"].ints, encoded.segments) { return }
        guard let model = model else { return }
        let outputs = try model.run(encoded)
        for (name, values) in row["outputs"].entries {
            let expected = values.numbers
            let received = outputs[asString(name)]?.values ?? []
            guard expected.count == received.count else {
                throw BundleError("\(asString(name)) has \(received.count) numbers, not \(expected.count)")
            }
            for (a, b) in zip(expected, received) { largestDifference = max(largestDifference, abs(a - Double(b))) }
        }
    }

    private func checkGenerator(_ row: Json) throws {
        guard let text = row["text"].scalars else { return }
        let prompt = row["token_ids"].ints
        let ids = info.task == "causal-lm" ? tokenizer.ids(text) : encoder.encode(text).ids
        // A prompt that is too long for the cache lost its beginning; an empty one is the end token.
        if !ids.isEmpty, !same([text], prompt, Array(ids.suffix(prompt.count))) { return }
        guard let generator = generator else { return }
        let expected = row["generated_token_ids"].ints
        let options = GenerationOptions(maxNewTokens: max(1, expected.count))
        _ = same([text], expected, try generator.write(prompt, options))
    }

    private func same(_ texts: [Scalars], _ expected: [Int], _ received: [Int]) -> Bool {
        if expected == received { return true }
        different.append("\(texts.map { asString($0) }): expected \(expected), received \(received)")
        return false
    }
}
