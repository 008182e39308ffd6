/** Text from guests, files and peers as something a terminal shows instead of obeying, and a person can tell from other text. */

/** Characters that reorder what stands beside them, take no room, or tag: nothing of them is seen where they are. */
function isUnseen(code: number): boolean {
  return (
    (code >= 0x80 && code < 0xa0) ||
    code === 0xad ||
    code === 0x34f ||
    code === 0x61c ||
    code === 0x180e ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    code === 0xfeff ||
    (code >= 0xfff9 && code <= 0xfffb) ||
    (code >= 0xe0000 && code <= 0xe01ef) ||
    (code >= 0xd800 && code <= 0xdfff)
  );
}

// Most text has nothing to escape: one look tells.
const SUSPICIOUS = /[^ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0600\u2010-\u2027\u2190-\u27bf\u2800-\u28ff\u3000-\ud7ff]/;

/**
 * The text with every character escaped that a terminal would obey or show nothing of: `^[`, `^J`, `<9b>`, `<202e>`.
 * Line ends and tabs as well, since a field is one line.
 */
export function visibleText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20) out += `^${String.fromCharCode(code + 0x40)}`;
    else if (code === 0x7f) out += '^?';
    else if (isUnseen(code)) out += `<${code.toString(16)}>`;
    else out += char;
  }
  return out;
}
