/** What a terminal sends for keys, by the names that the program's decoder gives them. */
const SEQUENCES: Readonly<Record<string, string>> = {
  up: '\x1b[A',
  down: '\x1b[B',
  right: '\x1b[C',
  left: '\x1b[D',
  home: '\x1b[H',
  end: '\x1b[F',
  pageup: '\x1b[5~',
  pagedown: '\x1b[6~',
  'shift-pageup': '\x1b[5;2~',
  'shift-pagedown': '\x1b[6;2~',
  'shift-tab': '\x1b[Z',
  f1: '\x1bOP',
  f8: '\x1b[19~',
  tab: '\t',
  enter: '\r',
  esc: '\x1b',
  space: ' ',
};

/** The bytes of a key. Errors: throws for a name that it does not know */
export function keyBytes(key: string): string {
  const sequence = SEQUENCES[key];
  if (sequence !== undefined) return sequence;
  if (/^ctrl-[a-z]$/.test(key)) return String.fromCharCode(key.charCodeAt(5) - 0x60);
  if (key.length === 1) return key;
  throw new Error(`It is not known what a terminal sends for ${key}.`);
}
