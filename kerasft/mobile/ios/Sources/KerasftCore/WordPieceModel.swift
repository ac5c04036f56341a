/// BERT's tokenizer: clean, lower-case, split at spaces and punctuation, take the longest pieces from the left.
struct WordPieceModel: TokenModel {
    private let vocabulary: [Scalars: Int]
    private let pieces: [Int: Scalars]
    private let unknown: Int
    private let prefix: Scalars
    private let longest: Int
    private let cleans: Bool
    private let lowers: Bool
    private let strips: Bool
    private let padsIdeographs: Bool

    init(_ json: Json) throws {
        let model = json["model"]
        let normalizer = json["normalizer"]
        guard normalizer["type"].text == "BertNormalizer", json["pre_tokenizer"]["type"].text == "BertPreTokenizer" else {
            throw BundleError("a WordPiece tokenizer with BERT's normaliser and splitting was expected")
        }
        vocabulary = model["vocab"].entries.compactMapValues { $0.int }
        pieces = Dictionary(vocabulary.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
        unknown = try model.required(vocabulary[try model.required(model["unk_token"].scalars, "unk_token")], "id of unk_token")
        prefix = try model.required(model["continuing_subword_prefix"].scalars, "continuing_subword_prefix")
        longest = try model.required(model["max_input_chars_per_word"].int, "max_input_chars_per_word")
        cleans = normalizer["clean_text"].flag ?? true
        lowers = normalizer["lowercase"].flag ?? true
        strips = normalizer["strip_accents"].flag ?? lowers
        padsIdeographs = normalizer["handle_chinese_chars"].flag ?? true
    }

    func normalize(_ text: Scalars) -> Scalars {
        let space: Unicode.Scalar = " "
        var cleaned: Scalars = []
        for scalar in text {
            if cleans && scalar.isControl { continue }
            if cleans && scalar.isSpace {
                cleaned.append(space)
            } else if padsIdeographs && scalar.isIdeograph {
                cleaned += [space, scalar, space]
            } else {
                cleaned.append(scalar)
            }
        }
        if strips { cleaned = decomposed(cleaned).filter { $0.properties.generalCategory != .nonspacingMark } }
        // One by one: a whole text's last sigma would get another lower case.
        return lowers ? cleaned.flatMap { Scalars($0.properties.lowercaseMapping.unicodeScalars) } : cleaned
    }

    func ids(_ text: Scalars) -> [Int] {
        var found: [Int] = []
        var word: Scalars = []
        for scalar in text {
            let alone = scalar.isPunctuation
            if !alone && !scalar.isSpace {
                word.append(scalar)
                continue
            }
            found += wordIds(word)
            if alone { found += wordIds([scalar]) }
            word = []
        }
        return found + wordIds(word)
    }

    private func wordIds(_ word: Scalars) -> [Int] {
        if word.count > longest { return [unknown] }
        var found: [Int] = []
        var start = 0
        while start < word.count {
            var end = word.count
            var id: Int?
            while end > start {
                id = vocabulary[(start > 0 ? prefix : []) + word[start..<end]]
                if id != nil { break }
                end -= 1
            }
            // A word of which a part is in no vocabulary is unknown as a whole.
            guard let known = id else { return [unknown] }
            found.append(known)
            start = end
        }
        return found
    }

    func decode(_ ids: [Int], added: [Int: Scalars]) -> String {
        var text: Scalars = []
        for id in ids {
            let piece = added[id] ?? pieces[id] ?? []
            if piece.starts(with: prefix) && added[id] == nil {
                text += piece.dropFirst(prefix.count)
            } else {
                text += (text.isEmpty ? [] : [" "]) + piece
            }
        }
        return asString(text)
    }
}
