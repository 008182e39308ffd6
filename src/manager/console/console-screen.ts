/** What a console shows: its bytes through a terminal emulator, and the result as text that shows the same again. */
import type {TerminalSize} from '../protocol/console.js';

/** Newest bytes of a console that are looked at: more than any screen is made of, and a bound on the time. */
export const SCREEN_SOURCE_BYTES = 131_072;
/** Longest text of a screen; what is longer is cut to its plain characters. Units: UTF-16 code units */
export const SCREEN_TEXT_MAX = 262_144;

/** Puts a terminal into its first state, with nothing on it. */
const CLEAR = '\x1bc';

/**
 * The screen after these bytes, as text with escape sequences: written to an empty terminal of the same size, it shows the
 * same, with colours, cursor and modes. Made of the emulator's cells: no other sequence of the guest's is in it.
 */
export async function renderScreen(bytes: Uint8Array, {columns, rows}: TerminalSize): Promise<string> {
  // Only when one is asked for: the emulator costs the daemon some memory.
  const {Terminal, SerializeAddon} = await import('./screen-emulator.js');
  const terminal = new Terminal({cols: columns, rows, scrollback: 0, allowProposedApi: true});
  try {
    const addon = new SerializeAddon();
    terminal.loadAddon(addon);
    await new Promise<void>((resolve) => terminal.write(bytes, resolve));
    const text = addon.serialize({scrollback: 0});
    return text.length <= SCREEN_TEXT_MAX ? text : plainLines(terminal.buffer.active, rows);
  } finally {
    terminal.dispose();
  }
}

/** Bytes that make any terminal show a rendered screen. */
export function showScreen(text: string): Uint8Array {
  return Buffer.from(`${CLEAR}${text}`);
}

function plainLines(
  buffer: {getLine(row: number): {translateToString(trims: boolean): string} | undefined},
  rows: number,
): string {
  const lines = Array.from({length: rows}, (_, row) => buffer.getLine(row)?.translateToString(true) ?? '');
  return lines.join('\r\n').slice(0, SCREEN_TEXT_MAX);
}
