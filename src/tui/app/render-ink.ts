import type {PassThrough} from 'node:stream';
import {createElement} from 'react';
import type {InkSink} from '../terminal/ink-sink.js';
import type {RootProps} from './root.js';

/** A running Ink tree. `failed` rejects when a component threw. */
export interface InkInstance {
  readonly failed: Promise<unknown>;
  unmount(): void;
}

/**
 * Renders the root component into the compositor's sink. Ink is loaded here, so that the command line never loads it.
 */
export async function renderInk(props: RootProps, sink: InkSink, input: PassThrough): Promise<InkInstance> {
  // Ink asks for colour support when it is loaded, of the real terminal; here the compositor reduces colours itself.
  const before = process.env['FORCE_COLOR'];
  process.env['FORCE_COLOR'] = '3';
  const [{render}, {Root}] = await Promise.all([import('ink'), import('./root.js')]);
  if (before === undefined) delete process.env['FORCE_COLOR'];
  else process.env['FORCE_COLOR'] = before;
  const instance = render(createElement(Root, props), {
    stdout: sink,
    stdin: input,
    stderr: sink,
    debug: true,
    interactive: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  return {failed: instance.waitUntilExit(), unmount: () => instance.unmount()};
}
