import Foundation

/// How a text is to be written.
public struct GenerationOptions {
    public var maxNewTokens: Int
    /// Draw among this many likeliest tokens; nil: the likeliest comes each time.
    public var topK: Int?
    public var temperature: Double
    public var seed: UInt64

    public init(maxNewTokens: Int = 128, topK: Int? = nil, temperature: Double = 1, seed: UInt64 = 0) {
        self.maxNewTokens = maxNewTokens
        self.topK = topK
        self.temperature = temperature
        self.seed = seed
    }
}

/// Writes texts with a file that `kerasft.export.litert_generation` made: GPT-2, or T5. The cache is of one text: while it is
/// written, other threads wait.
public final class Generator {
    private let info: ModelInfo
    private let signatures: Signatures
    private let lengths: [Int]
    private let size: Int
    private let endId: Int
    private let startId: Int?  // T5 only
    private let oneText = NSLock()
    private var caches: [String: Tensor<Float>] = [:]
    private var place = 0
    private var mask: [Int32] = []

    public init(_ info: ModelInfo, _ signatures: Signatures) throws {
        let facts = info.generation
        if facts.isNull { throw BundleError("signature.json has no \"generation\": this file writes no texts") }
        self.info = info
        self.signatures = signatures
        lengths = facts["prefill_lengths"].ints.sorted()
        size = try facts.required(facts["cache_length"].int, "cache_length")
        endId = facts["end_token_id"].int ?? -1
        startId = facts["kind"].text == "sequence_to_sequence" ? facts["start_token_id"].int : nil
    }

    /// Write one text: for GPT-2 `prompt` is the beginning that is written on, for T5 the source with its end token.
    /// `onToken` gets each new token at once, and must not call `write`; false ends the text. Returns the new tokens, without
    /// the end token.
    public func write(
        _ prompt: [Int], _ options: GenerationOptions = GenerationOptions(), onToken: (Int) -> Bool = { _ in true }
    ) throws -> [Int] {
        oneText.lock()
        defer { oneText.unlock() }
        try check(prompt)
        let limit = min(options.maxNewTokens, startId == nil ? size - prompt.count : size)
        var numbers = SplitMix64(state: options.seed)
        var written: [Int] = []
        var logits = try startId == nil ? beginDecoder(prompt) : beginEncoderDecoder(prompt)
        while written.count < limit {
            let token = options.topK.map { draw(logits, $0, options.temperature, &numbers) } ?? likeliest(logits)
            if token == endId { break }
            written.append(token)
            if !onToken(token) || written.count == limit { break }
            logits = try next(token)
        }
        return written
    }

    private func check(_ prompt: [Int]) throws {
        let most = startId == nil ? size - 1 : lengths.last ?? 0
        if prompt.isEmpty || prompt.count > most {
            throw BundleError("the prompt must have 1 to \(most) tokens; received: \(prompt.count)")
        }
    }

    /// GPT-2: `prefill_S` puts S tokens into the cache, `decode` one, and gives the scores of the next.
    private func beginDecoder(_ prompt: [Int]) throws -> [Float] {
        reset()
        let last = prompt.count - 1
        while place < last {
            let rest = last - place
            let possible = lengths.filter { place + $0 <= size }
            guard rest > 1, let length = possible.first(where: { $0 >= rest }) ?? possible.last else {
                _ = try next(prompt[place])
                continue
            }
            // What stands behind the prompt is written over before anything sees it.
            let tokens = (0..<length).map { place + $0 < last ? Int32(prompt[place + $0]) : 0 }
            let positions = (0..<length).map { Int32(place + $0) }
            _ = try call(
                "prefill_\(length)",
                ["tokens": Tensor(tokens, shape: [1, length]), "input_pos": Tensor(positions, shape: [length])])
            place = min(place + length, last)
        }
        return try next(prompt[last])
    }

    /// T5: `encode_S` makes the keys and values of the source, `decode` reads one token of the target.
    private func beginEncoderDecoder(_ prompt: [Int]) throws -> [Float] {
        reset()
        guard let length = lengths.first(where: { $0 >= prompt.count }), let longest = lengths.last, let start = startId
        else { throw BundleError("signature.json lacks prefill_lengths or start_token_id") }
        mask = (0..<longest).map { $0 < prompt.count ? 1 : 0 }
        let padded = prompt.map { Int32($0) } + Array(repeating: Int32(0), count: length - prompt.count)
        _ = try call(
            "encode_\(length)",
            [
                "encoder_token_ids": Tensor(padded, shape: [1, length]),
                "encoder_padding_mask": Tensor(Array(mask.prefix(length)), shape: [1, length]),
            ])
        return try next(start)
    }

    private func next(_ token: Int) throws -> [Float] {
        var inputs = [
            "tokens": Tensor([Int32(token)], shape: [1, 1]), "input_pos": Tensor([Int32(place)], shape: [1]),
        ]
        if startId != nil { inputs["encoder_padding_mask"] = Tensor(mask, shape: [1, mask.count]) }
        place += 1
        guard let logits = try call("decode", inputs)["logits"] else { throw BundleError("decode has no output logits") }
        return logits
    }

    private func reset() {
        place = 0
        caches = [:]
        let written = Set(info.signatures.values.flatMap { $0.outputs.keys })
        for (name, spec) in info.signatures["decode"]?.inputs ?? [:] where written.contains(name) {
            caches[name] = Tensor(Array(repeating: 0, count: spec.shape.reduce(1, *)), shape: spec.shape)
        }
    }

    /// Run a signature with these inputs and the caches that it reads; keeps the caches that it writes, returns the rest.
    private func call(_ name: String, _ inputs: [String: Tensor<Int32>]) throws -> [String: [Float]] {
        guard let spec = info.signatures[name] else { throw BundleError("the file has no signature \(name)") }
        let known = caches.filter { spec.inputs[$0.key] != nil }
        var others: [String: [Float]] = [:]
        for (output, values) in try signatures.run(name, integers: inputs, floats: known) {
            if let cache = caches[output] {
                caches[output] = Tensor(values, shape: cache.shape)
            } else {
                others[output] = values
            }
        }
        return others
    }
}

/// The first of the largest, as numpy's argmax.
func likeliest(_ scores: [Float]) -> Int {
    var best = 0
    for (id, score) in scores.enumerated() where score > scores[best] { best = id }
    return best
}

private func draw(_ scores: [Float], _ topK: Int, _ temperature: Double, _ numbers: inout SplitMix64) -> Int {
    let ids = scores.indices.sorted { scores[$0] > scores[$1] }.prefix(max(1, topK))
    let largest = Double(scores[ids[0]])
    let powers = ids.map { exp((Double(scores[$0]) - largest) / temperature) }
    var left = Double.random(in: 0..<1, using: &numbers) * powers.reduce(0, +)
    for (id, power) in zip(ids, powers) {
        left -= power
        if left < 0 { return id }
    }
    return ids[ids.count - 1]
}

/// Steele et al. 2014. The same seed gives the same text here, but another than in Python.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
