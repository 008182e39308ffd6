/**
 * V8's settings for regions. They hold for the whole process and can be changed while it runs:
 * - Inlining by feedback is off from the start: it needs what the baseline compiler saw of every function, and regions
 *   have no baseline code (V8 14 ends the process over that). The same happens to an instance made with inlining off of
 *   code compiled with it on, so it is off for machines without regions too: one process may run both.
 * - Regions are compiled at once by the optimising compiler: they are hot by definition, and a function compiled lazily
 *   would hold its hart up. Everything else keeps the defaults: the interpreter optimised at once would take a second.
 * Without these settings everything works too, slower. A process may have been started so that they cannot be changed.
 */
import v8 from 'node:v8';

/** A V8 option that makes machines slower, as it was given to this process, and what it does. */
export interface Hindrance {
  readonly option: string;
  readonly effect: string;
}

const FROZEN = '--freeze-flags-after-init';

/** In the order of how much they cost. */
const hindrances: Readonly<Record<string, string>> = {
  '--wasm-jitless': 'nothing is compiled',
  '--liftoff-only': 'hot guest code is compiled without optimisation',
  [FROZEN]: 'hot guest code is optimised late',
  '--no-wasm-tier-up': 'the interpreter of guest code is never optimised',
  '--no-wasm-dynamic-tiering': 'the interpreter of guest code is never optimised',
  '--no-liftoff': 'machines start a second later',
};

/** The one of this process's V8 options that costs most, if there is one. */
export function findHindrance(): Hindrance | undefined {
  const given = new Set(options());
  const option = Object.keys(hindrances).find((name) => given.has(name));
  return option === undefined ? undefined : {option, effect: hindrances[option]!};
}

/** Must run before anything of any machine in this process is compiled, and before there are threads. */
export function prepareForGuestCode(): void {
  if (areFrozen()) return;
  v8.setFlagsFromString('--no-wasm-inlining');
  v8.setFlagsFromString('--no-wasm-inlining-call-indirect');
}

/** Compiles a module with the optimising compiler. */
export function compileOptimised(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  if (areFrozen()) return new WebAssembly.Module(bytes);
  v8.setFlagsFromString('--no-liftoff');
  v8.setFlagsFromString('--no-wasm-lazy-compilation');
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    v8.setFlagsFromString('--liftoff');
    v8.setFlagsFromString('--wasm-lazy-compilation');
  }
}

/** True when V8 ends the process that tries to set a flag. Threads inherit the options of their process. */
function areFrozen(): boolean {
  return options().includes(FROZEN);
}

/** V8 takes underscores for dashes, and one dash for two. NODE_OPTIONS takes none of the options that matter here. */
function options(): readonly string[] {
  return process.execArgv.map((option) => option.replace(/^-(?=[^-])/, '--').replaceAll('_', '-'));
}
