package org.kerasft.core

/** A tensor's sizes, -1 where any size will do, and its type: "int32" or "float32". */
class TensorSpec(val shape: IntArray, val dtype: String)

/** The tensors of one signature, by name. */
class SignatureSpec(val inputs: Map<String, TensorSpec>, val outputs: Map<String, TensorSpec>)

/** What signature.json says of a model: its signatures, its labels, and how texts become ids. */
class ModelInfo(json: Any?) {
    val signatures: Map<String, SignatureSpec> = json["signatures"].jsonMap().mapValues { (_, tensors) ->
        SignatureSpec(specs(tensors["inputs"]), specs(tensors["outputs"]))
    }
    val task = json["task"] as String
    val problem = json["problem"] as String?
    val labels: List<String> = json["labels"]?.jsonList().orEmpty().map { it as String }
    val settings: Map<String, Any?> = json["settings"]?.jsonMap().orEmpty()
    val pair = json["pair"] as Boolean
    val padId = json["pad_token_id"]?.jsonInt() ?: 0
    val template = Template(json["preprocessing"]["template"])

    /** The ids of [E1], [/E1], [E2] and [/E2], for a task that has them; else none. */
    val markers: IntArray = json["decoding"]?.get("markers")?.let { markers ->
        listOf("[E1]", "[/E1]", "[E2]", "[/E2]").map { markers[it].jsonInt() }.toIntArray()
    } ?: IntArray(0)

    /** How texts are written, for a file that does; else null. */
    val generation: Map<String, Any?>? = json["generation"]?.jsonMap()

    /** The longest input in ids, those of special tokens included; longer texts are cut. */
    val maxLength = minOf(
        json["max_length"].jsonInt(),
        json["lengths"]?.jsonInts()?.maxOrNull() ?: Int.MAX_VALUE,
    )

    private fun specs(tensors: Any?): Map<String, TensorSpec> =
        tensors.jsonMap().mapValues { TensorSpec(it.value["shape"].jsonInts(), it.value["dtype"] as String) }

    companion object {
        fun parse(signatureJson: String) = ModelInfo(Json.parse(signatureJson))
    }
}
