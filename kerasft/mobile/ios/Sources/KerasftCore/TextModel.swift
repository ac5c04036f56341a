/// What a model reads of one text, or of one pair of texts.
public struct Encoded {
    public let ids: [Int]
    public let segments: [Int]
}

/// Puts the template's ids around those of texts, and cuts what is longer than the model reads.
public struct TextEncoder {
    private let tokenizer: Tokenizer
    private let before: [Int]
    private let afterSingle: [Int]
    private let between: [Int]
    private let after: [Int]
    private let maxLength: Int
    private let markers: [Int]

    public init(_ info: ModelInfo, _ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        before = info.template["before"].ints
        afterSingle = info.template["after_single"].ints
        between = info.template["between"].ints
        after = info.template["after"].ints
        maxLength = info.maxLength
        markers = info.markers
    }

    public func encode(_ text: Scalars) -> Encoded {
        let room = maxLength - before.count - afterSingle.count
        let ids = before + cut(tokenizer.ids(text), room) + afterSingle
        return Encoded(ids: ids, segments: Array(repeating: 0, count: ids.count))
    }

    private func cut(_ ids: [Int], _ room: Int) -> [Int] {
        let places = markers.compactMap { ids.lastIndex(of: $0) }
        if ids.count <= room || places.count < 4 { return Array(ids.prefix(room)) }
        return aroundEntities(ids, places, room)
    }

    /// As much before the first entity as after the last; where they are too far apart what stands between them goes.
    private func aroundEntities(_ ids: [Int], _ places: [Int], _ room: Int) -> [Int] {
        let first = places.min()!
        let last = places.max()!
        let spare = room - (last - first + 1)
        if spare >= 0 {
            let start = first - min(first, max(spare / 2, spare - (ids.count - 1 - last)))
            return Array(ids[start..<start + room])
        }
        let isOrdered = places[0] < places[2]
        let head = isOrdered ? places[0] : places[2]
        let tail = isOrdered ? places[2] : places[0]
        let ofTail = min(room / 2, (isOrdered ? places[3] : places[1]) - tail + 1)
        let kept = Set(head..<head + room - ofTail).union(tail..<tail + ofTail)
        return kept.sorted().map { ids[$0] }
    }

    /// Of a pair the longer text is cut first.
    public func encode(_ first: Scalars, _ second: Scalars) -> Encoded {
        let a = tokenizer.ids(first)
        let b = tokenizer.ids(second)
        let room = maxLength - before.count - between.count - after.count
        let (keptOfA, keptOfB) = longestFirst(a.count, b.count, room)
        let head = before + a.prefix(keptOfA) + between
        let tail = b.prefix(keptOfB) + after
        let segments = Array(repeating: 0, count: head.count) + Array(repeating: 1, count: tail.count)
        return Encoded(ids: head + tail, segments: segments)
    }

    private func longestFirst(_ first: Int, _ second: Int, _ room: Int) -> (Int, Int) {
        if first + second <= room { return (first, second) }
        var low = min(first, second)
        var high = max(low, room - low)
        if low + high > room {
            // Both are longer than half of the room: they get half each, the longer one the odd place.
            low = room / 2
            high = room - room / 2
        }
        return first <= second ? (low, high) : (high, low)
    }
}

/// Runs the signatures of a model file: all that this code needs of LiteRT, so that a test can do without it.
public protocol Signatures {
    /// Run one signature on int32 tensors and float caches; returns all its outputs, flat.
    func run(_ signature: String, integers: [String: Tensor<Int32>], floats: [String: Tensor<Float>]) throws -> [String: [Float]]
}

/// Numbers, row by row, and their shape.
public struct Tensor<Number> {
    public let values: [Number]
    public let shape: [Int]

    public init(_ values: [Number], shape: [Int]) {
        self.values = values
        self.shape = shape
    }
}

/// Texts in, the numbers of a model out: the shortest signature that a text fits in, padded, run.
public struct TextModel {
    public let encoder: TextEncoder
    private let info: ModelInfo
    private let signatures: Signatures
    private let byLength: [(name: String, length: Int)]

    public init(_ info: ModelInfo, _ tokenizer: Tokenizer, _ signatures: Signatures) throws {
        self.info = info
        self.signatures = signatures
        encoder = TextEncoder(info, tokenizer)
        byLength = info.signatures
            .compactMap { name, spec in spec.inputs["token_ids"].map { (name: name, length: $0.shape[1]) } }
            .sorted { $0.length < $1.length }
        if byLength.isEmpty { throw BundleError("no signature of the model has the input token_ids") }
    }

    /// The outputs by name; those per token, (S, C), without the rows of padding.
    public func run(_ encoded: Encoded) throws -> [String: Tensor<Float>] {
        let size = encoded.ids.count
        // A length of -1 stands for any.
        guard let (name, fixed) = byLength.first(where: { $0.length == -1 || $0.length >= size }),
            let spec = info.signatures[name]
        else { throw BundleError("no signature of the model takes \(size) tokens") }
        let length = fixed == -1 ? max(size, 1) : fixed
        var inputs: [String: Tensor<Int32>] = [:]
        for input in spec.inputs.keys {
            inputs[input] = Tensor(try row(input, encoded, length), shape: [1, length])
        }
        let outputs = try signatures.run(name, integers: inputs, floats: [:])
        var found: [String: Tensor<Float>] = [:]
        for (output, described) in spec.outputs {
            let values = outputs[output] ?? []
            let width = described.shape.last ?? 1
            // An output per token, (1, S, C), loses its rows for padding.
            let perToken = described.shape.count == 3
            found[output] =
                perToken
                ? Tensor(Array(values.prefix(size * width)), shape: [size, width])
                : Tensor(values, shape: [values.count])
        }
        return found
    }

    private func row(_ input: String, _ encoded: Encoded, _ length: Int) throws -> [Int32] {
        let padding = length - encoded.ids.count
        switch input {
        case "token_ids": return (encoded.ids + Array(repeating: info.padId, count: padding)).map { Int32($0) }
        case "padding_mask":
            return Array(repeating: 1, count: encoded.ids.count) + Array(repeating: 0, count: padding)
        case "segment_ids": return (encoded.segments + Array(repeating: 0, count: padding)).map { Int32($0) }
        default: throw BundleError("the model has an input \(input), which is not one of a text")
        }
    }
}
