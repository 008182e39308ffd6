import type {AskedPaste} from '../paste.js';
import {formatBytes} from './units.js';

/** The question about a paste, then the beginning of it, each a line. */
export function pasteQuestion(paste: AskedPaste, machineName: string): readonly string[] {
  const {lineCount, controlCount, bytes, preview} = paste;
  const lines = `${lineCount} ${lineCount === 1 ? 'line' : 'lines'}`;
  const controls = controlCount === 0 ? '' : `, ${controlCount} control ${controlCount === 1 ? 'byte' : 'bytes'}`;
  const more = lineCount > preview.length ? [`… ${lineCount - preview.length} more`] : [];
  return [`Type ${lines} (${formatBytes(bytes.length)}${controls}) into ${machineName}?`, ...preview, ...more];
}
