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
 * Renders the root component into the compositor's sink, once Ink is loaded and `ready` has come. Ink is loaded here, so that
 * the command line never loads it.
 */
export async function renderInk(
  props: RootProps,
  sink: InkSink,
  input: PassThrough,
  ready: () => Promise<void>,
): Promise<InkInstance> {
  // Ink asks for colour support when it is loaded, of the real terminal; here the compositor reduces colours itself.
  const [{render}, {Root}] = await withEnvironment({FORCE_COLOR: '3', NO_COLOR: undefined}, () =>
    Promise.all([import('ink'), import('./root.js')]),
  );
  await ready();
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

// Puts the variables back afterwards: the daemon that is started later must not inherit them.
async function withEnvironment<T>(
  changes: Readonly<Record<string, string | undefined>>,
  task: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(changes).map((name) => [name, process.env[name]] as const);
  const apply = (values: Iterable<readonly [string, string | undefined]>) => {
    for (const [name, value] of values) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  apply(Object.entries(changes));
  try {
    return await task();
  } finally {
    apply(before);
  }
}
