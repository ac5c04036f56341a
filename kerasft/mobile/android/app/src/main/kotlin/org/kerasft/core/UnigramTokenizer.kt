package org.kerasft.core

import java.text.Normalizer

/** The tokenizer of T5 and XLM-RoBERTa, SentencePiece's Unigram: the likeliest way to cut each word into pieces. */
class UnigramTokenizer internal constructor(json: Any?) : Tokenizer(json) {
    private val pieces: List<String>
    private val scores: DoubleArray
    private val ids = HashMap<String, Int>()
    private val unknownId = json["model"]["unk_id"].jsonInt()
    private val longest: Int
    private val unknownScore: Double
    private val normalization: (String) -> String
    private val splitsAtSpaces: Boolean

    init {
        val vocabulary = json["model"]["vocab"].jsonList().map { it.jsonList() }
        pieces = vocabulary.map { it[0] as String }
        scores = DoubleArray(vocabulary.size) { vocabulary[it][1] as Double }
        pieces.forEachIndexed { id, piece -> ids[piece] = id }
        longest = pieces.maxOf { it.length }
        unknownScore = scores.min() - 10
        val normalizer = json["normalizer"]
        normalization = when (val type = normalizer?.get("type")) {
            null -> { text -> text }
            "NFKC" -> { text -> Normalizer.normalize(text, Normalizer.Form.NFKC) }
            "Precompiled" -> CharacterMap(normalizer["precompiled_charsmap"] as String)::normalize
            else -> throw IllegalArgumentException("a tokenizer with the normaliser $type is not supported")
        }
        val splitting = json["pre_tokenizer"]
        val steps = if (splitting["type"] == "Sequence") splitting["pretokenizers"].jsonList() else listOf(splitting)
        splitsAtSpaces = steps.first()["type"] == "WhitespaceSplit"
        val last = steps.last()
        require(last["type"] == "Metaspace" && last["prepend_scheme"] == "always" && last["split"] != false) {
            "a Unigram tokenizer with SentencePiece's splitting was expected"
        }
        require(json["model"]["byte_fallback"] != true) { "a Unigram tokenizer with bytes is not supported" }
    }

    override fun normalize(text: String): String = normalization(text)

    override fun addPlain(text: String, ids: Ids) {
        val words = if (splitsAtSpaces) splitAtSpaces(text) else listOf(text.replace(' ', WORD_START))
        for (word in words) {
            val marked = if (word.startsWith(WORD_START)) word else WORD_START + word
            var start = 0
            while (start < marked.length) {
                val end = marked.indexOf(WORD_START, start + 1).let { if (it == -1) marked.length else it }
                addWord(marked.substring(start, end), ids)
                start = end
            }
        }
    }

    private fun splitAtSpaces(text: String): List<String> {
        val words = ArrayList<String>()
        var start = 0
        for (at in 0..text.length) {
            if (at < text.length && !isSpace(text[at].code)) continue
            if (at > start) words.add(text.substring(start, at))
            start = at + 1
        }
        return words
    }

    /** Viterbi: the best way to each place, by the last piece before it. */
    private fun addWord(word: String, ids: Ids) {
        val best = DoubleArray(word.length + 1)
        val startOf = IntArray(word.length + 1) { -1 }
        val idAt = IntArray(word.length + 1)

        fun offer(start: Int, end: Int, id: Int, score: Double) {
            if (startOf[end] != -1 && best[start] + score <= best[end]) return
            best[end] = best[start] + score
            startOf[end] = start
            idAt[end] = id
        }

        var at = 0
        while (at < word.length) {
            val next = at + Character.charCount(word.codePointAt(at))
            var single = false
            for (end in at + 1..minOf(word.length, at + longest)) {
                val id = this.ids[word.substring(at, end)] ?: continue
                offer(at, end, id, scores[id])
                single = single || end == next
            }
            if (!single) offer(at, next, unknownId, unknownScore)
            at = next
        }
        val found = ArrayList<Int>()
        var end = word.length
        while (end > 0) {
            var start = startOf[end]
            // Unknown characters beside each other are one piece.
            while (idAt[end] == unknownId && start > 0 && idAt[start] == unknownId) start = startOf[start]
            found.add(if (idAt[end] == unknownId) this.ids[word.substring(start, end)] ?: unknownId else idAt[end])
            end = start
        }
        found.asReversed().forEach(ids::add)
    }

    override fun decode(ids: IntArray): String =
        ids.filter { addedById[it]?.special != true }
            .joinToString("") { addedById[it]?.content ?: pieces[it] }
            .replace(WORD_START, ' ')
            .removePrefix(" ")

    private companion object {
        const val WORD_START = '\u2581'
    }
}
