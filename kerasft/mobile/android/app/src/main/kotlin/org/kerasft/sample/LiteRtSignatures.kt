package org.kerasft.sample

import org.kerasft.core.Signatures
import org.tensorflow.lite.Interpreter
import java.nio.ByteBuffer
import java.nio.FloatBuffer

/** A model file in LiteRT's interpreter, which runs one signature at a time: other threads wait. */
class LiteRtSignatures(model: ByteBuffer, threads: Int = 2) : Signatures, AutoCloseable {
    private val interpreter = Interpreter(model, Interpreter.Options().setNumThreads(threads))

    @Synchronized
    override fun run(signature: String, inputs: Map<String, Any>, outputs: Map<String, FloatBuffer>) {
        // LiteRT reads and writes a buffer from its position on. An array also resizes a tensor of any length, a buffer does not.
        val buffers = outputs.values + inputs.values.filterIsInstance<FloatBuffer>()
        buffers.forEach { it.rewind() }
        interpreter.runSignature(inputs, outputs, signature)
        buffers.forEach { it.rewind() }
    }

    @Synchronized
    override fun close() = interpreter.close()
}
