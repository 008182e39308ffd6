/** A console as /dev/pts/N, for screen, minicom and socat. */
import {openPty} from '../../../paravirt/char/backends/pty.js';
import {ParavirtError} from '../../../paravirt/error.js';
import type {ConsoleTerminal} from '../../console/machine-console.js';
import type {TerminalSize} from '../../protocol/console.js';

/** Opens one, or answers `undefined` where the host has none: consoles are reachable without, `viv doctor` tells. */
export async function openPseudoTerminal(
  size: TerminalSize,
  onInput: (bytes: Uint8Array) => void,
): Promise<ConsoleTerminal | undefined> {
  try {
    const endpoint = await openPty(
      {
        input: (bytes) => {
          onInput(bytes);
          return bytes.length;
        },
      },
      size,
    );
    return {
      path: endpoint.address,
      write: (bytes) => endpoint.write(bytes),
      resize: ({columns, rows}) => endpoint.resize(columns, rows),
      close: async () => endpoint[Symbol.asyncDispose](),
    };
  } catch (thrown) {
    if (thrown instanceof ParavirtError && thrown.code === 'unavailable') return undefined;
    throw thrown;
  }
}
