/** Letters and signs that are drawn like others: which of them, in a text, could make it be read as something else. */

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;
const NOT_ASCII = /\P{ASCII}/u;
const LATIN = /\p{Script=Latin}/u;
/** Written together with Latin letters in ordinary text, and like none of them. */
const BESIDE_LATIN =
  /[\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u;

/**
 * Scripts in which whole words can be spelt that read as Latin ones, and the letters to spell them with. A text that has other
 * letters of such a script is written in it, and its short words are what they seem.
 */
const TWINS: readonly { readonly script: RegExp; readonly letters: RegExp }[] = [
  { script: /\p{Script=Cyrillic}/gu, letters: /[асеорхуіјѕһԁԛԝѵӏАВЕЅІЈКМНОРСТУХҮӀԌԚԜ]/u },
  { script: /\p{Script=Greek}/gu, letters: /[ονρΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϲϳ]/u },
  { script: /\p{Script=Armenian}/gu, letters: /[օհսոՕՍԼ]/u },
];

/** Where, in UTF-16 units, a letter or sign stands that looks like another. */
export function* lookAlikes(text: string): Iterable<number> {
  if (!NOT_ASCII.test(text)) return;
  const twins = TWINS.filter(({ script, letters }) => (text.match(script) ?? []).every((char) => letters.test(char)));
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (NOT_ASCII.test(word)) yield* inWord(word, index, twins);
  }
  yield* signs(text);
}

function* inWord(word: string, index: number, twins: typeof TWINS): Iterable<number> {
  const mixed = LATIN.test(word);
  let at = index;
  for (const char of word) {
    const foreign = mixed && !BESIDE_LATIN.test(char);
    const twin = twins.some(({ letters }) => letters.test(char));
    if (foreign || twin || disguised(char)) yield at;
    at += char.length;
  }
}

/** Fullwidth, mathematical and other stylings of ASCII letters and digits, and code points that are another's duplicate. */
function disguised(char: string): boolean {
  if (!NOT_ASCII.test(char)) return false;
  return char.normalize("NFC") !== char || (/[\p{L}\p{Nd}]/u.test(char) && /^[0-9A-Za-z]+$/.test(char.normalize("NFKC")));
}

const CJK = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\u3000-\u303F\uFF00-\uFF65]`;
/** Slashes, dots, colons, hyphens and marks that stand in for the ASCII ones. A minus before a digit is a minus. */
const SIGNS =
  /[\u01C3\u02D0\u0589\u05C3\u2010-\u2012\u2043\u2044\u2215\u2216\u2223\u2236\u2024\u29F5\u29F8\u29F9\uA789\u037E\u1FEF]|\u2212(?!\p{Nd})/gu;
/** Wide signs belong to Chinese, Japanese and Korean text, and are odd elsewhere. */
const WIDE_SIGNS = new RegExp(String.raw`(?<!${CJK})[\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF5E\uFE52-\uFE6B](?!${CJK})`, "gu");

function* signs(text: string): Iterable<number> {
  for (const match of text.matchAll(SIGNS)) yield match.index;
  for (const match of text.matchAll(WIDE_SIGNS)) yield match.index;
}
