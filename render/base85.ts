/**
 * Base 85 with the alphabet of RFC 1924, as Python's `base64.b85decode` reads it: five characters for four bytes, where
 * base64 takes five and a third. It has no quote and no backslash, so in single quotes it is YAML.
 */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

const BYTES = 4;
const CHARACTERS = 5;

/** Writes bytes down; the last group is as short as what is left. */
export function encodeBase85(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += BYTES) {
    const length = Math.min(BYTES, bytes.length - at);
    let value = 0;
    for (let index = 0; index < BYTES; index += 1) value = value * 256 + (index < length ? bytes[at + index] : 0);
    let group = "";
    for (let index = 0; index < CHARACTERS; index += 1) {
      group = ALPHABET[value % 85] + group;
      value = Math.floor(value / 85);
    }
    text += group.slice(0, length + 1);
  }
  return text;
}

/** Reads what {@link encodeBase85} wrote. */
export function decodeBase85(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += CHARACTERS) {
    const group = text.slice(at, at + CHARACTERS);
    const value = [...group.padEnd(CHARACTERS, "~")].reduce((sum, character) => sum * 85 + ALPHABET.indexOf(character), 0);
    const whole = [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
    bytes.push(...whole.slice(0, group.length - 1));
  }
  return Uint8Array.from(bytes);
}
