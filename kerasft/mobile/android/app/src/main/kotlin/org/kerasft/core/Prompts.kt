package org.kerasft.core

/** The ids that a model which writes reads of a text. */
class Prompts(private val info: ModelInfo, private val tokenizer: Tokenizer) {
    private val encoder = TextEncoder(tokenizer, info)

    /**
     * For T5 the ids of its prefix and the text, with the end token; for GPT-2 those of the text alone, the last ones if there are
     * too many to leave room for [newTokens].
     */
    fun ids(text: String, newTokens: Int): IntArray {
        if (info.task != "causal-lm") return encoder.encode((info.settings["prefix"] as String? ?: "") + text).ids
        val facts = info.generation.orEmpty()
        val room = maxOf(1, facts["cache_length"].jsonInt() - newTokens)
        val ids = tokenizer.ids(text).let { it.copyOfRange(maxOf(0, it.size - room), it.size) }
        return if (ids.isEmpty()) intArrayOf(facts["end_token_id"]?.jsonInt() ?: 0) else ids
    }
}
