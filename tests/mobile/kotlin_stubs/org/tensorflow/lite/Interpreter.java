package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.util.Map;

/** What the sample uses of LiteRT 2.1, with its signatures; only for checking types. */
public final class Interpreter implements AutoCloseable {
    public static class Options {
        public Options setNumThreads(int numThreads) { return this; }
    }

    public Interpreter(ByteBuffer byteBuffer, Options options) {}

    public void runSignature(Map<String, Object> inputs, Map<String, Object> outputs, String signatureKey) {}

    public String[] getSignatureKeys() { return null; }

    @Override
    public void close() {}
}
