package org.kerasft.core

/** Texts to ids of a vocabulary and back. The tokens around a text, such as [CLS], are added by [TextEncoder]. */
abstract class Tokenizer internal constructor(json: Any?) {
    private val added = json["added_tokens"].jsonList().map {
        AddedToken(
            id = it["id"].jsonInt(),
            content = it["content"] as String,
            singleWord = it["single_word"] as Boolean,
            leftStrip = it["lstrip"] as Boolean,
            rightStrip = it["rstrip"] as Boolean,
            normalized = it["normalized"] as Boolean,
            special = it["special"] as Boolean,
        )
    }
    private val raw = AddedTokens(added.filter { !it.normalized })
    private val normalized by lazy {
        AddedTokens(
            added.filter { it.normalized }
                .map { AddedToken(it.id, normalize(it.content), it.singleWord, it.leftStrip, it.rightStrip) },
        )
    }
    protected val addedById: Map<Int, AddedToken> = added.associateBy { it.id }

    /** The ids of a text. The strings of special tokens in it become these tokens, as they do in training. */
    fun ids(text: String): IntArray {
        val ids = Ids()
        for (part in raw.split(text)) {
            if (part.id != null) ids.add(part.id) else addNormalized(part.text, ids)
        }
        return ids.toArray()
    }

    private fun addNormalized(text: String, ids: Ids) {
        for (part in normalized.split(normalize(text))) {
            if (part.id != null) ids.add(part.id) else addPlain(part.text, ids)
        }
    }

    /** The text of ids, without special tokens. */
    abstract fun decode(ids: IntArray): String

    protected open fun normalize(text: String): String = text

    /** Add the ids of a normalised text without added tokens. */
    internal abstract fun addPlain(text: String, ids: Ids)

    companion object {
        /** Read a tokenizer.json, as Hugging Face's `tokenizers` writes it. */
        fun parse(tokenizerJson: String): Tokenizer {
            val json = Json.parse(tokenizerJson)
            return when (val type = json["model"]["type"]) {
                "WordPiece" -> WordPieceTokenizer(json)
                "BPE" -> ByteLevelBpeTokenizer(json)
                "Unigram" -> UnigramTokenizer(json)
                else -> throw IllegalArgumentException("a tokenizer of type $type is not supported")
            }
        }
    }
}

/** A list of ids that grows, without a box around each. */
internal class Ids {
    private var values = IntArray(64)
    var size = 0
        private set

    fun add(id: Int) {
        if (size == values.size) values = values.copyOf(2 * size)
        values[size++] = id
    }

    fun toArray(): IntArray = values.copyOf(size)
}
