import {text} from '../../text/text.js';
import type {AskedPaste} from '../paste.js';
import {formatBytes} from './units.js';

/** The question about a paste, then the beginning of it, each a line. */
export function pasteQuestion(paste: AskedPaste, machineName: string): readonly string[] {
  const {lineCount, controlCount, bytes, preview} = paste;
  const question = text.consoles.paste.question({
    lines: lineCount,
    size: formatBytes(bytes.length),
    controls: controlCount,
    machine: machineName,
  });
  const more = lineCount > preview.length ? [text.consoles.paste.more(lineCount - preview.length)] : [];
  return [question, ...preview, ...more];
}
