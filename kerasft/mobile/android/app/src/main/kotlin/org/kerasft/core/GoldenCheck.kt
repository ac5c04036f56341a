package org.kerasft.core

import kotlin.math.abs

/**
 * Compares what this port makes of the texts in golden.jsonl with what the file says: the ids, and if there is a model to run its
 * numbers, or the tokens that it writes.
 */
class GoldenCheck(private val info: ModelInfo, private val tokenizer: Tokenizer, private val signatures: Signatures? = null) {
    private val encoder = TextEncoder(tokenizer, info)
    private val model by lazy { TextModel(info, tokenizer, signatures!!) }
    private val generator by lazy { Generator(info, signatures!!) }

    var checked = 0
        private set

    /** Largest difference of an output. */
    var largestDifference = 0.0
        private set

    /** What was wrong: texts with other ids, or other new tokens. */
    val different = ArrayList<String>()

    /** Check one line of the file. */
    fun line(json: String) {
        val row = Json.parse(json)
        checked++
        if (info.generation == null) checkModel(row) else checkGenerator(row)
    }

    private fun checkModel(row: Any?) {
        val texts = (row["texts"]?.jsonList() ?: listOf(row["text"])).map { it as String }
        val encoded = if (texts.size == 1) encoder.encode(texts[0]) else encoder.encode(texts[0], texts[1])
        if (!same(texts, row["token_ids"].jsonInts(), encoded.ids)) return
        row["segment_ids"]?.let { if (!same(texts, it.jsonInts(), encoded.segments)) return }
        if (signatures == null) return
        val outputs = model.run(encoded)
        for ((name, values) in row["outputs"].jsonMap()) {
            val (expected, received) = Pair(flat(values), outputs.getValue(name).values)
            require(expected.size == received.size) { "$name has ${received.size} numbers, not ${expected.size}" }
            for (i in received.indices) largestDifference = maxOf(largestDifference, abs(expected[i] - received[i]))
        }
    }

    private fun checkGenerator(row: Any?) {
        val text = row["text"] as String
        val prompt = row["token_ids"].jsonInts()
        val ids = if (info.task == "causal-lm") tokenizer.ids(text) else encoder.encode(text).ids
        // A prompt that is too long for the cache lost its beginning; an empty one is the end token.
        if (ids.isNotEmpty() && !same(listOf(text), prompt, ids.takeLast(prompt.size).toIntArray())) return
        if (signatures == null) return
        val expected = row["generated_token_ids"].jsonInts()
        same(listOf(text), expected, generator.write(prompt, GenerationOptions(maxNewTokens = maxOf(1, expected.size))).ids)
    }

    private fun same(texts: List<String>, expected: IntArray, received: IntArray): Boolean {
        if (expected.contentEquals(received)) return true
        different.add("$texts: expected ${expected.asList()}, received ${received.asList()}")
        return false
    }

    private fun flat(values: Any?): List<Double> = if (values is Double) listOf(values) else values.jsonList().flatMap(::flat)
}
