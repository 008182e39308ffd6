/** The parts of the WebAssembly JavaScript interface that the engine uses (the Node typings leave them out). */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: ArrayBufferView | ArrayBuffer);
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
  class Table {
    constructor(descriptor: {initial: number; maximum?: number; element: 'anyfunc'}, value?: unknown);
    set(index: number, value: unknown): void;
    grow(delta: number, value: unknown): number;
    readonly length: number;
  }
  class Memory {
    constructor(descriptor: {initial: number; maximum: number; shared: true});
    readonly buffer: SharedArrayBuffer;
  }
  function compile(bytes: ArrayBufferView | ArrayBuffer): Promise<Module>;
  function validate(bytes: ArrayBufferView | ArrayBuffer): boolean;
}
