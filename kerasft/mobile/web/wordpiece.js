/** BERT's tokenizer, read from `tokenizer.json`: clean, lower-case, split, take the longest pieces from the left. */

const SPACE = /\p{White_Space}/u;
const OTHER = /\p{C}/u; // control, format, unassigned
const PUNCTUATION = /[!-\/:-@\[-`{-~]|\p{P}/u;
const MARK = /\p{Mn}/gu;
const IDEOGRAPHS = [
  [0x4e00, 0x9fff], [0x3400, 0x4dbf], [0x20000, 0x2a6df], [0x2a700, 0x2b73f], [0x2b740, 0x2b81f], [0x2b920, 0x2ceaf],
  [0xf900, 0xfaff], [0x2f800, 0x2fa1f],
];

export class WordPieceTokenizer {
  /** @param {object} json The content of `tokenizer.json`. */
  constructor(json) {
    const { model, normalizer, pre_tokenizer: splitter } = json;
    if (model.type !== "WordPiece" || normalizer?.type !== "BertNormalizer" || splitter?.type !== "BertPreTokenizer") {
      throw new Error(`This page has BERT's WordPiece tokenizer; tokenizer.json is of the type ${model.type}.`);
    }
    this.model = model;
    this.normalizer = normalizer;
    this.vocabulary = new Map(Object.entries(model.vocab));
    this.added = new Map(json.added_tokens.map((token) => [token.content, token.id]));
    const escaped = [...this.added.keys()].sort((a, b) => b.length - a.length);
    const pattern = escaped.map((token) => token.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
    this.split = pattern ? new RegExp(`(${pattern})`, "u") : null;
  }

  /** Ids of a text without those that stand around it. @param {string} text @returns {number[]} */
  ids(text) {
    const parts = this.split ? text.split(this.split) : [text];
    return parts.flatMap((part, index) => (index % 2 ? [this.added.get(part)] : this.words(part).flatMap((word) => this.pieces(word))));
  }

  normalize(text) {
    const { clean_text: cleans, handle_chinese_chars: pads, lowercase } = this.normalizer;
    const strips = this.normalizer.strip_accents ?? lowercase;
    let cleaned = "";
    for (const character of text) {
      const code = character.codePointAt(0);
      const isSpace = SPACE.test(character);
      if (cleans && (code === 0xfffd || (OTHER.test(character) && !"\t\n\r".includes(character)))) continue;
      if (cleans && isSpace) cleaned += " ";
      else if (pads && IDEOGRAPHS.some(([first, last]) => first <= code && code <= last)) cleaned += ` ${character} `;
      else cleaned += character;
    }
    if (strips) cleaned = cleaned.normalize("NFD").replace(MARK, "");
    // By character: the lower case of a whole text knows of the Greek final sigma, the training tokenizer doesn't.
    return lowercase ? Array.from(cleaned, (character) => character.toLowerCase()).join("") : cleaned;
  }

  words(text) {
    const words = [];
    let word = "";
    for (const character of this.normalize(text)) {
      const alone = PUNCTUATION.test(character);
      if (!alone && !SPACE.test(character)) {
        word += character;
        continue;
      }
      if (word) words.push(word);
      if (alone) words.push(character);
      word = "";
    }
    return word ? [...words, word] : words;
  }

  pieces(word) {
    const characters = Array.from(word);
    const unknown = [this.vocabulary.get(this.model.unk_token)];
    if (characters.length > this.model.max_input_chars_per_word) return unknown;
    const found = [];
    for (let start = 0; start < characters.length; ) {
      const prefix = start ? this.model.continuing_subword_prefix : "";
      let end = characters.length;
      while (end > start && !this.vocabulary.has(prefix + characters.slice(start, end).join(""))) end -= 1;
      if (end === start) return unknown; // a word of which a part is in no vocabulary is unknown as a whole
      found.push(this.vocabulary.get(prefix + characters.slice(start, end).join("")));
      start = end;
    }
    return found;
  }
}

/**
 * Put the template's ids around one text or two, cut to `maxLength` as the training tokenizer cuts.
 * @param {WordPieceTokenizer} tokenizer
 * @param {string[]} texts One or two.
 * @param {object} signature The content of `signature.json`.
 * @returns {{token_ids: number[], segment_ids: number[]}}
 */
export function encode(tokenizer, texts, signature) {
  const { before, after_single: afterSingle, between, after } = signature.preprocessing.template;
  const [first, second] = texts.map((text) => tokenizer.ids(text));
  if (second === undefined) {
    const room = signature.max_length - before.length - afterSingle.length;
    const markers = ["[E1]", "[/E1]", "[E2]", "[/E2]"].map((marker) => signature.decoding?.markers?.[marker]);
    const ids = [...before, ...cut(first, markers, room), ...afterSingle];
    return { token_ids: ids, segment_ids: ids.map(() => 0) };
  }
  const room = signature.max_length - before.length - between.length - after.length;
  const [one, two] = longestFirst(first.length, second.length, room);
  const head = [...before, ...first.slice(0, one), ...between];
  const tail = [...second.slice(0, two), ...after];
  return { token_ids: [...head, ...tail], segment_ids: [...head.map(() => 0), ...tail.map(() => 1)] };
}

/** A long text loses its end; one with two marked entities what is not around these. */
function cut(ids, markers, room) {
  const places = markers.map((marker) => ids.lastIndexOf(marker));
  if (ids.length <= room || places.includes(-1)) return ids.slice(0, room);
  const [first, last] = [Math.min(...places), Math.max(...places)];
  const spare = room - (last - first + 1);
  if (spare >= 0) {
    const start = first - Math.min(first, Math.max(Math.floor(spare / 2), spare - (ids.length - 1 - last)));
    return ids.slice(start, start + room);
  }
  // They are too far apart: what stands between them goes.
  const [[head], [tail, end]] = [places.slice(0, 2), places.slice(2)].sort(([one], [other]) => one - other);
  const ofTail = Math.min(Math.floor(room / 2), end - tail + 1);
  return ids.filter((_, at) => (at >= head && at < head + room - ofTail) || (at >= tail && at < tail + ofTail));
}

function longestFirst(one, two, room) {
  if (one + two <= room) return [one, two];
  let [short, long] = one <= two ? [one, two] : [two, one];
  long = short > room ? short : Math.max(short, room - short);
  if (short + long > room) {
    short = Math.floor(room / 2);
    long = short + (room % 2);
  }
  return one <= two ? [short, long] : [long, short];
}
