package org.kerasft.core

import kotlin.math.abs

/** Compares what this port makes of the texts in golden.jsonl with what the file says: the ids, and the model's numbers. */
class GoldenCheck(private val encoder: TextEncoder, private val run: ((Encoded) -> Map<String, Output>)? = null) {
    constructor(model: TextModel) : this(model.encoder, model::run)

    var checked = 0
        private set

    /** Largest difference of an output; another processor may give a little less than 0.001 even for a file of floats. */
    var largestDifference = 0.0
        private set

    /** Texts with other ids. */
    val different = ArrayList<String>()

    /** Check one line of the file. */
    fun line(json: String) {
        val row = Json.parse(json)
        val texts = (row["texts"]?.asList() ?: listOf(row["text"])).map { it as String }
        val encoded = if (texts.size == 1) encoder.encode(texts[0]) else encoder.encode(texts[0], texts[1])
        val expected = row["token_ids"].asInts()
        val segments = row["segment_ids"]?.asInts() ?: encoded.segments
        checked++
        if (!encoded.ids.contentEquals(expected) || !encoded.segments.contentEquals(segments)) {
            different.add("$texts: expected ${expected.asList()}, received ${encoded.ids.asList()}")
        } else if (run != null) {
            val outputs = run.invoke(encoded)
            for ((name, values) in row["outputs"].asMap()) compare(flat(values), outputs.getValue(name).values)
        }
    }

    private fun compare(expected: List<Double>, received: FloatArray) {
        require(expected.size == received.size) { "golden.jsonl has ${expected.size} numbers, the model made ${received.size}" }
        for (i in received.indices) largestDifference = maxOf(largestDifference, abs(expected[i] - received[i]))
    }

    private fun flat(values: Any?): List<Double> =
        if (values is Double) listOf(values) else values.asList().flatMap(::flat)
}
