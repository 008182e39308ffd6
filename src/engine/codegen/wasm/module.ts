/**
 * A WebAssembly module under construction: types, imports, functions, exports and branch hints.
 * The memory is always imported (`env.memory`, shared): it is the machine. So is table 0 where there is one.
 */
import {pushBytes, pushName, pushU32} from './encoding.js';
import {valueTypeByte} from './expression.js';
import {FunctionBuilder, type FunctionRef, type Signature} from './function.js';

/** Limits of the imported shared memory, in 64 KiB pages. */
export interface MemoryLimits {
  readonly initialPages: number;
  readonly maximumPages: number;
}

/** Collects functions and encodes them as one binary module. Imports must be declared before functions. */
export class ModuleBuilder {
  readonly #types: string[] = [];
  readonly #typeCodes: number[][] = [];
  readonly #imports: {name: string; type: number}[] = [];
  readonly #functions: {builder: FunctionBuilder; type: number; name: string}[] = [];
  readonly #exports: {name: string; index: number}[] = [];
  readonly #memory: MemoryLimits;
  #importsTable = false;

  constructor(memory: MemoryLimits) {
    this.#memory = memory;
  }

  /** Makes table 0 the imported `env.table`. */
  importTable(): void {
    this.#importsTable = true;
  }

  /** Index of a signature in the type section, added when new. */
  typeIndex(signature: Signature): number {
    const key = `${signature.params}>${signature.results}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    const code = [0x60];
    for (const list of [signature.params, signature.results]) {
      pushU32(code, list.length);
      for (const type of list) code.push(valueTypeByte(type));
    }
    this.#types.push(key);
    this.#typeCodes.push(code);
    return this.#types.length - 1;
  }

  /** Declares an imported function `env.<name>`. */
  import(name: string, signature: Signature): FunctionRef {
    if (this.#functions.length > 0) throw new Error('imports come before functions');
    this.#imports.push({name, type: this.typeIndex(signature)});
    return {index: this.#imports.length - 1, signature};
  }

  /** Starts a function; it may be called before its body is written. */
  function(name: string, signature: Signature, isExported = false): FunctionBuilder {
    const builder = new FunctionBuilder(this.#imports.length + this.#functions.length, signature);
    this.#functions.push({builder, type: this.typeIndex(signature), name});
    if (isExported) this.#exports.push({name, index: builder.index});
    return builder;
  }

  /** The binary module. Errors: throws when a body branches or calls out of shape; V8 validates the rest. */
  finish(): Uint8Array<ArrayBuffer> {
    const out = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
    const section = (id: number, fill: (body: number[]) => void) => {
      const body: number[] = [];
      fill(body);
      out.push(id);
      pushU32(out, body.length);
      pushBytes(out, body);
    };
    section(1, (body) => {
      pushU32(body, this.#typeCodes.length);
      for (const code of this.#typeCodes) pushBytes(body, code);
    });
    section(2, (body) => {
      pushU32(body, this.#imports.length + (this.#importsTable ? 2 : 1));
      pushName(body, 'env');
      pushName(body, 'memory');
      body.push(0x02, 0x03);
      pushU32(body, this.#memory.initialPages);
      pushU32(body, this.#memory.maximumPages);
      if (this.#importsTable) {
        pushName(body, 'env');
        pushName(body, 'table');
        body.push(0x01, 0x70, 0x00, 0x00);
      }
      for (const {name, type} of this.#imports) {
        pushName(body, 'env');
        pushName(body, name);
        body.push(0x00);
        pushU32(body, type);
      }
    });
    section(3, (body) => {
      pushU32(body, this.#functions.length);
      for (const {type} of this.#functions) pushU32(body, type);
    });
    section(7, (body) => {
      pushU32(body, this.#exports.length);
      for (const {name, index} of this.#exports) {
        pushName(body, name);
        body.push(0x00);
        pushU32(body, index);
      }
    });
    const finished = this.#functions.map(({builder}) => ({builder, ...builder.finish()}));
    const hinted = finished.filter(({builder}) => builder.hints.length > 0);
    if (hinted.length > 0) {
      section(0, (body) => {
        pushName(body, 'metadata.code.branch_hint');
        pushU32(body, hinted.length);
        for (const {builder, bodyOffset} of hinted) {
          pushU32(body, builder.index);
          pushU32(body, builder.hints.length);
          for (const {offset, value} of builder.hints) {
            pushU32(body, offset + bodyOffset);
            body.push(0x01, value);
          }
        }
      });
    }
    section(10, (body) => {
      pushU32(body, finished.length);
      for (const {code} of finished) {
        pushU32(body, code.length);
        pushBytes(body, code);
      }
    });
    return Uint8Array.from(out);
  }
}
