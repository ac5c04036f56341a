/** A mobile bundle in the browser: texts in, named outputs out, on LiteRT's web runtime (WebAssembly, CPU). */

import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { Answers } from "./answers.js";
import { WordPieceTokenizer, encode } from "./wordpiece.js";

export class TextModel {
  /** @param {string} bundle The bundle's URL, with a slash at its end. @param {string} wasm That of the runtime's `wasm/`. */
  static async load(bundle, wasm) {
    const signature = await (await fetched(bundle + "signature.json")).json();
    if (!signature.lengths.length) {
      throw new Error("The file is of any length, and this runtime wants fixed ones: export with --sequence-length 32 128.");
    }
    const tokenizer = new WordPieceTokenizer(await (await fetched(bundle + "tokenizer.json")).json());
    await loadLiteRt(wasm);
    const content = new Uint8Array(await (await fetched(bundle + "model.tflite")).arrayBuffer());
    return new TextModel(signature, tokenizer, await loadAndCompile(content, { accelerator: "wasm" }));
  }

  constructor(signature, tokenizer, compiled) {
    Object.assign(this, { signature, tokenizer, compiled, answers: new Answers(signature), last: Promise.resolve() });
  }

  /** @param {string[]} texts One, or two of a pair. @returns The ids that the model reads. */
  encode(texts) {
    return encode(this.tokenizer, texts, this.signature);
  }

  /** @param {string[]} texts One, or two of a pair. @returns {Promise<Object<string, Float32Array>>} Outputs by name. */
  run(texts) {
    // The runtime's tensors are of one run: a call that comes before the last one has its answer waits for it.
    const found = this.last.then(() => this.runAlone(texts));
    this.last = found.catch(() => {}); // an error is its own caller's
    return found;
  }

  async runAlone(texts) {
    const { lengths, signatures, pad_token_id: pad } = this.signature;
    const encoded = this.encode(texts);
    const length = lengths.find((each) => each >= encoded.token_ids.length); // the shortest that holds the text
    const name = lengths.length > 1 ? `length_${length}` : Object.keys(signatures)[0];
    const rows = {
      token_ids: [encoded.token_ids, pad ?? 0],
      segment_ids: [encoded.segment_ids, 0],
      padding_mask: [encoded.token_ids.map(() => 1), 0],
    };
    const inputs = {};
    for (const input of Object.keys(signatures[name].inputs)) {
      const [values, filler] = rows[input];
      inputs[input] = new Tensor(Int32Array.from({ length }, (_, at) => values[at] ?? filler), [1, length]);
    }
    const outputs = await this.compiled.run(name, inputs);
    const found = {};
    for (const [output, tensor] of Object.entries(outputs)) {
      found[output] = Float32Array.from(tensor.toTypedArray());
      tensor.delete();
    }
    Object.values(inputs).forEach((tensor) => tensor.delete()); // the runtime's memory is not collected
    return found;
  }
}

/**
 * Run the bundle's own proof, `golden.jsonl`.
 * @returns {Promise<{texts: number, equalIds: number, maxDifference: number, answers: object[]}>}
 */
export async function checkGolden(model, bundle) {
  const lines = (await (await fetched(bundle + "golden.jsonl")).text()).trim().split("\n");
  const result = { texts: lines.length, equalIds: 0, maxDifference: 0, answers: [] };
  for (const row of lines.map((line) => JSON.parse(line))) {
    const texts = row.texts ?? [row.text];
    const outputs = await model.run(texts);
    result.equalIds += String(model.encode(texts).token_ids) === String(row.token_ids);
    for (const [name, expected] of Object.entries(row.outputs)) {
      expected.flat().forEach((value, at) => {
        result.maxDifference = Math.max(result.maxDifference, Math.abs(value - outputs[name][at]));
      });
    }
    const scores = outputs.logits ? model.answers.scores(outputs.logits) : null;
    const best = outputs.logits ? model.answers.best(outputs.logits) : null;
    result.answers.push({ texts, scores, best, embedding: outputs.embedding ? [...outputs.embedding] : null });
  }
  return result;
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response;
}
