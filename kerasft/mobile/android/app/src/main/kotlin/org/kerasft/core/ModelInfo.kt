package org.kerasft.core

/** What signature.json says of a model: its signatures, its labels, and how texts become ids. */
class ModelInfo(json: Any?) {
    /** The shape of each input and output of each signature; -1 is any size. */
    class Shapes(val inputs: Map<String, IntArray>, val outputs: Map<String, IntArray>)

    val signatures: Map<String, Shapes> = json["signatures"].asMap().mapValues { (_, tensors) ->
        Shapes(shapes(tensors["inputs"]), shapes(tensors["outputs"]))
    }
    val task = json["task"] as String
    val problem = json["problem"] as String?
    val labels: List<String> = json["labels"]?.asList().orEmpty().map { it as String }
    val settings: Map<String, Any?> = json["settings"]?.asMap().orEmpty()
    val pair = json["pair"] as Boolean
    val padId = json["pad_token_id"]?.asInt() ?: 0
    val template = Template(json["preprocessing"]["template"])

    /** The lengths that have a signature each, from short to long; empty: any length will do. */
    val lengths: List<Int> = json["lengths"].asList().map { it.asInt() }.sorted()
    val maxLength: Int = minOf(json["max_length"].asInt(), lengths.maxOrNull() ?: Int.MAX_VALUE)

    private fun shapes(tensors: Any?) = tensors.asMap().mapValues { it.value["shape"].asInts() }

    companion object {
        fun parse(signatureJson: String) = ModelInfo(Json.parse(signatureJson))
    }
}
