const REPLACEMENTS: Readonly<Record<string, string>> = {
  '…': '.',
  '·': '-',
  '–': '-',
  '—': '-',
  '●': '*',
  '○': 'o',
  '◐': '~',
  '◌': '.',
  '‖': '=',
  '✗': 'x',
  '✓': 'v',
  '▸': '>',
  '▶': '>',
  '◂': '<',
  '↑': '^',
  '↓': 'v',
  '←': '<',
  '→': '>',
  '⏎': '<',
  '◆': '#',
  '◇': 'o',
  '↶': 'u',
  '│': '|',
  '┃': '|',
  '║': '|',
  '─': '-',
  '━': '-',
  '═': '=',
};

/**
 * The nearest ASCII text of the same width for one character of a cell.
 * Line drawing becomes `+ - |`, bars become `#` to `.`, braille becomes dots by weight; the rest becomes `?`.
 */
export function toAscii(char: string, width: number): string {
  const code = char.codePointAt(0) ?? 0x20;
  if (code < 0x7f && char.length === 1) return char;
  const known = REPLACEMENTS[char];
  if (known !== undefined) return known;
  if (code >= 0x2500 && code <= 0x257f) return '+';
  if (code >= 0x2581 && code <= 0x2588) return '.:-=+*##'[code - 0x2581] ?? '#';
  if (code >= 0x2800 && code <= 0x28ff) return brailleWeight(code - 0x2800);
  return '?'.padEnd(width, ' ');
}

function brailleWeight(bits: number): string {
  let dots = 0;
  for (let bit = 0; bit < 8; bit++) dots += (bits >> bit) & 1;
  return ' ..::**##'[dots] ?? '#';
}
