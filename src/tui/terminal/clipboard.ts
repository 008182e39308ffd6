/** Longest text for the clipboard: what terminals are known to take at least, once it is base64. Units: bytes of UTF-8 */
export const MAX_CLIPBOARD_BYTES = 74_994;

/**
 * The sequence that puts a text into the clipboard of the person's terminal (OSC 52), or `undefined` when it is too long.
 * Inside tmux it is sent twice: as it is, for tmux' own `set-clipboard on`, and passed through to the terminal around it.
 */
export function clipboardSequence(text: string, env: NodeJS.ProcessEnv): string | undefined {
  const bytes = Buffer.from(text);
  if (bytes.length > MAX_CLIPBOARD_BYTES) return undefined;
  const sequence = `\x1b]52;c;${bytes.toString('base64')}\x07`;
  if (!env['TMUX']) return sequence;
  return `${sequence}\x1bPtmux;${sequence.replaceAll('\x1b', '\x1b\x1b')}\x1b\\`;
}
