package org.kerasft.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer

/** The signatures of a model file: all that this code needs of LiteRT, so that a test can do without it. */
interface Signatures {
    /**
     * Run one signature.
     *
     * [inputs] are int32 arrays of one or two axes (`IntArray`, `Array<IntArray>`), or direct float buffers of the tensor's size;
     * [outputs] are direct float buffers, which are filled.
     */
    fun run(signature: String, inputs: Map<String, Any>, outputs: Map<String, FloatBuffer>)
}

/** A float buffer full of zeros, as LiteRT reads and writes it without a copy. */
fun floatBuffer(shape: IntArray): FloatBuffer =
    ByteBuffer.allocateDirect(4 * shape.fold(1, Int::times)).order(ByteOrder.nativeOrder()).asFloatBuffer()

/** The content of a buffer, from its beginning. */
fun FloatBuffer.toFloatArray(): FloatArray = FloatArray(capacity()).also {
    rewind()
    get(it)
    rewind()
}
