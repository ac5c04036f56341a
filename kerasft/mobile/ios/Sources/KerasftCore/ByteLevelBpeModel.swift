/// The tokenizer of GPT-2 and RoBERTa: split as GPT-2's pattern does, write each byte as a character, merge by rank.
struct ByteLevelBpeModel: TokenModel {
    private struct Pair: Hashable {
        let first: Int
        let second: Int
    }

    private struct Merge {
        let rank: Int
        let id: Int
    }

    private let vocabulary: [Scalars: Int]
    private let pieces: [Int: Scalars]
    private let byteIds: [Int?]
    private let merges: [Pair: Merge]
    private let addsSpace: Bool

    init(_ json: Json) throws {
        let model = json["model"]
        let splitting = json["pre_tokenizer"]
        guard splitting["type"].text == "ByteLevel", json["normalizer"].isNull, splitting["use_regex"].flag != false else {
            throw BundleError("a byte-level BPE tokenizer with GPT-2's splitting and no normaliser was expected")
        }
        addsSpace = splitting["add_prefix_space"].flag ?? false
        let vocabulary = model["vocab"].entries.compactMapValues { $0.int }
        self.vocabulary = vocabulary
        pieces = Dictionary(vocabulary.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
        let unknown = model["unk_token"].scalars.flatMap { vocabulary[$0] }
        byteIds = byteCharacters.map { vocabulary[[$0]] ?? unknown }
        var merges: [Pair: Merge] = [:]
        for (rank, entry) in (model["merges"].list ?? []).enumerated() {
            // Older files have "a b", newer ones ["a", "b"].
            let parts: [Scalars]
            if let text = entry.scalars {
                parts = text.split(separator: " ").map { Scalars($0) }
            } else {
                parts = (entry.list ?? []).compactMap { $0.scalars }
            }
            guard parts.count == 2, let first = vocabulary[parts[0]], let second = vocabulary[parts[1]],
                let id = vocabulary[parts[0] + parts[1]]
            else { throw BundleError("merge \(rank) of tokenizer.json is not of two pieces of the vocabulary") }
            merges[Pair(first: first, second: second)] = Merge(rank: rank, id: id)
        }
        self.merges = merges
    }

    func normalize(_ text: Scalars) -> Scalars {
        text
    }

    func ids(_ text: Scalars) -> [Int] {
        var spaced = text
        if addsSpace && text.first != " " { spaced.insert(" ", at: 0) }
        var found: [Int] = []
        var start = 0
        while start < spaced.count {
            let end = endOfWord(spaced, start)
            found += wordIds(Array(asString(Scalars(spaced[start..<end])).utf8))
            start = end
        }
        return found
    }

    private func wordIds(_ bytes: [UInt8]) -> [Int] {
        var word = bytes.compactMap { byteIds[Int($0)] }
        while word.count > 1 {
            var best: Merge?
            var place = 0
            for i in 0..<(word.count - 1) {
                guard let merge = merges[Pair(first: word[i], second: word[i + 1])] else { continue }
                if best == nil || merge.rank < best!.rank {
                    best = merge
                    place = i
                }
            }
            guard let merge = best else { break }
            word[place] = merge.id
            word.remove(at: place + 1)
        }
        return word
    }

    func decode(_ ids: [Int], added: [Int: Scalars]) -> String {
        var bytes: [UInt8] = []
        for id in ids {
            if let content = added[id] {
                bytes += Array(asString(content).utf8)
            } else {
                bytes += (pieces[id] ?? []).compactMap { characterBytes[$0] }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

private enum Kind {
    case space, letter, number, other
}

private func kind(_ scalar: Unicode.Scalar) -> Kind {
    if scalar.isSpace { return .space }
    if scalar.isLetter { return .letter }
    return scalar.isNumber ? .number : .other
}

private let contractions: [Scalars] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Scalars($0.unicodeScalars) }

/// Where the word ends that begins here, by GPT-2's pattern
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
private func endOfWord(_ text: Scalars, _ start: Int) -> Int {
    for contraction in contractions where text[start...].starts(with: contraction) {
        return start + contraction.count
    }
    let first = text[start] == " " ? start + 1 : start
    let expected = first < text.count ? kind(text[first]) : .space
    var end = expected == .space ? start : first
    while end < text.count && kind(text[end]) == expected { end += 1 }
    // The last space belongs to the word behind it, if one follows.
    return expected == .space && end < text.count && end - start > 1 ? end - 1 : end
}

/// The bytes that are visible in Latin-1 stand for themselves, the others for the characters from U+0100 on.
private let byteCharacters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt32(0)..<256).map { byte in
        switch byte {
        case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)!
        default:
            next += 1
            return Unicode.Scalar(next - 1)!
        }
    }
}()

private let characterBytes: [Unicode.Scalar: UInt8] = Dictionary(
    uniqueKeysWithValues: byteCharacters.enumerated().map { ($0.element, UInt8($0.offset)) })
